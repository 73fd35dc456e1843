#include "core/timeline.h"

#include <array>

#include <gtest/gtest.h>

#include "core/submission.h"

namespace cbr::detail {
namespace {

TEST(Timeline, StartsEmptyBeforeSerialOne) {
  Timeline timeline;
  timeline.reserve(2);
  EXPECT_EQ(timeline.last_submitted().value(), 0U);
  EXPECT_EQ(timeline.retired().value(), 0U);
  EXPECT_EQ(timeline.next().value(), 1U);
  EXPECT_FALSE(timeline.oldest());
}

TEST(Timeline, AskingForTheNextSerialTakesNone) {
  Timeline timeline;
  timeline.reserve(1);
  EXPECT_EQ(timeline.next().value(), 1U);
  EXPECT_EQ(timeline.next().value(), 1U) << "a submission that failed burns no serial";
}

TEST(Timeline, KnowsWhatIsInFlight) {
  std::array<Submission, 3> submissions;
  Timeline timeline;
  timeline.reserve(3);
  for (Submission& submission : submissions) timeline.push(submission);
  EXPECT_EQ(timeline.last_submitted().value(), 3U);
  EXPECT_EQ(timeline.next().value(), 4U);
  for (std::uint64_t serial = 1; serial <= 3; ++serial) {
    EXPECT_EQ(timeline.oldest()->value(), serial);
    EXPECT_EQ(&timeline[Serial(serial)], &submissions.at(serial - 1));
    timeline.retire(Serial(serial));
    EXPECT_EQ(timeline.retired().value(), serial);
  }
  EXPECT_FALSE(timeline.oldest());
  EXPECT_EQ(timeline.last_submitted().value(), 3U);
}

TEST(Timeline, SeveralCanBeRetiredAtOnce) {
  std::array<Submission, 3> submissions;
  Timeline timeline;
  timeline.reserve(3);
  for (Submission& submission : submissions) timeline.push(submission);
  timeline.retire(Serial(2));
  EXPECT_EQ(timeline.oldest()->value(), 3U);
}

TEST(Timeline, GoesRoundItsStorageManyTimesAndMixesNothingUp) {
  // Capacities that are powers of two, and some that are not; as full as can be.
  for (const std::uint32_t capacity : {1U, 2U, 3U, 5U, 64U, 1024U}) {
    std::array<Submission, max_ring_size> submissions;
    Timeline timeline;
    timeline.reserve(capacity);
    for (std::uint64_t serial = 1; serial <= 3 * std::uint64_t{capacity} + 7; ++serial) {
      if (serial > capacity) {
        const Serial oldest(serial - capacity);
        ASSERT_EQ(timeline.oldest()->value(), oldest.value());
        ASSERT_EQ(&timeline[oldest], &submissions.at(oldest.value() % capacity)) << capacity;
        timeline.retire(oldest);
      }
      timeline.push(submissions.at(serial % capacity));
    }
  }
}

}  // namespace
}  // namespace cbr::detail
