// Coroutines that wait for tickets.
#include <atomic>
#include <coroutine>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"
#include "conformance/coroutines.h"

namespace cbr::test {
namespace {

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

OwnedTask count_after(Ticket ticket, std::atomic<int>& count) {
  co_await ticket;
  ++count;
}

TEST_P(Await, ACoroutineMayBeDestroyedWhileItIsSuspended) {
  auto& ring = make_ring(3);
  harness_->pause();
  std::atomic<int> resumed = 0;
  const Ticket ticket = submit_one();
  OwnedTask first = count_after(ticket, resumed);
  OwnedTask second = count_after(ticket, resumed);
  OwnedTask third = count_after(ticket, resumed);
  second.destroy();
  {
    // The only one of its submission.
    const OwnedTask alone = count_after(submit_one(), resumed);
  }
  harness_->release();
  EXPECT_TRUE(eventually([&] { return resumed == 2; }));
  ring.drain();
  std::latch called(1);
  submit_one().on_complete([&](const Ticket&) { called.count_down(); });
  called.wait();
  EXPECT_EQ(resumed, 2);
  EXPECT_TRUE(eventually([&] { return first.ended() && third.ended(); }));
}

TEST_P(Await, ACoroutineMayBeDestroyedWhileItsWorkIsHeld) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  std::atomic<int> resumed = 0;
  const Ticket held = sequence.acquire().submit();
  count_after(held, resumed).destroy();
  std::move(first).submit();
  held.wait();
  destroy_ring();
  EXPECT_EQ(resumed, 0);
}

TEST_P(Await, ACoroutineMayBeDestroyedWhereTheExecutorRuns) {
  std::atomic<int> resumed = 0;
  std::latch ran(1);
  make_ring(RingOptions{.ring_size = 1, .executor = [&](std::coroutine_handle<> coroutine) {
                          coroutine.destroy();
                          ran.count_down();
                        }});
  harness_->pause();
  // Nobody owns it but the executor.
  count_after(submit_one(), resumed).release();
  harness_->release();
  ran.wait();
  destroy_ring();
  EXPECT_EQ(resumed, 0);
}

TEST_P(Await, ACoroutineMayBeDestroyedWhileItsExecutorIsBeingCalled) {
  std::latch called(1);
  std::atomic<bool> destroying = false;
  std::atomic<bool> destroyed = false;
  std::atomic<bool> over = false;
  make_ring(RingOptions{.ring_size = 1, .executor = [&](std::coroutine_handle<> /*coroutine*/) {
                          called.count_down();
                          EXPECT_TRUE(eventually([&] { return destroying.load(); }));
                          // Time to destroy it too early.
                          for (int i = 0; i < 2000 && !destroyed; ++i) std::this_thread::yield();
                          over = true;
                        }});
  harness_->pause();
  std::atomic<int> resumed = 0;
  OwnedTask task = count_after(submit_one(), resumed);
  harness_->release();
  called.wait();
  destroying = true;
  task.destroy();
  destroyed = true;
  EXPECT_TRUE(over) << "the executor was still being called with its handle";
  destroy_ring();
  EXPECT_EQ(resumed, 0);
}

TEST_P(Await, ACoroutineMayEndBeforeItsExecutorReturns) {
  std::atomic<bool> ended = false;
  make_ring(RingOptions{.ring_size = 1, .executor = [&](std::coroutine_handle<> coroutine) {
                          // As one does that hands it to a loop and waits for its turn there.
                          std::thread loop([&] {
                            coroutine.resume();
                            coroutine.destroy();
                            ended = true;
                          });
                          loop.join();
                        }});
  harness_->pause();
  std::atomic<int> resumed = 0;
  count_after(submit_one(), resumed).release();
  harness_->release();
  EXPECT_TRUE(eventually([&] { return ended.load(); }));
  destroy_ring();
  EXPECT_EQ(resumed, 1);
}

TEST_P(Await, ACoroutineMayBeDestroyedAfterTheRingsEnd) {
  std::vector<std::coroutine_handle<>> ready;
  make_ring(RingOptions{.ring_size = 2, .executor = [&](std::coroutine_handle<> coroutine) {
                          ready.push_back(coroutine);
                        }});
  harness_->pause();
  std::atomic<int> resumed = 0;
  OwnedTask destroyed = count_after(submit_one(), resumed);
  OwnedTask late = count_after(submit_one(), resumed);
  harness_->release();
  destroy_ring();
  EXPECT_EQ(ready.size(), 2U);
  destroyed.destroy();
  late.resume();
  EXPECT_TRUE(late.ended());
  EXPECT_EQ(resumed, 1);
}

TEST_P(Await, AnExecutorThatThrowsIsReportedAndTheRingGoesOn) {
  std::atomic<int> reports = 0;
  std::atomic<bool> stopped = true;
  auto& ring = make_ring(
      RingOptions{.ring_size = 2,
                  .log_sink =
                      [&](const LogMessage& message) {
                        if (message.event != LogEvent::callback_threw) return;
                        EXPECT_THAT(std::string(message.text), testing::HasSubstr("executor"));
                        EXPECT_THAT(std::string(message.text), testing::HasSubstr("stopped"));
                        ++reports;
                      },
                  .executor =
                      [&](std::coroutine_handle<> coroutine) {
                        if (stopped) throw std::runtime_error("it is stopped");
                        coroutine.resume();
                      }});
  harness_->pause();
  std::atomic<int> resumed = 0;
  const Ticket ticket = submit_one();
  OwnedTask task = count_after(ticket, resumed);
  std::latch called(1);
  ticket.on_complete([&](const Ticket&) { called.count_down(); });
  harness_->release();
  called.wait();
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(resumed, 0) << "it stays suspended";
  stopped = false;
  harness_->pause();
  OwnedTask next = count_after(submit_one(), resumed);
  harness_->release();
  EXPECT_TRUE(eventually([&] { return resumed == 1; }));
  task.resume();
  EXPECT_EQ(resumed, 2);
  ring.drain();
  destroy_ring();
}

OwnedTask acquire_after(Ticket ticket, CommandBufferRing& ring, std::latch& ended) {
  co_await ticket;
  try {
    (void)ring.acquire();
    ADD_FAILURE() << "there was no slot to be had";
  } catch (const InvalidUsage&) {
    EXPECT_FALSE(ring.try_acquire().has_value());
  }
  ended.count_down();
}

TEST_P(Await, MustNotWaitForASlotOnTheCompletionThread) {
  auto& ring = make_ring(2);
  harness_->pause();
  Lease held = ring.acquire();
  const Ticket ticket = submit_one();
  std::latch taken(1);
  std::atomic<bool> end = false;
  // Gets the slot as soon as it is free, which is before the coroutine goes on.
  std::thread other([&] {
    Lease lease = ring.acquire();
    taken.count_down();
    EXPECT_TRUE(eventually([&] { return end.load(); }));
    lease.discard();
  });
  EXPECT_TRUE(waits(1));
  std::latch ended(1);
  const OwnedTask task = acquire_after(ticket, ring, ended);
  harness_->release();
  ended.wait();
  end = true;
  other.join();
  held.discard();
  EXPECT_TRUE(eventually([&] { return task.ended(); }));
}

}  // namespace
}  // namespace cbr::test
