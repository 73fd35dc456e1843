// The program's code on the ring's end and on the way to it: what it may do there, and what comes
// of work that it ends just then.
#include <array>
#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

void ignore(const LogMessage& /*message*/) {}

/// Does something at the first event of a kind after it was told to.
class Meddler final : public Observer {
 public:
  std::function<void()> at_submit;
  std::function<void()> at_complete;
  std::function<void()> at_loss;

  void on_submit(const SubmitEvent& /*event*/) noexcept override { once(at_submit); }
  void on_complete(const CompleteEvent& /*event*/) noexcept override { once(at_complete); }
  void on_device_lost() noexcept override { once(at_loss); }

 private:
  static void once(std::function<void()>& action) {
    if (const auto taken = std::exchange(action, nullptr)) taken();
  }
};

class RingEnd : public testing::Test {
 protected:
  CommandBufferRing& make_ring(RingOptions options) {
    options.hang_warning_ms = 0;
    options.log_sink = ignore;
    options.observer = meddler_;
    return ring_.emplace(backend_, std::move(options));
  }
  void use_queues(std::uint32_t count) {
    gpu_ = simulated::make_gpu(count);
    backend_ = std::make_shared<HookedBackend>(gpu_);
  }

  std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu();
  std::shared_ptr<HookedBackend> backend_ = std::make_shared<HookedBackend>(gpu_);
  std::shared_ptr<Meddler> meddler_ = std::make_shared<Meddler>();
  std::optional<CommandBufferRing> ring_;
};

TEST_F(RingEnd, SendsWhatIsHeldBehindALeaseThatGoesMeanwhile) {
  auto& ring = make_ring({.ring_size = 4});
  Sequence first = ring.sequence();
  Sequence second = ring.sequence();
  // So that what is held lies in a lower slot than the lease that it waits for.
  Lease padding = ring.acquire();
  const Lease before = second.acquire();
  Lease held_too = second.acquire();
  Lease in_the_way = first.acquire();
  padding.discard();
  Lease held = first.acquire();
  ASSERT_LT(to_number(held.slot()), to_number(in_the_way.slot()));
  const Ticket other = std::move(held_too).submit();
  const Ticket ticket = std::move(held).submit();
  // Told of by the ring's end, which sends it.
  meddler_->at_submit = [&] { std::thread([&] { in_the_way.discard(); }).join(); };
  ring_.reset();
  EXPECT_TRUE(other.done());
  ASSERT_TRUE(ticket.done());
  EXPECT_EQ(ticket.error(), nullptr);
}

/// An observer of the ring's end, on the thread that ends it, that waits for work still in flight.
class RingEndObserved : public RingEnd {
 protected:
  void observe(const std::function<void(const Ticket& still_in_flight)>& action) {
    use_queues(2);
    auto& ring = make_ring({.ring_size = 2});
    Lease soon = ring.acquire({.queue = QueueIndex{0}});
    Lease later = ring.acquire({.queue = QueueIndex{1}});
    simulated::record(soon, {.execute = 1ms});
    simulated::record(later, {.execute = 5ms});
    const Ticket first = std::move(soon).submit();
    const Ticket second = std::move(later).submit();
    bool observed = false;
    meddler_->at_complete = [&] {
      action(second);
      observed = true;
    };
    ring_.reset();
    EXPECT_TRUE(observed);
  }
};

TEST_F(RingEndObserved, MayWaitForATicket) {
  observe([](const Ticket& ticket) {
    ticket.wait();
    EXPECT_TRUE(ticket.done());
  });
}

TEST_F(RingEndObserved, MayWaitForAnyTicket) {
  observe([](const Ticket& ticket) {
    const std::array tickets{ticket};
    EXPECT_EQ(wait_any(tickets), 0U);
  });
}

TEST_F(RingEndObserved, MayGiveATicketACallback) {
  std::atomic<int> called = 0;
  observe([&](const Ticket& ticket) { ticket.on_complete([&](const Ticket&) { ++called; }); });
  EXPECT_EQ(called, 1);
}

TEST_F(RingEnd, HandsNoSlotToWhoWaitsInASequence) {
  std::atomic<std::thread::id> late;
  std::latch in_check(1);
  std::latch go_on(1);
  auto& ring = make_ring({.ring_size = 1, .interrupt_check = [&] {
                            if (std::this_thread::get_id() != late.load()) return;
                            late = std::thread::id();
                            in_check.count_down();
                            go_on.wait();
                          }});
  gpu_->pause();
  const Ticket ticket = ring.acquire().submit();
  // The leader, and one that is not back at the state when the slot gets free.
  Sequence first = ring.sequence();
  Sequence second = ring.sequence();
  std::thread leader([&] { EXPECT_THROW((void)first.acquire(), InvalidUsage); });
  EXPECT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  std::thread waiter([&] {
    late = std::this_thread::get_id();
    EXPECT_THROW((void)second.acquire(), InvalidUsage);
  });
  in_check.wait();
  std::thread end([&] { ring_.reset(); });
  // It was told of the end.
  leader.join();
  gpu_->release();
  ticket.wait();
  go_on.count_down();
  waiter.join();
  end.join();
}

/// Ends a ring with itself.
struct Application {
  CommandBufferRing ring{simulated::make_gpu(), {.ring_size = 1, .log_sink = ignore}};
};

TEST_F(RingEnd, ComesOfWhatADiscardedLeaseKept) {
  auto application = std::make_shared<Application>();
  const std::weak_ptr<Application> alive = application;
  Lease lease = application->ring.acquire();
  lease.keep_alive(std::exchange(application, nullptr));
  lease.discard();
  EXPECT_TRUE(alive.expired());
}

TEST_F(RingEnd, ComesOfWhatARefusedSubmissionKept) {
  auto application = std::make_shared<Application>();
  const std::weak_ptr<Application> alive = application;
  Lease lease = application->ring.acquire();
  simulated::record(lease, {.fault = Fault::fail_submit});
  lease.keep_alive(std::exchange(application, nullptr));
  EXPECT_THROW((void)std::move(lease).submit(), SubmitFailed);
  EXPECT_TRUE(alive.expired());
}

TEST_F(RingEnd, WhatADiscardedLeaseKeptMayWantItsSlot) {
  auto& ring = make_ring({.ring_size = 1});
  Lease lease = ring.acquire();
  bool got_it = false;
  lease.keep_alive(std::shared_ptr<int>(new int(0), [&](const int* number) {
    got_it = ring.try_acquire().has_value();
    delete number;
  }));
  lease.discard();
  EXPECT_TRUE(got_it);
}

TEST_F(RingEnd, AnObserverOfALossWhileTheRingGrowsMayUseIt) {
  auto& ring = make_ring({.ring_size = 2});
  bool refused = false;
  bool kept = false;
  Lease lease = ring.acquire();
  meddler_->at_loss = [&] {
    try {
      ring.set_ring_size(3);
    } catch (const DeviceLost&) {
      refused = true;
    }
    // Another thread too, which starts a completion thread.
    std::thread([&] { lease.keep_alive(std::make_shared<int>(1)); }).join();
    kept = true;
  };
  gpu_->lose_device();
  EXPECT_THROW(ring.set_ring_size(4), DeviceLost);
  EXPECT_TRUE(refused);
  EXPECT_TRUE(kept);
}

TEST_F(RingEnd, ALossThatAnOutcomeTellsIsNoUnseenFailure) {
  bool lost = false;
  backend_->on_finish = [&](SlotIndex) {
    lost = true;
    throw DeviceLost("found by finish");
  };
  backend_->on_begin = [&](SlotIndex) {
    if (lost) throw DeviceLost("a later one");
  };
  auto& ring = make_ring({.ring_size = 2});
  int losses = 0;
  meddler_->at_loss = [&] { ++losses; };
  (void)ring.acquire().submit();
  EXPECT_THROW(ring.drain(), DeviceLost);
  EXPECT_TRUE(ring.leaked().empty());
  EXPECT_EQ(losses, 1);
}

TEST_F(RingEnd, HeldWorkThatIsLostWhileItIsSentIsNotToldOf) {
  class Counter final : public Observer {
   public:
    std::atomic<int> submitted = 0;
    std::atomic<int> completed = 0;
    std::atomic<int> lost = 0;
    void on_submit(const SubmitEvent& event) noexcept override {
      EXPECT_NE(event.serial.value(), 0U);
      ++submitted;
    }
    void on_complete(const CompleteEvent& /*event*/) noexcept override { ++completed; }
    void on_device_lost() noexcept override { ++lost; }
  };
  const auto counter = std::make_shared<Counter>();
  std::latch sending(1);
  std::latch go_on(1);
  int submissions = 0;
  backend_->on_submit = [&](SlotIndex) {
    if (++submissions != 2) return;
    sending.count_down();
    go_on.wait();
  };
  CommandBufferRing ring(backend_, {.ring_size = 4, .log_sink = ignore, .observer = counter});
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  const Ticket held = sequence.acquire().submit();
  std::thread sender([&] { (void)std::move(first).submit(); });
  sending.wait();
  gpu_->lose_device();
  EXPECT_THROW(ring.drain(), DeviceLost);
  go_on.count_down();
  sender.join();
  EXPECT_THROW(held.wait(), DeviceLost);
  EXPECT_EQ(counter->submitted, 1);
  EXPECT_EQ(counter->completed, 0);
  EXPECT_EQ(counter->lost, 1);
}

}  // namespace
}  // namespace cbr::test
