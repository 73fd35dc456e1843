// Races that need a certain moment: a hook in the backend makes it.
#include <array>
#include <atomic>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class Race : public testing::Test {
 protected:
  CommandBufferRing& make_ring(const RingOptions& options) {
    return ring_.emplace(backend_, options);
  }
  Ticket submit(const AcquireOptions& options = {}, const simulated::Plan& plan = {}) {
    Lease lease = ring_->acquire(options);
    simulated::record(lease, plan);
    return std::move(lease).submit();
  }
  void use_queues(std::uint32_t count) {
    gpu_ = simulated::make_gpu(count);
    faults_ = inject_faults(gpu_);
    backend_ = std::make_shared<HookedBackend>(faults_);
  }

  std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu();
  std::shared_ptr<FaultInjector> faults_ = inject_faults(gpu_);
  std::shared_ptr<HookedBackend> backend_ = std::make_shared<HookedBackend>(faults_);
  std::optional<CommandBufferRing> ring_;
};

/// The outcome of the first submission is being read all the while, until go_on().
class RaceWhileOneIsRead : public Race {
 protected:
  explicit RaceWhileOneIsRead(bool loses_device = false) : loses_device_(loses_device) {}

  void begin(const RingOptions& options) {
    backend_->on_finish = [this](SlotIndex slot) {
      if (to_number(slot) != 0) return;
      reading_.count_down();
      go_on_.wait();
    };
    backend_->on_wait = [this](std::span<const SyncPoint>) {
      if (waits_find_the_loss_) {
        lost_.wait();
        throw DeviceLost("gone");
      }
    };
    make_ring(options);
    first_ = submit();
    // Not the completion thread, which could not run any callback meanwhile.
    reader_ = std::thread([this] {
      if (loses_device_) {
        // Its outcome can't be read any more then.
        EXPECT_THROW(first_.wait(), DeviceLost);
      } else {
        first_.wait();
      }
    });
    reading_.wait();
  }
  /// The completion thread learns of the loss in its next wait, and not by reading outcomes itself.
  void wait_for_the_loss() {
    waits_find_the_loss_ = true;
    faults_->hang_next();
  }
  void lose_device() {
    faults_->lose_device("gone");
    EXPECT_THROW((void)ring_->try_acquire(), DeviceLost);
    lost_.count_down();
  }
  /// Time for the completion thread to do it wrong.
  void let_others_run() const {
    for (int i = 0; i < 2000; ++i) std::this_thread::yield();
  }
  void go_on() {
    go_on_.count_down();
    reader_.join();
  }
  void note(const Ticket& ticket) {
    {
      const std::lock_guard lock(mutex_);
      order_.push_back(ticket.serial().value());
    }
    noted_.count_down();
  }
  std::vector<std::uint64_t> order() {
    const std::lock_guard lock(mutex_);
    return order_;
  }

  Ticket first_;
  std::latch noted_{2};

 private:
  const bool loses_device_;
  std::latch reading_{1};
  std::latch go_on_{1};
  std::latch lost_{1};
  std::atomic<bool> waits_find_the_loss_ = false;
  std::thread reader_;
  std::mutex mutex_;
  std::vector<std::uint64_t> order_;
};

class LossWhileOneIsRead : public RaceWhileOneIsRead {
 protected:
  LossWhileOneIsRead() : RaceWhileOneIsRead(true) {}
};

TEST_F(RaceWhileOneIsRead, OutcomesAreReadAndCallbacksRunInTheOrderOfSerials) {
  begin({.ring_size = 2, .hang_warning_ms = 0});
  first_.on_complete([this](const Ticket& ticket) { note(ticket); });
  const Ticket second = submit();
  second.on_complete([this](const Ticket& ticket) { note(ticket); });
  // Neither this thread nor the completion thread waits for the reader where it must not.
  for (int i = 0; i < 2000; ++i) {
    EXPECT_FALSE(second.done());
    EXPECT_EQ(ring_->statistics().in_flight, 2U);
    std::this_thread::yield();
  }
  EXPECT_THAT(order(), IsEmpty());
  go_on();
  noted_.wait();
  EXPECT_THAT(order(), ElementsAre(1U, 2U));
  ring_.reset();
}

TEST_F(LossWhileOneIsRead, CallbacksRunInTheOrderOfSerialsAfterALossToo) {
  // With a third slot, so that the loss is met.
  begin({.ring_size = 3, .hang_warning_ms = 0, .log_sink = [](const LogMessage&) {}});
  wait_for_the_loss();
  const Ticket second = submit();
  first_.on_complete([this](const Ticket& ticket) { note(ticket); });
  second.on_complete([this](const Ticket& ticket) { note(ticket); });
  lose_device();
  EXPECT_TRUE(second.done());
  let_others_run();
  EXPECT_FALSE(first_.done());
  EXPECT_THAT(order(), IsEmpty());
  go_on();
  noted_.wait();
  EXPECT_THAT(order(), ElementsAre(1U, 2U));
  ring_.reset();
}

TEST_F(LossWhileOneIsRead, ACallbackTakenBackAfterALossHoldsUpNoOther) {
  begin({.ring_size = 3, .hang_warning_ms = 0, .log_sink = [](const LogMessage&) {}});
  wait_for_the_loss();
  const Ticket second = submit();
  CallbackHandle handle =
      first_.on_complete([](const Ticket&) { ADD_FAILURE() << "was taken back"; });
  second.on_complete([this](const Ticket& ticket) { note(ticket); });
  lose_device();
  // The completion thread finds that the second has to wait, and falls asleep.
  let_others_run();
  EXPECT_THAT(order(), IsEmpty());
  EXPECT_TRUE(handle.cancel());
  // Though the outcome of the first is still being read.
  EXPECT_TRUE(eventually([&] { return !order().empty(); }));
  EXPECT_FALSE(first_.done());
  go_on();
  ring_.reset();
}

TEST_F(Race, ACallbackForOlderWorkIsNotHeldUpByTheWaitForNewer) {
  std::atomic<bool> waiting = false;
  backend_->on_wait = [&](std::span<const SyncPoint> points) {
    if (points.front().serial.value() == 2) waiting = true;
  };
  make_ring({.ring_size = 2, .hang_warning_ms = 0});
  gpu_->pause();
  const Ticket older = submit();
  faults_->hang_next();
  const Ticket newer = submit();
  newer.on_complete([](const Ticket&) {});
  ASSERT_TRUE(eventually([&] { return waiting.load(); }));
  std::atomic<bool> called = false;
  older.on_complete([&](const Ticket&) { called = true; });
  gpu_->release();
  // Nobody but the completion thread looks at the GPU.
  EXPECT_TRUE(eventually([&] { return called.load(); }));
  EXPECT_FALSE(newer.done());
  faults_->release();
  ring_.reset();
}

TEST_F(Race, DrainWaitsForNothingSubmittedAfterItsCall) {
  use_queues(2);
  std::atomic<bool> draining = false;
  std::thread::id drainer;
  backend_->on_wait = [&](std::span<const SyncPoint>) {
    if (std::this_thread::get_id() == drainer) draining = true;
  };
  auto& ring = make_ring({.ring_size = 4, .hang_warning_ms = 0});
  faults_->hang_next();
  const Ticket before = submit({.queue = QueueIndex{0}});
  std::latch known(1);
  std::atomic<bool> drained = false;
  std::thread thread([&] {
    known.wait();
    ring.drain();
    drained = true;
  });
  drainer = thread.get_id();
  known.count_down();
  EXPECT_TRUE(eventually([&] { return draining.load(); }));
  const Ticket after = submit({.queue = QueueIndex{1}}, {.fault = Fault::hang});
  // Ends the first hang only: the other one is the inner backend's.
  faults_->release();
  EXPECT_TRUE(eventually([&] { return drained.load(); }));
  EXPECT_FALSE(after.done());
  gpu_->release();
  thread.join();
  ring_.reset();
}

TEST_F(Race, AnOutcomeThatIsReadWhileTheDeviceIsLostIsLostWithTheFirstCause) {
  backend_->on_finish = [&](SlotIndex) {
    faults_->lose_device("the first cause");
    // Another thread is the first to learn of it.
    std::thread([&] { EXPECT_THROW((void)ring_->try_acquire(), DeviceLost); }).join();
  };
  // With a second slot, so that the other thread gets as far as the driver.
  auto& ring = make_ring({.ring_size = 2, .log_sink = [](const LogMessage&) {}});
  {
    const Ticket ticket = submit();
    EXPECT_TRUE(eventually([&] { return ticket.done(); }));
  }
  // Every later call tells of the loss: no ticket has to be asked.
  EXPECT_THAT(ring.leaked(), IsEmpty());
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.failures, 1U);
  EXPECT_EQ(statistics.in_flight, 0U);
  ring_.reset();
}

TEST_F(Race, ALaterLossDoesNotHideTheFirstCause) {
  // A backend that tells of another cause with each call.
  backend_->on_begin = [](SlotIndex) { throw DeviceLost("the first cause"); };
  backend_->on_completed = [](QueueIndex) { throw DeviceLost("a later one"); };
  auto& ring = make_ring({.ring_size = 2});
  const auto cause = [&]() -> std::string {
    try {
      (void)ring.try_acquire();
    } catch (const DeviceLost& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_EQ(cause(), "the first cause");
  // Asks the backend, and says what is known all the same.
  EXPECT_EQ(ring.statistics().discarded, 1U);
  EXPECT_EQ(cause(), "the first cause");
  ring_.reset();
}

TEST_F(Race, TheRingsEndWaitsForATicketThatIsInTheBackend) {
  std::latch asking(1);
  std::atomic<bool> detached = false;
  std::thread::id asker;
  backend_->on_completed = [&](QueueIndex) {
    if (std::this_thread::get_id() != asker) return;
    asking.count_down();
    // Time for the ring's end to do it wrong.
    for (int i = 0; i < 20'000 && !detached; ++i) std::this_thread::yield();
    EXPECT_FALSE(detached);
  };
  backend_->on_detach = [&] { detached = true; };
  make_ring({.ring_size = 1, .hang_warning_ms = 0});
  const Ticket ticket = submit();
  std::latch known(1);
  std::thread thread([&] {
    known.wait();
    EXPECT_TRUE(ticket.done());
  });
  asker = thread.get_id();
  known.count_down();
  asking.wait();
  ring_.reset();
  EXPECT_TRUE(detached);
  thread.join();
}

TEST_F(Race, WaitAnyReturnsAnIndexThoughTheDeviceIsLostMeanwhile) {
  std::atomic<bool> waiting = false;
  backend_->on_wait = [&](std::span<const SyncPoint>) { waiting = true; };
  // Lost between the end of the wait and the look at what has ended.
  backend_->after_wait = [&] { faults_->lose_device("gone"); };
  make_ring({.ring_size = 2, .hang_warning_ms = 0});
  gpu_->pause();
  const std::array tickets{submit(), submit()};
  std::optional<std::size_t> index;
  std::thread thread([&] { EXPECT_NO_THROW(index = wait_any(tickets)); });
  EXPECT_TRUE(eventually([&] { return waiting.load(); }));
  gpu_->release();
  thread.join();
  EXPECT_TRUE(index.has_value());
  for (const Ticket& ticket : tickets) EXPECT_THROW(ticket.wait(), DeviceLost);
  ring_.reset();
}

TEST_F(Race, AWaitingLeaderLearnsOfWorkOnAnotherQueue) {
  use_queues(2);
  auto& ring = make_ring({.ring_size = 2, .hang_warning_ms = 0});
  faults_->hang_next();
  const Ticket hung = submit({.queue = QueueIndex{0}});
  Lease other = ring.acquire({.queue = QueueIndex{1}});
  std::atomic<bool> served = false;
  std::thread waiter([&] {
    Lease lease = ring.acquire();
    EXPECT_EQ(lease.queue(), QueueIndex{1});
    served = true;
    lease.discard();
  });
  EXPECT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  std::move(other).submit();
  EXPECT_TRUE(eventually([&] { return served.load(); }));
  EXPECT_FALSE(hung.done());
  faults_->release();
  waiter.join();
  ring_.reset();
}

}  // namespace
}  // namespace cbr::test
