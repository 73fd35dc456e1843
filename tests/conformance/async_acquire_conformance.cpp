// Requests for a slot that no thread waits for: when they are answered, in which order, and where.
#include <atomic>
#include <chrono>
#include <coroutine>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/async_acquire.h"
#include "conformance/backends.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

INSTANTIATE_TEST_SUITE_P(Backend, AsyncAcquire, all_backends(), backend_name);

// One request.

TEST_P(AsyncAcquire, DoesNotSuspendIfASlotIsFree) {
  auto& ring = make_ring(1);
  Seen seen;
  acquire_one(ring, seen);
  ASSERT_TRUE(seen.ended.try_wait());
  EXPECT_EQ(seen.thread, std::this_thread::get_id());
  EXPECT_EQ(seen.slot, SlotIndex{0});
  bool called = false;
  AcquireHandle handle = ring.acquire_async({}, [&](AcquireResult result) {
    EXPECT_EQ(result.failure(), nullptr);
    std::move(result).lease().discard();
    called = true;
  });
  EXPECT_TRUE(called) << "at once, on this thread";
  EXPECT_FALSE(handle.valid());
  EXPECT_EQ(ring.statistics().wait_events, 0U);
  expect_whole();
}

TEST_P(AsyncAcquire, ResumesWhenTheGpuIsDoneThoughNoThreadWaits) {
  auto& ring = make_ring(1);
  harness_->pause();
  submit_one();
  Seen seen;
  acquire_one(ring, seen);
  EXPECT_FALSE(seen.ended.try_wait());
  EXPECT_EQ(ring.statistics().wait_events, 1U) << "a wait counts when it begins";
  harness_->release();
  seen.ended.wait();
  EXPECT_EQ(seen.error, nullptr);
  EXPECT_NE(seen.thread, std::this_thread::get_id());
  expect_whole();
}

TEST_P(AsyncAcquire, ResumesWhenALeaseIsGivenUp) {
  auto& ring = make_ring(2);
  harness_->pause();
  submit_one();
  Lease lease = ring.acquire();
  Seen seen;
  // Its thread waits in the backend for what is paused.
  acquire_one(ring, seen);
  lease.discard();
  seen.ended.wait();
  EXPECT_EQ(seen.error, nullptr);
  harness_->release();
}

TEST_P(AsyncAcquire, ResumesWhenWorkIsSubmittedLater) {
  auto& ring = make_ring(1);
  Lease lease = record_one();
  Seen seen;
  // There is nothing in flight that could be waited for.
  acquire_one(ring, seen);
  std::move(lease).submit();
  seen.ended.wait();
  EXPECT_EQ(seen.error, nullptr);
}

TEST_P(AsyncAcquire, TheLeaseIsLikeAnyOther) {
  auto& ring = make_ring(1);
  Lease first = record_one();
  std::latch ended(1);
  std::optional<Ticket> ticket;
  ring.acquire_async({.label = std::string("a label of its own")}, [&](AcquireResult result) {
    Lease lease = std::move(result).lease();
    harness_->record(lease);
    ticket = std::move(lease).submit();
    ended.count_down();
  });
  std::move(first).submit();
  ended.wait();
  ticket->wait();
  EXPECT_EQ(ring.statistics().completions, 2U);
}

Task run_steps(CommandBufferRing& ring, Harness& harness, int steps, std::latch& ended) {
  Ticket last;
  for (int i = 0; i < steps; ++i) {
    Lease lease = co_await ring.acquire_async();
    harness.record(lease);
    last = std::move(lease).submit();
  }
  co_await last;
  ended.count_down();
}

TEST_P(AsyncAcquire, ManyCoroutinesAndThreadsShareARing) {
  auto& ring = make_ring(2);
  constexpr int coroutines = 8;
  constexpr int steps = 25;
  std::latch ended(coroutines);
  for (int i = 0; i < coroutines; ++i) run_steps(ring, *harness_, steps, ended);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int step = 0; step < steps; ++step) submit_one();
    });
  }
  for (std::thread& thread : threads) thread.join();
  ended.wait();
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, std::uint64_t{coroutines + 2} * steps);
  expect_whole();
}

// Order.

TEST_P(AsyncAcquire, StandsInOneQueueWithThreads) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Answers answers;
  ring.acquire_async({}, answers.note(1));
  std::thread second([&] {
    Lease mine = ring.acquire();
    answers.add(2);
    mine.discard();
  });
  EXPECT_TRUE(waits(2));
  ring.acquire_async({}, answers.note(3));
  std::thread fourth([&] {
    Lease mine = ring.acquire();
    answers.add(4);
    mine.discard();
  });
  EXPECT_TRUE(waits(4));
  EXPECT_TRUE(answers.names().empty());
  lease.discard();
  second.join();
  fourth.join();
  EXPECT_TRUE(answers.come(4));
  EXPECT_EQ(answers.names(), (std::vector{1, 2, 3, 4}));
  expect_whole();
}

TEST_P(AsyncAcquire, ServesTheHighestLevelFirstAndAges) {
  auto& ring = make_ring(RingOptions{
      .ring_size = 1, .allocation_strategy = AllocationStrategy::priority, .ageing_limit = 2});
  Lease lease = ring.acquire();
  Answers answers;
  ring.acquire_async({.priority = Priority{2}}, answers.note(1));
  for (int i = 2; i < 6; ++i) ring.acquire_async({.priority = Priority{0}}, answers.note(i));
  lease.discard();
  EXPECT_TRUE(answers.come(5));
  EXPECT_EQ(answers.names(), (std::vector{2, 3, 1, 4, 5}));
}

TEST_P(AsyncAcquire, GetsASlotOfItsQueue) {
  CBR_NEED_QUEUES(2);
  auto& ring = make_ring(2);
  Lease first = ring.acquire({.queue = QueueIndex{0}});
  Lease second = ring.acquire({.queue = QueueIndex{1}});
  std::latch ended(1);
  ring.acquire_async({.queue = QueueIndex{1}}, [&](AcquireResult result) {
    Lease lease = std::move(result).lease();
    EXPECT_EQ(lease.queue(), QueueIndex{1});
    lease.discard();
    ended.count_down();
  });
  first.discard();
  EXPECT_FALSE(ended.try_wait());
  second.discard();
  ended.wait();
}

TEST_P(AsyncAcquire, TakesItsPlaceInASequence) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease outside = ring.acquire();
  std::optional<Lease> second;
  std::latch ended(1);
  sequence.acquire_async({}, [&](AcquireResult result) {
    second = std::move(result).lease();
    ended.count_down();
  });
  outside.discard();
  ended.wait();
  harness_->record(*second);
  const Ticket held = std::move(*second).submit();
  EXPECT_EQ(held.serial().value(), 0U) << "its turn comes after the first";
  first.discard();
  held.wait();
}

// Limits.

TEST_P(AsyncAcquire, ADeadlineCountsThoughNothingIsInFlight) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Seen limited;
  acquire_one(ring, limited, {.timeout = Timeout(2ms)});
  limited.ended.wait();
  expect_failure<AcquireTimeout>(limited.error);
  const RingStatistics statistics = ring.statistics();
  EXPECT_EQ(statistics.wait_events, 1U);
  EXPECT_EQ(statistics.timeout_events, 1U);
  lease.discard();
  expect_whole();
}

TEST_P(AsyncAcquire, ADeadlineCountsWhileItsThreadIsInTheBackend) {
  auto& ring = make_ring(RingOptions{.ring_size = 1, .timeout = 5ms});
  harness_->pause();
  submit_one();
  // The one without a limit is waited for already.
  Answers answers;
  ring.acquire_async({.timeout = Timeout()}, answers.note(1));
  EXPECT_TRUE(waits(1));
  Seen seen;
  acquire_one(ring, seen);
  seen.ended.wait();
  expect_failure<AcquireTimeout>(seen.error);
  EXPECT_TRUE(answers.names().empty());
  harness_->release();
  EXPECT_TRUE(answers.come(1));
  EXPECT_EQ(answers.names(), std::vector{1});
}

TEST_P(AsyncAcquire, EachHasALimitOfItsOwn) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Answers answers;
  ring.acquire_async({.timeout = Timeout(20ms)}, answers.note(1));
  ring.acquire_async({.timeout = Timeout(1ms)}, answers.note(2));
  ring.acquire_async({.timeout = Timeout()}, answers.note(3));
  ring.acquire_async({.timeout = Timeout(10ms)}, answers.note(4));
  EXPECT_TRUE(answers.come(3));
  // On a machine that is busy for long enough they come at once.
  EXPECT_THAT(answers.names(), testing::UnorderedElementsAre(-2, -4, -1));
  lease.discard();
  EXPECT_TRUE(answers.come(4));
  EXPECT_EQ(answers.names().back(), 3);
  expect_whole();
}

TEST_P(AsyncAcquire, ALimitOfZeroDoesNotWait) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Seen seen;
  acquire_one(ring, seen, {.timeout = Timeout(0ms)});
  ASSERT_TRUE(seen.ended.try_wait());
  expect_failure<AcquireTimeout>(seen.error);
  EXPECT_EQ(ring.statistics().timeout_events, 1U);
}

// Where it runs.

TEST_P(AsyncAcquire, ResumesOnTheRingsExecutor) {
  ReadyQueue ready;
  auto& ring = make_ring(RingOptions{.ring_size = 1, .executor = ready.executor()});
  Lease lease = ring.acquire();
  Seen seen;
  acquire_one(ring, seen);
  lease.discard();
  ready.run_one();
  ASSERT_TRUE(seen.ended.try_wait());
  EXPECT_EQ(seen.thread, std::this_thread::get_id());
}

TEST_P(AsyncAcquire, AnExecutorThatThrowsIsReportedAndTheRingGoesOn) {
  std::atomic<int> reports = 0;
  std::atomic<bool> stopped = true;
  auto& ring = make_ring(RingOptions{.ring_size = 1,
                                     .log_sink =
                                         [&](const LogMessage& message) {
                                           if (message.event != LogEvent::callback_threw) return;
                                           EXPECT_THAT(std::string(message.text),
                                                       testing::HasSubstr("executor"));
                                           ++reports;
                                         },
                                     .executor =
                                         [&](std::coroutine_handle<> coroutine) {
                                           if (stopped) throw std::runtime_error("it is stopped");
                                           coroutine.resume();
                                         }});
  Lease lease = ring.acquire();
  std::atomic<int> resumed = 0;
  OwnedTask task = count_acquired(ring, resumed);
  OwnedTask next = count_acquired(ring, resumed);
  lease.discard();
  EXPECT_TRUE(eventually([&] { return reports == 1; }));
  EXPECT_EQ(resumed, 0) << "it stays suspended, with its slot";
  stopped = false;
  task.destroy();
  EXPECT_TRUE(eventually([&] { return resumed == 1; }));
  expect_whole();
}

TEST_P(AsyncAcquire, ACallbackThatThrowsIsReportedAndTheRingGoesOn) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  ring.acquire_async({}, [](AcquireResult result) {
    std::move(result).lease().discard();
    throw std::runtime_error("on purpose");
  });
  Answers answers;
  ring.acquire_async({}, answers.note(2));
  lease.discard();
  EXPECT_TRUE(answers.come(1));
  EXPECT_THAT(warnings(), testing::Contains(testing::HasSubstr("on purpose")));
  expect_whole();
}

TEST_P(AsyncAcquire, ACallbackMustNotWaitForASlotButMayAskForOne) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::latch ended(1);
  ring.acquire_async({}, [&](AcquireResult result) {
    Lease mine = std::move(result).lease();
    EXPECT_THROW((void)ring.acquire(), InvalidUsage);
    ring.acquire_async({}, [&](AcquireResult second) {
      std::move(second).lease().discard();
      ended.count_down();
    });
    mine.discard();
  });
  lease.discard();
  ended.wait();
  expect_whole();
}

TEST_P(AsyncAcquire, MayBeAskedForOnTheCompletionThread) {
  auto& ring = make_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  Answers answers;
  std::latch ended(1);
  ticket.on_complete([&](const Ticket&) {
    Lease mine = *ring.try_acquire();
    ring.acquire_async({}, answers.note(1));
    mine.discard();
    ended.count_down();
  });
  harness_->release();
  ended.wait();
  EXPECT_TRUE(answers.come(1));
  expect_whole();
}

TEST_P(AsyncAcquire, AThreadThatWaitsNeedsNoAcquireThread) {
  auto& ring = make_ring(2);
  Lease lease = ring.acquire();
  harness_->pause();
  const Ticket flying = submit_one();
  Answers answers;
  BusyAcquireThread busy(ring);
  // Both wait while the acquire thread leads; then it is busy with a callback.
  std::thread waiter([&] {
    Lease mine = ring.acquire();
    Lease second = ring.acquire();
    answers.add(1);
    mine.discard();
    second.discard();
  });
  EXPECT_TRUE(waits(2));
  lease.discard();
  busy.wait_until_busy();
  harness_->release();
  EXPECT_TRUE(answers.come(1)) << "nobody waits in the backend for it";
  busy.end();
  waiter.join();
  destroy_ring();
}

}  // namespace
}  // namespace cbr::test
