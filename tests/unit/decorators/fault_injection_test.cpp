#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr SlotIndex slot0{0};
constexpr QueueIndex queue0{0};

/// A ring on an injector; the contract is checked on both sides of it.
class FaultInjection : public testing::Test {
 protected:
  CommandBufferRing& make_ring(std::uint32_t ring_size, const FaultPlan& plan = {},
                               std::uint32_t queue_count = 1) {
    gpu_ = simulated::make_gpu(queue_count);
    faults_ = inject_faults(validate(gpu_), plan);
    return ring_.emplace(validate(faults_), RingOptions{.ring_size = ring_size});
  }
  Ticket submit_one() {
    Lease lease = ring_->acquire();
    simulated::record(lease, {.encode = 1us, .execute = 10us});
    return std::move(lease).submit();
  }
  /// True once a thread waits in the ring for a slot.
  bool someone_waits() {
    return test::eventually([&] { return ring_->statistics().wait_events == 1; });
  }

  std::shared_ptr<simulated::Gpu> gpu_;
  std::shared_ptr<FaultInjector> faults_;
  std::optional<CommandBufferRing> ring_;
};

TEST_F(FaultInjection, WithoutFaultsNothingIsChanged) {
  auto& ring = make_ring(2);
  for (int i = 0; i < 10; ++i) submit_one();
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 10U);
  EXPECT_EQ(gpu_->now().time_since_epoch(), 1us + 10 * 10us);
  EXPECT_EQ(faults_->api(), Api::simulated);
  EXPECT_THROW((void)inject_faults(nullptr), InvalidUsage);
}

TEST_F(FaultInjection, AFailedBeginFreesTheSlot) {
  auto& ring = make_ring(1, {.script = {{Fault::fail_begin, 2}}});
  submit_one();
  EXPECT_THAT([&] { (void)ring.acquire(); },
              ThrowsMessage<BackendError>(HasSubstr("begin call 2")));
  submit_one().wait();
  EXPECT_EQ(ring.statistics().leased, 0U);
  EXPECT_EQ(faults_->injected(Fault::fail_begin), 1U);
}

TEST_F(FaultInjection, AFailedSubmitSubmitsNothing) {
  auto& ring = make_ring(2, {.script = {{Fault::fail_submit, 2}}});
  submit_one();
  EXPECT_THAT([&] { submit_one(); }, ThrowsMessage<SubmitFailed>(HasSubstr("submit call 2")));
  Ticket next = submit_one();
  EXPECT_EQ(next.serial().value(), 2U);
  next.wait();
  EXPECT_EQ(ring.statistics().submissions, 2U);
  EXPECT_EQ(faults_->injected(Fault::fail_submit), 1U);
}

TEST_F(FaultInjection, AFailedExecutionRunsAndIsTheTicketsAlone) {
  auto& ring = make_ring(2);
  faults_->fail_next(Fault::fail_execution);
  Ticket failed = submit_one();
  Ticket good = submit_one();
  good.wait();
  EXPECT_THAT([&] { failed.wait(); }, ThrowsMessage<ExecutionFailed>(HasSubstr("serial 1")));
  ASSERT_TRUE(failed.gpu_interval().has_value());
  EXPECT_EQ(failed.gpu_interval()->end - failed.gpu_interval()->start, 10us);
  // The slot is used again, without the fault.
  submit_one().wait();
  submit_one().wait();
  EXPECT_EQ(ring.statistics().failures, 1U);
}

TEST_F(FaultInjection, AHangHoldsUpItsQueueUntilReleased) {
  make_ring(3);
  Ticket good = submit_one();
  faults_->hang_next();
  Ticket hung = submit_one();
  Ticket behind = submit_one();
  good.wait();
  // The deadline is one of the simulated clock: no time passes for real.
  EXPECT_FALSE(hung.wait_for(1s));
  EXPECT_FALSE(behind.wait_for(1s));
  EXPECT_FALSE(hung.done());
  EXPECT_GE(gpu_->now().time_since_epoch(), 2s);
  faults_->release();
  behind.wait();
  EXPECT_TRUE(hung.done());
}

TEST_F(FaultInjection, ReleaseEndsAWaitForAHang) {
  auto& ring = make_ring(1);
  faults_->hang_next();
  Ticket hung = submit_one();
  std::thread by_ticket([&] { hung.wait(); });
  std::thread by_acquire([&] { ring.acquire().discard(); });
  EXPECT_TRUE(someone_waits());
  faults_->release();
  by_ticket.join();
  by_acquire.join();
  EXPECT_NO_THROW(hung.wait());
  EXPECT_EQ(faults_->injected(Fault::hang), 1U);
  submit_one().wait();
}

TEST_F(FaultInjection, AHangOfOneQueueLeavesTheOthersAlone) {
  auto& ring = make_ring(2, {}, 2);
  faults_->hang_next();
  Ticket hung = submit_one();
  for (int i = 0; i < 5; ++i) {
    // Also a wait for any slot finds the queue that goes on.
    Ticket ticket = submit_one();
    EXPECT_NE(ticket.queue(), hung.queue());
  }
  EXPECT_FALSE(hung.done());
  faults_->release();
  ring.drain();
  EXPECT_TRUE(hung.done());
}

TEST_F(FaultInjection, ADiscardWakesAWaiterBehindAHang) {
  auto& ring = make_ring(2);
  faults_->hang_next();
  submit_one();
  Lease held = ring.acquire();
  std::thread waiter([&] { ring.acquire().discard(); });
  EXPECT_TRUE(someone_waits());
  held.discard();
  waiter.join();
  faults_->release();
}

TEST_F(FaultInjection, LosingTheDeviceEndsWaitsThatCanNotBeWoken) {
  auto& ring = make_ring(1);
  faults_->hang_next();
  Ticket hung = submit_one();
  std::exception_ptr by_acquire_saw;
  std::thread by_acquire([&] {
    try {
      (void)ring.acquire();
    } catch (...) {
      by_acquire_saw = std::current_exception();
    }
  });
  std::thread by_ticket([&] { EXPECT_THROW(hung.wait(), DeviceLost); });
  EXPECT_TRUE(someone_waits());
  faults_->lose_device("the plug was pulled");
  by_acquire.join();
  by_ticket.join();
  ASSERT_NE(by_acquire_saw, nullptr);
  EXPECT_THROW(std::rethrow_exception(by_acquire_saw), DeviceLost);
  // The first cause stays.
  faults_->lose_device("something else");
  EXPECT_EQ(faults_->injected(Fault::lose_device), 1U);
  for (const auto& call : std::initializer_list<std::function<void()>>{
           [&] { (void)ring.acquire(); }, [&] { ring.drain(); },
           [&] { (void)faults_->begin(SlotIndex{0}); },
           [&] { (void)faults_->completed(QueueIndex{0}); },
           [&] { faults_->add_slot(SlotIndex{1}); }, [&] { (void)faults_->finish(SlotIndex{0}); },
           [&] {
             const SyncPoint point{QueueIndex{0}, Serial(1)};
             (void)faults_->wait({&point, 1}, 0, no_deadline);
           }}) {
    EXPECT_THAT(call, ThrowsMessage<DeviceLost>(HasSubstr("the plug was pulled")));
  }
}

TEST_F(FaultInjection, APlannedLossStrikesInSubmit) {
  auto& ring = make_ring(2, {.script = {{Fault::lose_device, 2}}});
  Ticket first = submit_one();
  EXPECT_THAT([&] { submit_one(); }, ThrowsMessage<DeviceLost>(HasSubstr("submit call 2")));
  EXPECT_THROW(first.wait(), DeviceLost);
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  EXPECT_EQ(faults_->injected(Fault::lose_device), 1U);
}

TEST_F(FaultInjection, ALostDeviceIsNotDestroyedUnderItsWork) {
  make_ring(2);
  Ticket running = submit_one();
  faults_->lose_device("on paper");
  EXPECT_THROW(running.wait(), DeviceLost);
  EXPECT_LT(gpu_->now().time_since_epoch(), 11us);
  ring_.reset();
  EXPECT_EQ(gpu_->now().time_since_epoch(), 11us);
}

TEST_F(FaultInjection, ALossOfTheInnerDeviceIsTheFirstCause) {
  auto& ring = make_ring(1);
  gpu_->lose_device();
  EXPECT_THAT([&] { (void)ring.acquire(); },
              ThrowsMessage<DeviceLost>(HasSubstr("the simulated device is lost")));
  faults_->lose_device("too late");
  EXPECT_EQ(faults_->injected(Fault::lose_device), 0U);
  EXPECT_THAT([&] { (void)faults_->completed(QueueIndex{0}); },
              ThrowsMessage<DeviceLost>(HasSubstr("the simulated device is lost")));
}

TEST_F(FaultInjection, TheNextRingStartsWithoutHangs) {
  auto& ring = make_ring(1);
  faults_->hang_next();
  submit_one();
  faults_->release();
  ring.drain();
  ring_.emplace(validate(faults_), RingOptions{.ring_size = 2});
  submit_one();
  submit_one().wait();
}

TEST_F(FaultInjection, ARingSurvivesFaultsFromManyThreads) {
  auto& ring = make_ring(4, {.seed = 1, .begin = 0.05, .submit = 0.05, .execution = 0.05}, 2);
  constexpr int steps = 500;
  const auto work = [&] {
    for (int i = 0; i < steps; ++i) {
      try {
        submit_one();
      } catch (const BackendError&) {
        continue;
      }
    }
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  ring.drain();
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.submissions, std::uint64_t{2} * steps -
                                        faults_->injected(Fault::fail_begin) -
                                        faults_->injected(Fault::fail_submit));
  EXPECT_EQ(statistics.failures, faults_->injected(Fault::fail_execution));
  EXPECT_GT(statistics.failures, 0U);
}

/// An injector without a ring: what single calls do.
class InjectedCalls : public testing::Test {
 protected:
  void SetUp() override { attach(inject_faults(validate(gpu_))); }
  void attach(std::shared_ptr<FaultInjector> faults) {
    detach();
    faults_ = std::move(faults);
    faults_->attach({.ring_size = 2, .ring_name = "Test"});
    serial_ = 0;
  }
  /// For tests whose hooks must not outlive their variables, and of detach itself.
  void detach() {
    if (faults_ != nullptr) faults_->detach();
    faults_ = nullptr;
  }
  void TearDown() override { detach(); }

  /// Begins and submits a slot.
  SyncPoint submit(SlotIndex slot = slot0) {
    (void)faults_->begin(slot);
    faults_->submit(slot, Serial(++serial_), {});
    return {queue0, Serial(serial_)};
  }
  WaitStatus wait(const SyncPoint& point, std::uint64_t wake_number = 0,
                  TimePoint deadline = no_wait) {
    return faults_->wait({&point, 1}, wake_number, deadline);
  }
  /// A call fails with a text that names it, and the same call made again does not.
  template <typename Call>
  void expect_one_failure(Fault fault, const std::string& text, const Call& call) {
    faults_->fail_next(fault);
    EXPECT_THAT([&] { call(); }, ThrowsMessage<BackendError>(HasSubstr(text)));
    EXPECT_NO_THROW(call());
    EXPECT_EQ(faults_->injected(fault), 1U);
  }

  std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu();
  std::shared_ptr<FaultInjector> faults_;
  std::uint64_t serial_ = 0;
};

TEST_F(InjectedCalls, AFailedWaitChangesNothing) {
  const SyncPoint point = submit();
  expect_one_failure(Fault::fail_wait, "fail_wait: a fault injected into call 1",
                     [&] { EXPECT_EQ(wait(point), WaitStatus::reached); });
}

TEST_F(InjectedCalls, AFailedCompletedChangesNothing) {
  submit();
  expect_one_failure(Fault::fail_completed, "fail_completed: a fault injected into call 1",
                     [&] { EXPECT_EQ(faults_->completed(queue0).value(), 1U); });
}

TEST_F(InjectedCalls, AFailedFinishLosesTheTimesAlone) {
  submit();
  (void)faults_->completed(queue0);
  faults_->fail_next(Fault::fail_finish);
  EXPECT_THAT([&] { (void)faults_->finish(slot0); },
              ThrowsMessage<BackendError>(HasSubstr("fail_finish: a fault injected into call 1")));
  // The slot is free, also for the backend behind, whose contract is checked.
  submit();
  (void)faults_->completed(queue0);
  EXPECT_TRUE(faults_->finish(slot0).interval.has_value());
  EXPECT_EQ(faults_->injected(Fault::fail_finish), 1U);
}

TEST_F(InjectedCalls, FinishAlwaysTellsOfWorkThatFailed) {
  faults_->fail_next(Fault::fail_finish);
  faults_->fail_next(Fault::fail_execution);
  submit();
  (void)faults_->completed(queue0);
  EXPECT_NE(faults_->finish(slot0).error, nullptr);
  EXPECT_EQ(faults_->injected(Fault::fail_finish), 0U);
  submit();
  (void)faults_->completed(queue0);
  EXPECT_THROW((void)faults_->finish(slot0), BackendError) << "it comes to the next";
}

TEST_F(InjectedCalls, AFailedWakeWakesNobody) {
  faults_->hang_next();
  const SyncPoint hung = submit();
  faults_->fail_next(Fault::fail_wake);
  EXPECT_THAT([&] { faults_->wake(1); },
              ThrowsMessage<BackendError>(HasSubstr("fail_wake: a fault injected into call 1")));
  EXPECT_EQ(wait(hung, 1), WaitStatus::timed_out);
  faults_->wake(1);
  EXPECT_EQ(wait(hung, 1), WaitStatus::woken);
  faults_->release();
}

TEST_F(InjectedCalls, TheScriptCountsEachFunctionByItself) {
  attach(inject_faults(validate(gpu_), {.script = {{Fault::fail_wait, 2},
                                                   {Fault::fail_completed, 1},
                                                   {Fault::fail_finish, 1},
                                                   {Fault::fail_wake, 3}}}));
  const SyncPoint point = submit();
  EXPECT_NO_THROW(wait(point));
  EXPECT_THROW(wait(point), BackendError);
  EXPECT_THROW((void)faults_->completed(queue0), BackendError);
  (void)faults_->completed(queue0);
  EXPECT_THROW((void)faults_->finish(slot0), BackendError);
  faults_->wake(1);
  faults_->wake(2);
  EXPECT_THROW(faults_->wake(3), BackendError);
  EXPECT_NO_THROW(wait(point));
}

TEST_F(InjectedCalls, WithAProbabilityOfOneEveryCallFails) {
  attach(inject_faults(validate(gpu_), {.wait = 1, .completed = 1, .finish = 1, .wake = 1}));
  const SyncPoint point = submit();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THROW(wait(point), BackendError);
    EXPECT_THROW((void)faults_->completed(queue0), BackendError);
    EXPECT_THROW(faults_->wake(1), BackendError);
  }
  EXPECT_EQ(faults_->injected(Fault::fail_wait), 3U);
  EXPECT_EQ(faults_->injected(Fault::fail_completed), 3U);
  EXPECT_EQ(faults_->injected(Fault::fail_wake), 3U);
}

TEST_F(InjectedCalls, ALostDeviceComesBeforeOtherFailures) {
  submit();
  faults_->fail_next(Fault::fail_wait);
  faults_->fail_next(Fault::fail_completed);
  faults_->lose_device("the plug was pulled");
  EXPECT_THROW(wait({queue0, Serial(1)}), DeviceLost);
  EXPECT_THROW((void)faults_->completed(queue0), DeviceLost);
  EXPECT_EQ(faults_->injected(Fault::fail_wait), 0U);
  EXPECT_EQ(faults_->injected(Fault::fail_completed), 0U);
}

TEST_F(InjectedCalls, AWaitBehindAHangAsksTheInnerBackendOnlyInWaits) {
  const auto hooked = std::make_shared<test::HookedBackend>(gpu_);
  std::atomic<int> asked = 0;
  // One thread at a time may ask: the ring's.
  hooked->on_completed = [&](QueueIndex) { ++asked; };
  attach(inject_faults(hooked));
  const SyncPoint good = submit();
  faults_->hang_next();
  const SyncPoint hung = submit(SlotIndex{1});
  EXPECT_EQ(wait(hung), WaitStatus::timed_out);
  faults_->wake(1);
  EXPECT_EQ(wait(hung, 1), WaitStatus::woken);
  EXPECT_EQ(wait(good, 1), WaitStatus::reached);
  EXPECT_EQ(asked, 0);
  faults_->release();
  detach();
}

TEST_F(InjectedCalls, DetachWaitsForTheWorkOfALostDeviceWhateverFailsMeanwhile) {
  const auto hooked = std::make_shared<test::HookedBackend>(gpu_);
  gpu_->pause();
  int tries = 0;
  hooked->on_wait = [&](std::span<const SyncPoint>) {
    if (++tries < 4) throw BackendError("no memory at the moment");
    gpu_->release();
  };
  bool ended = false;
  hooked->on_detach = [&] { ended = gpu_->completed(queue0).covers(Serial(1)); };
  attach(inject_faults(hooked));
  submit();
  faults_->lose_device("on paper");
  detach();
  EXPECT_TRUE(ended) << "the objects were destroyed under their work";
  EXPECT_EQ(tries, 4);
}

TEST_F(InjectedCalls, DetachOfADeviceThatIsReallyLostWaitsForNothing) {
  submit();
  gpu_->pause();
  submit(SlotIndex{1});
  gpu_->lose_device();
  detach();
}

TEST_F(InjectedCalls, AReleaseEndsWaitsThoughAWakeOfTheInnerBackendFails) {
  const auto inner = inject_faults(
      gpu_, {.script = {{Fault::fail_wake, 1}, {Fault::fail_wake, 2}, {Fault::fail_wake, 3}}});
  const auto hooked = std::make_shared<test::HookedBackend>(inner);
  std::atomic<bool> waits = false;
  hooked->on_wait = [&](std::span<const SyncPoint>) { waits = true; };
  attach(inject_faults(hooked));
  faults_->hang_next();
  const SyncPoint hung = submit();
  std::thread waiter([&] { EXPECT_EQ(wait(hung, 0, no_deadline), WaitStatus::reached); });
  EXPECT_TRUE(test::eventually([&] { return waits.load(); }));
  faults_->release();
  waiter.join();
  EXPECT_EQ(inner->injected(Fault::fail_wake), 3U);
  detach();
}

TEST_F(InjectedCalls, ASlotIsAbandonedOnALostDeviceToo) {
  (void)faults_->begin(slot0);
  (void)faults_->begin(SlotIndex{1});
  EXPECT_NE(faults_->abandon(slot0), nullptr);
  faults_->lose_device("on paper");
  EXPECT_NE(faults_->abandon(SlotIndex{1}), nullptr);
}

}  // namespace
}  // namespace cbr
