// Coroutines that wait for tickets.
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <latch>
#include <mutex>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

/// A coroutine that starts at once and that nobody waits for.
struct Task {
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { ADD_FAILURE() << "an exception left the coroutine"; }
  };
};

/// Coroutines that are run by whoever calls run_one().
class ReadyQueue {
 public:
  Executor executor() {
    return [this](std::coroutine_handle<> coroutine) {
      // Notified under the lock: once it is free, the test may be over and this object gone.
      const std::lock_guard lock(mutex_);
      ready_.push_back(coroutine);
      changed_.notify_one();
    };
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty(); });
    const auto coroutine = ready_.front();
    ready_.pop_front();
    lock.unlock();
    coroutine.resume();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::coroutine_handle<>> ready_;
};

class Await : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Await, all_backends(), backend_name);

/// What a coroutine saw, and where.
struct Seen {
  std::latch ended{1};
  std::thread::id thread;
  std::exception_ptr error;
};

Task wait_for(Ticket ticket, Seen& seen) {
  try {
    co_await ticket;
  } catch (...) {
    seen.error = std::current_exception();
  }
  seen.thread = std::this_thread::get_id();
  seen.ended.count_down();
}

Task wait_on(Ticket ticket, Executor executor, Seen& seen) {
  co_await ticket.resume_on(std::move(executor));
  seen.thread = std::this_thread::get_id();
  seen.ended.count_down();
}

TEST_P(Await, ResumesOnceTheWorkHasEnded) {
  make_ring(1);
  harness_->pause();
  Seen seen;
  wait_for(submit_one(), seen);
  EXPECT_FALSE(seen.ended.try_wait());
  harness_->release();
  seen.ended.wait();
  EXPECT_EQ(seen.error, nullptr);
  EXPECT_NE(seen.thread, std::this_thread::get_id());
}

TEST_P(Await, DoesNotSuspendIfTheWorkHasEnded) {
  ReadyQueue ready;
  make_ring(RingOptions{.ring_size = 1, .executor = ready.executor()});
  const Ticket ticket = submit_one();
  ticket.wait();
  Seen seen;
  wait_for(ticket, seen);
  ASSERT_TRUE(seen.ended.try_wait());
  EXPECT_EQ(seen.thread, std::this_thread::get_id());
}

TEST_P(Await, ResumesOnTheRingsExecutor) {
  ReadyQueue ready;
  make_ring(RingOptions{.ring_size = 1, .executor = ready.executor()});
  harness_->pause();
  Seen seen;
  wait_for(submit_one(), seen);
  harness_->release();
  ready.run_one();
  ASSERT_TRUE(seen.ended.try_wait());
  EXPECT_EQ(seen.thread, std::this_thread::get_id());
}

TEST_P(Await, ResumesOnAnExecutorOfItsOwn) {
  ReadyQueue ready;
  make_ring(1);
  harness_->pause();
  Seen seen;
  wait_on(submit_one(), ready.executor(), seen);
  harness_->release();
  ready.run_one();
  ASSERT_TRUE(seen.ended.try_wait());
  EXPECT_EQ(seen.thread, std::this_thread::get_id());
}

TEST_P(Await, ThrowsTheFailure) {
  make_ring(1);
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  harness_->pause();
  Seen seen;
  wait_for(std::move(held_[0]).submit(), seen);
  harness_->release();
  seen.ended.wait();
  ASSERT_NE(seen.error, nullptr);
  EXPECT_THROW(std::rethrow_exception(seen.error), ExecutionFailed);
}

TEST_P(Await, ALossResumesToo) {
  make_ring(1);
  harness_->pause();
  Seen seen;
  wait_for(submit_one(), seen);
  const bool lost = harness_->lose_device().empty();
  if (!lost) harness_->release();
  seen.ended.wait();
  ASSERT_EQ(seen.error != nullptr, lost);
  if (!lost) return;
  EXPECT_THROW(std::rethrow_exception(seen.error), DeviceLost);
}

TEST_P(Await, HeldWorkResumesOnceItHasRun) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  Seen seen;
  wait_for(std::move(second).submit(), seen);
  EXPECT_FALSE(seen.ended.try_wait());
  std::move(first).submit();
  seen.ended.wait();
}

Task run_steps(CommandBufferRing& ring, Harness& harness, int steps, std::latch& ended) {
  for (int i = 0; i < steps; ++i) {
    Lease lease = ring.acquire();
    harness.record(lease);
    co_await std::move(lease).submit();
  }
  ended.count_down();
}

TEST_P(Await, ALoopOfSteps) {
  auto& ring = make_ring(2);
  std::latch ended(1);
  run_steps(ring, *harness_, 50, ended);
  ended.wait();
  EXPECT_EQ(ring.statistics().completions, 50U);
}

TEST_P(Await, AnEmptyTicketIsAnError) {
  EXPECT_THROW((void)Ticket().operator co_await(), InvalidUsage);
  EXPECT_THROW((void)Ticket().resume_on({}), InvalidUsage);
}

}  // namespace
}  // namespace cbr::test
