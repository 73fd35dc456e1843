// Requests for a slot that no thread waits for, and that fail: with a call, the device or the ring.
#include <atomic>
#include <coroutine>
#include <exception>
#include <latch>
#include <string>
#include <utility>
#include <vector>

#include "conformance/async_acquire.h"

namespace cbr::test {
namespace {

// Failures.

TEST_P(AsyncAcquire, AFailureToBeginIsThatRequestsAlone) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  CBR_ARRANGE(harness_->fail_next_begin());
  Seen seen;
  acquire_one(ring, seen);
  Answers answers;
  ring.acquire_async({}, answers.note(2));
  lease.discard();
  seen.ended.wait();
  expect_failure<BackendError>(seen.error);
  EXPECT_TRUE(answers.come(1));
  EXPECT_EQ(answers.names(), std::vector{2});
  expect_whole();
}

TEST_P(AsyncAcquire, AFailureToBeginAtOnceIsTold) {
  auto& ring = make_ring(1);
  CBR_ARRANGE(harness_->fail_next_begin());
  std::exception_ptr failure;
  ring.acquire_async({}, [&](AcquireResult result) {
    failure = result.failure();
    EXPECT_THROW((void)std::move(result).lease(), BackendError);
  });
  expect_failure<BackendError>(failure);
  expect_whole();
}

TEST_P(AsyncAcquire, ALossFailsAllThatWait) {
  auto& ring = make_ring(1);
  harness_->pause();
  submit_one();
  Seen first;
  Seen second;
  acquire_one(ring, first);
  acquire_one(ring, second);
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) {
    harness_->release();
    first.ended.wait();
    second.ended.wait();
    GTEST_SKIP() << reason;
  }
  first.ended.wait();
  second.ended.wait();
  expect_failure<DeviceLost>(first.error);
  expect_failure<DeviceLost>(second.error);
  std::exception_ptr failure;
  ring.acquire_async({}, [&](const AcquireResult& result) { failure = result.failure(); });
  expect_failure<DeviceLost>(failure);
}

TEST_P(AsyncAcquire, WhatIsWrongWithTheCallIsThrownAtOnce) {
  auto& ring = make_ring(1);
  const auto fails = [](const AcquireResult&) { ADD_FAILURE() << "it ran"; };
  EXPECT_THROW((void)ring.acquire_async({.queue = QueueIndex{7}}), InvalidOption);
  EXPECT_THROW(ring.acquire_async({.queue = QueueIndex{7}}, fails), InvalidOption);
  EXPECT_THROW(ring.acquire_async({}, nullptr), InvalidUsage);
  EXPECT_THROW((void)Sequence().acquire_async(), InvalidUsage);
  EXPECT_THROW(Sequence().acquire_async({}, fails), InvalidUsage);
  CommandBufferRing moved = std::move(ring);
  EXPECT_THROW((void)ring.acquire_async(), InvalidUsage);  // NOLINT(bugprone-use-after-move)
  (void)moved.acquire_async();
  EXPECT_EQ(moved.statistics().wait_events, 0U) << "it asks when it is awaited";
}

// The ring's end.

TEST_P(AsyncAcquire, TheRingsEndFailsAllThatWait) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Seen waiting;
  acquire_one(ring, waiting);
  std::exception_ptr failure;
  AcquireHandle handle =
      ring.acquire_async({}, [&](const AcquireResult& result) { failure = result.failure(); });
  destroy_ring();
  ASSERT_TRUE(waiting.ended.try_wait()) << "before the destructor returns";
  expect_failure<InvalidUsage>(waiting.error);
  expect_failure<InvalidUsage>(failure);
  EXPECT_FALSE(handle.cancel());
  lease.discard();
}

TEST_P(AsyncAcquire, TheRingsEndTakesBackWhatNobodyWasToldOf) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::latch running(1);
  std::exception_ptr failure;
  std::latch ended(1);
  // Ends the ring on the acquire thread, which has a granted request behind it.
  ring.acquire_async({}, [&](AcquireResult result) {
    std::move(result).lease().discard();
    running.count_down();
    EXPECT_TRUE(eventually([&] { return ring_->statistics().leased == 1; }));
    destroy_ring();
  });
  ring.acquire_async({}, [&](const AcquireResult& result) {
    failure = result.failure();
    ended.count_down();
  });
  lease.discard();
  running.wait();
  ended.wait();
  expect_failure<InvalidUsage>(failure);
  for (const std::string& line : warnings()) {
    EXPECT_THAT(line, testing::Not(testing::HasSubstr("leased"))) << "nobody leased it";
  }
}

TEST_P(AsyncAcquire, AnExecutorMayResumeAfterTheRingsEnd) {
  std::vector<std::coroutine_handle<>> ready;
  auto& ring =
      make_ring(RingOptions{.ring_size = 1, .executor = [&](std::coroutine_handle<> coroutine) {
                              ready.push_back(coroutine);
                            }});
  Lease lease = ring.acquire();
  std::atomic<int> resumed = 0;
  OwnedTask late = count_acquired(ring, resumed);
  OwnedTask destroyed = count_acquired(ring, resumed);
  destroy_ring();
  EXPECT_EQ(ready.size(), 2U);
  destroyed.destroy();
  late.resume();
  ASSERT_TRUE(late.ended());
  expect_failure<InvalidUsage>(late.error());
  lease.discard();
}

OwnedTask await_it(detail::LeaseAwaiter awaiter) {
  (co_await awaiter).discard();
}

TEST_P(AsyncAcquire, AnAwaiterMayOutliveItsRing) {
  auto& ring = make_ring(1);
  auto awaiter = ring.acquire_async();
  auto unused = ring.acquire_async();
  destroy_ring();
  const OwnedTask task = await_it(std::move(awaiter));
  ASSERT_TRUE(task.ended());
  expect_failure<InvalidUsage>(task.error());
}

TEST_P(AsyncAcquire, AResetFailsWhatWaitedForTheOldRing) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Seen seen;
  acquire_one(ring, seen);
  harness_->renew();
  ring.reset(harness_->backend());
  ASSERT_TRUE(seen.ended.try_wait());
  expect_failure<InvalidUsage>(seen.error);
  lease.discard();
  expect_whole();
}

TEST_P(AsyncAcquire, ALargerRingServesThoseThatWait) {
  auto& ring = make_ring(1);
  harness_->pause();
  submit_one();
  Seen seen;
  acquire_one(ring, seen);
  ring.set_ring_size(2);
  seen.ended.wait();
  EXPECT_EQ(seen.error, nullptr);
  harness_->release();
}

detail::LeaseAwaiter ask_as_the_last(Sequence sequence) {
  return sequence.acquire_async();
}

TEST_P(AsyncAcquire, ASequenceCannotAskForASlotOfARingThatIsGone) {
  Sequence sequence = make_ring(1).sequence();
  destroy_ring();
  // What it got would outlive what is left of the ring.
  EXPECT_THROW((void)ask_as_the_last(std::move(sequence)), InvalidUsage);
}

}  // namespace
}  // namespace cbr::test
