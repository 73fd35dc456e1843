// What handlers tell, in any order, joined to what has ended.
#include "backends/metal/progress.h"

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "support/eventually.h"

namespace cbr::metal {
namespace {

using namespace std::chrono_literals;

constexpr QueueIndex queue0{0};
constexpr QueueIndex queue1{1};

class ProgressTest : public testing::Test {
 protected:
  std::shared_ptr<Work> submit(QueueIndex queue = queue0) {
    auto work = std::make_shared<Work>(queue);
    progress_.submitted(work);
    return work;
  }
  std::uint64_t completed(QueueIndex queue = queue0) { return progress_.completed(queue).value(); }
  WaitStatus wait(SyncPoint point, std::uint64_t wake_number, TimePoint deadline) {
    return progress_.wait({&point, 1}, wake_number, deadline);
  }

  std::shared_ptr<DeviceLoss> loss_ = std::make_shared<DeviceLoss>();
  Progress progress_{2, loss_};
};

TEST_F(ProgressTest, CountsOnlyWhatAllBeforeItHaveEndedWith) {
  const auto first = submit();
  const auto second = submit();
  const auto third = submit();
  progress_.ended(*third, {});
  EXPECT_EQ(completed(), 0U);
  progress_.ended(*first, {});
  EXPECT_EQ(completed(), 1U);
  progress_.ended(*second, {});
  EXPECT_EQ(completed(), 3U);
}

TEST_F(ProgressTest, TakesAnEndThatComesBeforeTheSubmission) {
  const auto first = submit();
  const auto early = std::make_shared<Work>(queue0);
  progress_.ended(*early, {});
  EXPECT_EQ(completed(), 0U);
  progress_.submitted(early);
  EXPECT_EQ(completed(), 0U) << "the first has not ended";
  progress_.ended(*first, {});
  EXPECT_EQ(completed(), 2U);
}

TEST_F(ProgressTest, QueuesCountByThemselves) {
  const auto a = submit(queue0);
  const auto b = submit(queue1);
  progress_.ended(*b, {});
  EXPECT_EQ(completed(queue0), 0U);
  EXPECT_EQ(completed(queue1), 1U);
  const std::array points{SyncPoint{queue0, Serial(1)}, SyncPoint{queue1, Serial(1)}};
  EXPECT_EQ(progress_.wait(points, 0, no_deadline), WaitStatus::reached) << "one of them has";
  progress_.ended(*a, {});
}

TEST_F(ProgressTest, HandsOutTheOutcome) {
  const auto work = submit();
  progress_.ended(*work, {.times = {GpuInterval{1ns, 2ns}, 2ns}, .error = "it broke"});
  const Outcome outcome = progress_.take_outcome(*work);
  EXPECT_EQ(outcome.error, "it broke");
  EXPECT_EQ(outcome.times.interval, (GpuInterval{1ns, 2ns}));
  EXPECT_EQ(outcome.times.end, 2ns);
}

TEST_F(ProgressTest, AWaitEndsAtItsDeadline) {
  const auto work = submit();
  EXPECT_EQ(wait({queue0, Serial(1)}, 0, Clock::now() + 1ms), WaitStatus::timed_out);
  EXPECT_EQ(wait({queue0, Serial(1)}, 0, TimePoint::min()), WaitStatus::timed_out);
  progress_.ended(*work, {});
  EXPECT_EQ(wait({queue0, Serial(1)}, 0, TimePoint::min()), WaitStatus::reached);
}

TEST_F(ProgressTest, AHandlerEndsAWait) {
  const auto work = submit();
  std::thread handler([&] { progress_.ended(*work, {}); });
  EXPECT_EQ(wait({queue0, Serial(1)}, 0, no_deadline), WaitStatus::reached);
  handler.join();
}

TEST_F(ProgressTest, AWakeEndsWaitsOfItsNumberAndBelow) {
  const auto work = submit();
  progress_.wake(2);
  EXPECT_EQ(wait({queue0, Serial(1)}, 1, no_deadline), WaitStatus::woken);
  EXPECT_EQ(wait({queue0, Serial(1)}, 2, no_deadline), WaitStatus::woken);
  EXPECT_EQ(wait({queue0, Serial(1)}, 3, Clock::now()), WaitStatus::timed_out);
  EXPECT_EQ(wait({queue0, Serial(1)}, 0, Clock::now()), WaitStatus::timed_out);
  progress_.wake(1);
  EXPECT_EQ(wait({queue0, Serial(1)}, 2, no_deadline), WaitStatus::woken) << "it does not go back";
  std::thread waker([&] { progress_.wake(3); });
  EXPECT_EQ(wait({queue0, Serial(1)}, 3, no_deadline), WaitStatus::woken);
  waker.join();
  progress_.ended(*work, {});
  EXPECT_EQ(wait({queue0, Serial(1)}, 3, no_deadline), WaitStatus::reached) << "rather than woken";
}

TEST_F(ProgressTest, ALossEndsWaitsAndKeepsItsFirstCause) {
  const auto first = submit();
  const auto second = submit();
  std::thread handler([&] {
    progress_.ended(*first, {.error = "gone", .device_lost = true});
    progress_.ended(*second, {.error = "gone again", .device_lost = true});
  });
  try {
    // Not the first's: it has ended, and a wait for it may find that before the loss.
    wait({queue0, Serial(3)}, 0, no_deadline);
    ADD_FAILURE();
  } catch (const DeviceLost& error) {
    EXPECT_STREQ(error.what(), "gone");
  }
  handler.join();
  EXPECT_THROW(loss_->require_usable(), DeviceLost);
}

}  // namespace
}  // namespace cbr::metal
