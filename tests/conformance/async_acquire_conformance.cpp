// Requests for a slot that no thread waits for.
#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
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

using namespace std::chrono_literals;

/// What came of several requests, in the order of their being answered. Callbacks share it: they
/// may still be in it when the test is over.
class Answers {
 public:
  /// A callback that notes `name`, and gives the lease up at once.
  auto note(int name) {
    return [shared = shared_, name](AcquireResult result) {
      const bool failed = result.failure() != nullptr;
      // Before the next can have the slot.
      shared->add(failed ? -name : name);
      if (!failed) std::move(result).lease().discard();
    };
  }
  void add(int name) { shared_->add(name); }
  std::vector<int> names() {
    const std::lock_guard lock(shared_->mutex);
    return shared_->names;
  }
  [[nodiscard]] bool come(std::size_t count) {
    return eventually([&] { return names().size() == count; });
  }

 private:
  struct Shared {
    void add(int name) {
      const std::lock_guard lock(mutex);
      names.push_back(name);
    }
    std::mutex mutex;
    /// A request that failed with its sign turned.
    std::vector<int> names;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

class AsyncAcquire : public RingConformance {
 protected:
  /// Nothing is leased or in flight any more, and all slots can be had.
  void expect_whole() {
    expect_equations();
    EXPECT_TRUE(eventually([&] { return ring_->statistics().leased == 0; }));
    std::vector<Lease> all;
    for (std::uint32_t i = 0; i < ring_->ring_size(); ++i) {
      auto lease = ring_->try_acquire();
      ASSERT_TRUE(lease.has_value()) << "a slot is lost";
      all.push_back(*std::move(lease));
    }
    for (Lease& lease : all) lease.discard();
  }
  template <typename Failure>
  static void expect_failure(const std::exception_ptr& failure) {
    ASSERT_NE(failure, nullptr);
    EXPECT_THROW(std::rethrow_exception(failure), Failure);
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, AsyncAcquire, all_backends(), backend_name);

/// What a coroutine saw, and where.
struct Seen {
  std::latch ended{1};
  std::thread::id thread;
  std::exception_ptr error;
  std::optional<SlotIndex> slot;
};

Task acquire_one(CommandBufferRing& ring, Seen& seen, AcquireOptions options = {}) {
  try {
    Lease lease = co_await ring.acquire_async(options);
    seen.slot = lease.slot();
    lease.discard();
  } catch (...) {
    seen.error = std::current_exception();
  }
  seen.thread = std::this_thread::get_id();
  seen.ended.count_down();
}

OwnedTask count_acquired(CommandBufferRing& ring, std::atomic<int>& count) {
  Lease lease = co_await ring.acquire_async();
  ++count;
  lease.discard();
}

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

// Taking a request back.

TEST_P(AsyncAcquire, ARequestThatIsTakenBackIsGoneAtOnce) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = captured;
  AcquireHandle handle = ring.acquire_async(
      {}, [captured = std::move(captured)](const AcquireResult&) { ADD_FAILURE() << "it ran"; });
  Answers answers;
  ring.acquire_async({}, answers.note(2));
  EXPECT_TRUE(handle.valid());
  EXPECT_TRUE(handle.cancel());
  EXPECT_TRUE(watch.expired());
  EXPECT_FALSE(handle.valid());
  EXPECT_FALSE(handle.cancel());
  lease.discard();
  EXPECT_TRUE(answers.come(1));
  expect_whole();
}

TEST_P(AsyncAcquire, ASlotThatWasGrantedGoesToTheNext) {
  auto& ring = make_ring(2);
  Lease lease = ring.acquire();
  Lease other = ring.acquire();
  std::latch running(1);
  std::atomic<bool> end = false;
  // Keeps the acquire thread busy, so that who is granted a slot is not told.
  ring.acquire_async({}, [&](AcquireResult result) {
    std::move(result).lease().discard();
    running.count_down();
    EXPECT_TRUE(eventually([&] { return end.load(); }));
  });
  lease.discard();
  running.wait();
  Lease again = ring.acquire();
  AcquireHandle granted =
      ring.acquire_async({}, [](const AcquireResult&) { ADD_FAILURE() << "it was taken back"; });
  std::atomic<int> resumed = 0;
  OwnedTask suspended = count_acquired(ring, resumed);
  again.discard();
  other.discard();
  EXPECT_EQ(ring.statistics().leased, 2U) << "both have been granted one";
  std::atomic<bool> served = false;
  std::thread waiter([&] {
    ring.acquire().discard();
    ring.acquire().discard();
    served = true;
  });
  EXPECT_TRUE(waits(4));
  EXPECT_FALSE(served);
  EXPECT_TRUE(granted.cancel());
  suspended.destroy();
  waiter.join();
  end = true;
  EXPECT_EQ(resumed, 0);
  expect_whole();
  destroy_ring();
}

TEST_P(AsyncAcquire, CancelWaitsForACallbackThatRuns) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::latch running(1);
  std::atomic<bool> cancelling = false;
  std::atomic<bool> over = false;
  AcquireHandle handle = ring.acquire_async({}, [&](AcquireResult result) {
    std::move(result).lease().discard();
    running.count_down();
    EXPECT_TRUE(eventually([&] { return cancelling.load(); }));
    // Time for cancel() to do it wrong.
    for (int i = 0; i < 2000; ++i) std::this_thread::yield();
    over = true;
  });
  lease.discard();
  running.wait();
  cancelling = true;
  EXPECT_FALSE(handle.cancel());
  EXPECT_TRUE(over);
}

TEST_P(AsyncAcquire, CancelInsideTheCallbackDoesNotWait) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::latch ended(1);
  auto handle = std::make_shared<AcquireHandle>();
  *handle = ring.acquire_async({}, [&, handle](AcquireResult result) {
    std::move(result).lease().discard();
    EXPECT_FALSE(handle->cancel());
    ended.count_down();
  });
  lease.discard();
  ended.wait();
}

/// Runs something when a slot is acquired, which is before the request is told.
class OnAcquire : public Observer {
 public:
  void on_acquire(const AcquireEvent& /*event*/) noexcept override {
    if (run) std::exchange(run, nullptr)();
  }
  std::function<void()> run;
};

TEST_P(AsyncAcquire, CancelWhileTheSlotBegins) {
  for (const bool on_its_thread : {true, false}) {
    auto observer = std::make_shared<OnAcquire>();
    auto& ring = make_ring(RingOptions{.ring_size = 1, .observer = observer});
    Lease lease = ring.acquire();
    AcquireHandle handle =
        ring.acquire_async({}, [](const AcquireResult&) { ADD_FAILURE() << "it was taken back"; });
    std::latch begun(1);
    std::atomic<bool> cancelling = false;
    std::latch done(1);
    observer->run = [&] {
      if (on_its_thread) {
        EXPECT_TRUE(handle.cancel());
        done.count_down();
        return;
      }
      begun.count_down();
      EXPECT_TRUE(eventually([&] { return cancelling.load(); }));
      for (int i = 0; i < 2000; ++i) std::this_thread::yield();
    };
    lease.discard();
    if (!on_its_thread) {
      begun.wait();
      cancelling = true;
      EXPECT_TRUE(handle.cancel());
      EXPECT_EQ(ring.statistics().leased, 0U) << "the slot is back when cancel() returns";
      done.count_down();
    }
    done.wait();
    expect_whole();
    destroy_ring();
  }
}

TEST_P(AsyncAcquire, CancelRacesTheGrant) {
  auto& ring = make_ring(1);
  for (int i = 0; i < 200; ++i) {
    Lease lease = ring.acquire();
    std::atomic<int> called = 0;
    AcquireHandle handle = ring.acquire_async({}, [&](AcquireResult result) {
      std::move(result).lease().discard();
      ++called;
    });
    std::thread other([&] { lease.discard(); });
    const bool removed = handle.cancel();
    EXPECT_EQ(called, removed ? 0 : 1);
    other.join();
  }
  expect_whole();
}

TEST_P(AsyncAcquire, ACoroutineMayBeDestroyedWhileItIsSuspended) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::atomic<int> resumed = 0;
  OwnedTask first = count_acquired(ring, resumed);
  OwnedTask second = count_acquired(ring, resumed);
  OwnedTask third = count_acquired(ring, resumed);
  second.destroy();
  lease.discard();
  EXPECT_TRUE(eventually([&] { return resumed == 2; }));
  expect_whole();
  EXPECT_EQ(resumed, 2);
  EXPECT_TRUE(eventually([&] { return first.ended() && third.ended(); }));
}

TEST_P(AsyncAcquire, ACoroutineThatItsExecutorDestroysGivesTheLeaseUp) {
  std::latch ran(1);
  auto& ring =
      make_ring(RingOptions{.ring_size = 1, .executor = [&](std::coroutine_handle<> coroutine) {
                              coroutine.destroy();
                              ran.count_down();
                            }});
  Lease lease = ring.acquire();
  std::atomic<int> resumed = 0;
  // Nobody owns it but the executor.
  count_acquired(ring, resumed).release();
  lease.discard();
  ran.wait();
  expect_whole();
  EXPECT_EQ(resumed, 0);
  EXPECT_TRUE(ring.leaked().empty());
}

TEST_P(AsyncAcquire, AHandleMayMoveAndOutliveTheRing) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Answers answers;
  AcquireHandle first = ring.acquire_async({}, answers.note(1));
  AcquireHandle second = ring.acquire_async({}, answers.note(2));
  AcquireHandle third = std::move(second);
  EXPECT_FALSE(second.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(second.cancel());
  // Lets go of the first, which will run.
  first = std::move(third);
  EXPECT_TRUE(first.cancel());
  AcquireHandle last = ring.acquire_async({}, answers.note(3));
  lease.discard();
  EXPECT_TRUE(answers.come(2));
  destroy_ring();
  EXPECT_FALSE(last.cancel());
  EXPECT_EQ(answers.names(), (std::vector{1, 3}));
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
  std::latch running(1);
  std::atomic<bool> end = false;
  Answers answers;
  ring.acquire_async({}, [&](AcquireResult result) {
    std::move(result).lease().discard();
    running.count_down();
    EXPECT_TRUE(eventually([&] { return end.load(); }));
  });
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
  running.wait();
  harness_->release();
  EXPECT_TRUE(answers.come(1)) << "nobody waits in the backend for it";
  end = true;
  waiter.join();
  destroy_ring();
}

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
