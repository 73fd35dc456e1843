// Waits that the program can end: RingOptions::interrupt_check.
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include <cbr/simulated.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

/// What the check throws.
struct Interrupted {};

class Interrupt : public RingConformance {
 protected:
  RingOptions options(std::uint32_t ring_size) {
    return {.ring_size = ring_size, .interrupt_check = [this] {
              ++checks_;
              if (interrupts_) throw Interrupted();
            }};
  }
  std::atomic<int> checks_ = 0;
  std::atomic<bool> interrupts_ = true;
};
INSTANTIATE_TEST_SUITE_P(Backend, Interrupt, all_backends(), backend_name);

TEST_P(Interrupt, EndsAWaitForALease) {
  auto& ring = make_ring(options(1));
  held_.push_back(ring.acquire());
  EXPECT_THROW((void)ring.acquire(), Interrupted);
  // The place in the queue is given up: the slot is not handed to someone who has left.
  held_.clear();
  held_.push_back(*ring.try_acquire());
  const RingStatistics statistics = ring.statistics();
  EXPECT_EQ(statistics.wait_events, 1U);
  EXPECT_EQ(statistics.timeout_events, 0U);
  EXPECT_EQ(statistics.total_acquisitions, 2U);
}

TEST_P(Interrupt, EndsAWaitForTheGpu) {
  auto& ring = make_ring(options(1));
  harness_->pause();
  const Ticket ticket = submit_one();
  EXPECT_THROW((void)ring.acquire(), Interrupted);
  EXPECT_THROW(ticket.wait(), Interrupted);
  EXPECT_THROW((void)wait_any(std::array{ticket}), Interrupted);
  EXPECT_THROW(ring.drain(), Interrupted);
  EXPECT_EQ(ring.statistics().in_flight, 1U);
  harness_->release();
  ticket.wait();
  EXPECT_EQ(ring.statistics().completions, 1U);
  expect_equations();
}

TEST_P(Interrupt, EndsAWaitForHeldWork) {
  auto& ring = make_ring(options(2));
  Sequence sequence = ring.sequence();
  held_.push_back(sequence.acquire());
  const Ticket second = sequence.acquire().submit();
  EXPECT_THROW(second.wait(), Interrupted);
  // Held work makes this the wait that no backend can do.
  EXPECT_THROW((void)wait_any(std::array{second}), Interrupted);
  held_.clear();
  second.wait();
}

TEST_P(Interrupt, AWaitThatIsNotInterruptedGoesOn) {
  auto& ring = make_ring(options(1));
  interrupts_ = false;
  held_.push_back(ring.acquire());
  std::atomic<bool> acquired = false;
  std::thread waiter([&] {
    ring.acquire().discard();
    acquired = true;
  });
  EXPECT_TRUE(eventually([&] { return checks_ >= 2; }));
  EXPECT_FALSE(acquired);
  held_.clear();
  waiter.join();
  EXPECT_EQ(ring.statistics().wait_events, 1U);
}

TEST_P(Interrupt, FollowersMoveUpWhenTheLeaderIsInterrupted) {
  std::atomic<std::thread::id> victim{};
  auto& ring = make_ring(RingOptions{.ring_size = 1, .interrupt_check = [&] {
                                       if (victim.load() == std::this_thread::get_id()) {
                                         throw Interrupted();
                                       }
                                     }});
  harness_->pause();
  submit_one();
  std::atomic<bool> interrupted = false;
  std::thread leader([&] {
    try {
      (void)ring.acquire();
    } catch (const Interrupted&) {
      interrupted = true;
    }
  });
  ASSERT_TRUE(waits(1));
  std::thread follower([&] { ring.acquire().discard(); });
  ASSERT_TRUE(waits(2));
  victim = leader.get_id();
  leader.join();
  EXPECT_TRUE(interrupted);
  harness_->release();
  follower.join();
  expect_equations();
}

TEST_P(Interrupt, TheEndOfTheRingIsNotInterrupted) {
  make_ring(options(1));
  harness_->pause();
  const Ticket ticket = submit_one();
  std::thread gpu([&] {
    EXPECT_TRUE(eventually([&] { return !ticket.done(); }));
    harness_->release();
  });
  destroy_ring();
  gpu.join();
  EXPECT_TRUE(ticket.done());
  EXPECT_EQ(ticket.error(), nullptr);
  EXPECT_EQ(checks_, 0);
}

TEST_P(Interrupt, MayThrowAnythingAndHarmsNothing) {
  auto& ring = make_ring({.ring_size = 1, .interrupt_check = [this] {
                            // Of another ring, say.
                            if (interrupts_) throw DeviceLost("another device");
                          }});
  harness_->pause();
  const Ticket ticket = submit_one();
  const std::array tickets{ticket};
  EXPECT_THROW(ring.drain(), DeviceLost);
  EXPECT_THROW(ticket.wait(), DeviceLost);
  EXPECT_THROW((void)wait_any(tickets), DeviceLost);
  EXPECT_THROW(wait_all(tickets), DeviceLost);
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  interrupts_ = false;
  harness_->release();
  ticket.wait();
  ring.acquire().discard();
  EXPECT_EQ(ring.statistics().failures, 0U);
}

TEST_P(Interrupt, EndsAWaitForAll) {
  auto& ring = make_ring(options(2));
  harness_->pause();
  const std::array tickets{submit_one(), submit_one()};
  EXPECT_THROW(wait_all(tickets), Interrupted);
  EXPECT_EQ(checks_, 1);
  EXPECT_EQ(ring.statistics().in_flight, 2U);
  harness_->release();
  interrupts_ = false;
  wait_all(tickets);
}

TEST(InterruptOfMany, IsNotAskedOnceTheWaitIsOver) {
  const auto gpu = simulated::make_gpu();
  int checks = 0;
  CommandBufferRing ring(gpu, {.ring_size = 1, .hang_warning_ms = 0, .interrupt_check = [&] {
                                 // What is waited for ends while the check takes its time.
                                 gpu->release();
                                 if (++checks > 1) throw Interrupted();
                               }});
  gpu->pause();
  const std::array tickets{ring.acquire().submit()};
  EXPECT_EQ(wait_any(tickets), 0U);
  EXPECT_EQ(checks, 1);
}

TEST(InterruptOfMany, EachRingIsAsked) {
  const auto first = simulated::make_gpu();
  const auto second = simulated::make_gpu();
  CommandBufferRing quiet(first, {.ring_size = 1, .hang_warning_ms = 0});
  CommandBufferRing interrupted(
      second,
      {.ring_size = 1, .hang_warning_ms = 0, .interrupt_check = [] { throw Interrupted(); }});
  first->pause();
  second->pause();
  const std::array tickets{quiet.acquire().submit(), interrupted.acquire().submit()};
  EXPECT_THROW((void)wait_any(tickets), Interrupted);
  first->release();
  second->release();
}

TEST(InterruptOfMany, ComesWhileTheRingEndsToo) {
  const auto gpu = simulated::make_gpu();
  std::atomic<bool> interrupts = true;
  std::optional<CommandBufferRing> ring;
  ring.emplace(gpu, RingOptions{.ring_size = 1, .hang_warning_ms = 0, .interrupt_check = [&] {
                                  if (interrupts) throw Interrupted();
                                }});
  gpu->pause();
  const std::array tickets{ring->acquire().submit()};
  Sequence sequence = ring->sequence();
  std::thread end([&] { ring.reset(); });
  EXPECT_TRUE(eventually([&] {
    try {
      (void)sequence.acquire({.timeout = Timeout(std::chrono::nanoseconds(0))});
    } catch (const AcquireTimeout&) {
      return false;
    } catch (const InvalidUsage&) {
      return true;
    }
    return false;
  }));
  EXPECT_THROW((void)wait_any(tickets), Interrupted);
  EXPECT_THROW(tickets[0].on_complete([](const Ticket&) {}), Interrupted);
  interrupts = false;
  gpu->release();
  end.join();
}

}  // namespace
}  // namespace cbr::test
