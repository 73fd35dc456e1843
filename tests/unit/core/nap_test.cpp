#include "core/nap.h"

#include <chrono>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint now{1h};

StepForecast::Estimate in(std::chrono::nanoseconds time, std::chrono::nanoseconds deviation = 0ns,
                          std::chrono::nanoseconds step = 1ms) {
  return {.end = now + time, .deviation = deviation, .step = step};
}

TEST(NapEnd, IsBeforeTheEndByHowLateThreadsWake) {
  EXPECT_EQ(nap_end(in(1ms), 0, false, 60us, now), now + 940us);
}

TEST(NapEnd, IsEarlierWhereStepsVary) {
  EXPECT_EQ(nap_end(in(1ms, 100us), 0, false, 60us, now), now + 740us);
}

TEST(NapEnd, ShortNapsAreNotWorthIt) {
  EXPECT_TRUE(nap_end(in(100us), 0, false, 80us, now));
  EXPECT_FALSE(nap_end(in(100us), 0, false, 81us, now));
  EXPECT_FALSE(nap_end(in(-1s), 0, false, 0us, now));
}

TEST(NapEnd, MayBeLateByHalfOfWhatIsQueued) {
  EXPECT_EQ(nap_end(in(1ms), 2, true, 60us, now), now + 940us + 1ms);
  EXPECT_EQ(nap_end(in(1ms), 2, false, 60us, now), now + 940us);
  EXPECT_EQ(nap_end(in(1ms), 0, true, 60us, now), now + 940us);
}

TEST(WakeUpLatenessTest, FollowsSleepsThatEndLate) {
  WakeUpLateness lateness;
  for (int i = 0; i < 200; ++i) lateness.measured(now, now + 200us);
  EXPECT_GT(lateness.expected(), 195us);
  EXPECT_LE(lateness.expected(), 200us);
}

TEST(WakeUpLatenessTest, FollowsFasterUpThanDown) {
  WakeUpLateness lateness;
  for (int i = 0; i < 500; ++i) lateness.measured(now, now + 10us);
  const auto low = lateness.expected();
  EXPECT_LT(low, 12us);
  lateness.measured(now, now + 110us);
  const auto high = lateness.expected();
  EXPECT_GT(high, low + 20us);
  lateness.measured(now, now + low);
  EXPECT_GT(lateness.expected(), low + 20us);
}

TEST(WakeUpLatenessTest, OneLongStopIsNoReasonToWakeForEverEarlier) {
  WakeUpLateness lateness;
  // The machine slept, say. And clocks that went back count as in time.
  lateness.measured(now, now + 1h);
  EXPECT_LE(lateness.expected(), 1ms);
  lateness.measured(now, now - 1h);
  EXPECT_GT(lateness.expected(), 0ns);
}

TEST(NapPiecesTest, AShortNapIsOnePiece) {
  const NapPieces pieces(now, now + 90us);
  EXPECT_EQ(pieces.next(), now + 90us);
  EXPECT_EQ(pieces.end(), now + 90us);
}

TEST(NapPiecesTest, LooksAreFewAndEarly) {
  NapPieces pieces(now, now + 16ms);
  EXPECT_EQ(pieces.next(), now + 1ms);
  int looks = 0;
  for (; pieces.next() < pieces.end(); ++looks) {
    const TimePoint look = pieces.next();
    pieces.looked(look);
    // What ended right after a look is noticed at the next.
    EXPECT_LE(pieces.next() - now, 2 * (look - now));
    EXPECT_GT(pieces.next(), look);
  }
  EXPECT_EQ(looks, 4);
  EXPECT_EQ(pieces.next(), now + 16ms);
}

TEST(NapPiecesTest, AForecastOfAnHourIsLookedAtSoonToo) {
  NapPieces pieces(now, now + 1h);
  EXPECT_EQ(pieces.next(), now + 1ms);
  int looks = 0;
  for (; pieces.next() < pieces.end(); ++looks) pieces.looked(pieces.next());
  EXPECT_LT(looks, 25);
}

TEST(NapPiecesTest, ALookBeforeItsTimeLeavesTheNextWhereItWas) {
  NapPieces pieces(now, now + 16ms);
  pieces.looked(now + 10us);
  EXPECT_EQ(pieces.next(), now + 1ms);
}

TEST(NapPiecesTest, ALateLookNeverGoesBeyondTheEnd) {
  NapPieces pieces(now, now + 16ms);
  pieces.looked(now + 15ms);
  EXPECT_EQ(pieces.next(), now + 16ms);
}

}  // namespace
}  // namespace cbr::detail
