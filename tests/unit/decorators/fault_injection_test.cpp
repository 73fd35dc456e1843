#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "support/eventually.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::ThrowsMessage;

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

}  // namespace
}  // namespace cbr
