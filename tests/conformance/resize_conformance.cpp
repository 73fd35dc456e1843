// Rings that grow and shrink while work is in flight.
#include <atomic>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"
#include "conformance/hooked_backend.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Resize : public RingConformance {
 protected:
  /// How many slots can be leased at once now.
  std::size_t capacity() {
    HeldLeases leases;
    while (auto lease = ring_->try_acquire()) leases.push_back(std::move(*lease));
    return leases.size();
  }
  /// Three threads that each submit or discard so many leases of at most six slots.
  std::vector<std::thread> start_threads(int leases) {
    std::vector<std::thread> threads;
    threads.reserve(3);
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([this, leases, t] {
        for (int i = 0; i < leases; ++i) {
          Lease lease = record_one();
          EXPECT_LT(to_number(lease.slot()), 6U);
          if ((t + i) % 5 == 0) {
            lease.discard();
          } else {
            std::move(lease).submit();
          }
        }
      });
    }
    return threads;
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, Resize, all_backends(), backend_name);

TEST_P(Resize, GrowsAndShrinksAnIdleRing) {
  auto& ring = make_ring(2);
  for (const std::uint32_t size : {5U, 1U, 3U, 3U, 8U, 2U}) {
    ring.set_ring_size(size);
    EXPECT_EQ(ring.ring_size(), size);
    EXPECT_EQ(ring.statistics().ring_size, size);
    EXPECT_EQ(capacity(), size);
    for (std::uint32_t i = 0; i < 2 * size; ++i) EXPECT_LT(to_number(submit_one().slot()), size);
    ring.drain();
  }
  expect_equations();
}

TEST_P(Resize, OutOfBoundsIsAnErrorAndChangesNothing) {
  auto& ring = make_ring(3);
  for (const std::uint32_t size : {0U, max_ring_size + 1}) {
    try {
      ring.set_ring_size(size);
      FAIL() << size;
    } catch (const InvalidOption& error) {
      EXPECT_THAT(error.what(), HasSubstr("ring_size is " + std::to_string(size)));
    }
  }
  EXPECT_EQ(ring.ring_size(), 3U);
  EXPECT_EQ(capacity(), 3U);
}

TEST_P(Resize, GrowingServesAWaiterWhileTheGpuHangs) {
  auto& ring = make_ring(1);
  harness_->pause();
  submit_one();
  std::thread waiter([&] {
    Lease lease = ring.acquire();
    EXPECT_EQ(lease.slot(), SlotIndex{1});
    lease.discard();
  });
  ASSERT_TRUE(waits(1));
  ring.set_ring_size(2);
  // Joins although the GPU finishes nothing.
  waiter.join();
  EXPECT_EQ(ring.statistics().in_flight, 1U);
  harness_->release();
}

TEST_P(Resize, ShrinkingLetsBusySlotsGoAsTheirWorkEnds) {
  auto& ring = make_ring(4);
  harness_->pause();
  std::vector<Ticket> tickets;
  tickets.reserve(4);
  for (int i = 0; i < 4; ++i) tickets.push_back(submit_one());
  // Doesn't wait.
  ring.set_ring_size(1);
  EXPECT_EQ(ring.statistics().ring_size, 1U);
  EXPECT_EQ(ring.statistics().in_flight, 4U);
  EXPECT_FALSE(ring.try_acquire().has_value());
  harness_->release();
  for (const Ticket& ticket : tickets) ticket.wait();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(submit_one().slot(), SlotIndex{0});
  EXPECT_EQ(ring.statistics().submissions, 9U);
  ring.drain();
  EXPECT_EQ(capacity(), 1U);
  expect_equations();
}

TEST_P(Resize, ShrinkingLetsALeasedSlotGoWhenItsLeaseEnds) {
  auto& ring = make_ring(3);
  for (int i = 0; i < 3; ++i) held_.push_back(record_one());
  ring.set_ring_size(1);
  held_[2].discard();
  std::move(held_[1]).submit().wait();
  EXPECT_FALSE(ring.try_acquire().has_value());
  held_[0].discard();
  EXPECT_EQ(capacity(), 1U);
}

TEST_P(Resize, AShrunkRingTakesItsSlotsBack) {
  auto& ring = make_ring(4);
  harness_->pause();
  for (int i = 0; i < 3; ++i) submit_one();
  ring.set_ring_size(2);
  ring.set_ring_size(4);
  EXPECT_EQ(ring.statistics().in_flight, 3U);
  EXPECT_EQ(capacity(), 1U);
  harness_->release();
  ring.drain();
  EXPECT_EQ(capacity(), 4U);
  submit_one().wait();
}

TEST_P(Resize, AfterALossIsAnError) {
  auto& ring = make_ring(2);
  CBR_ARRANGE(harness_->lose_device());
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  EXPECT_THROW(ring.set_ring_size(3), DeviceLost);
}

TEST_P(Resize, ALeaseOfASlotThatIsToGoMayOutliveTheRing) {
  auto& ring = make_ring(2);
  held_.push_back(ring.acquire());
  held_.push_back(ring.acquire());
  ring.set_ring_size(1);
  destroy_ring();
  auto& next = make_ring(2);
  // Nothing of this may reach the backend, which serves another ring now.
  EXPECT_THROW(std::move(held_[1]).submit(), InvalidUsage);
  held_[0].discard();
  Lease a = next.acquire();
  Lease b = next.acquire();
  a.discard();
  b.discard();
}

TEST_P(Resize, UnderLoad) {
  auto& ring = make_ring(3);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads = start_threads(150);
  std::thread resizer([&] {
    for (std::uint32_t i = 0; !stop; ++i) ring.set_ring_size(1 + i * 7 % 6);
  });
  for (auto& thread : threads) thread.join();
  stop = true;
  resizer.join();
  ring.drain();
  ring.set_ring_size(4);
  EXPECT_EQ(capacity(), 4U);
  expect_equations();
  EXPECT_EQ(ring.statistics().in_flight, 0U);
}

TEST_P(Resize, ChoosesItsSizeUnderLoad) {
  RingOptions options;
  options.auto_ring_size = AutoRingSize{.largest = 6};
  // What it chooses on a real device is its own affair.
  options.log_sink = [](const LogMessage& message) { EXPECT_EQ(message.event, LogEvent::resized); };
  auto& ring = make_ring(std::move(options));
  std::vector<std::thread> threads = start_threads(400);
  for (auto& thread : threads) thread.join();
  ring.drain();
  EXPECT_GE(ring.ring_size(), 2U);
  EXPECT_LE(ring.ring_size(), 6U);
  EXPECT_EQ(capacity(), ring.ring_size());
  expect_equations();
}

TEST(ResizeFailure, KeepsWhatTheRingHadComeTo) {
  auto hooked = std::make_shared<HookedBackend>(simulated::make_gpu());
  hooked->on_add_slot = [](SlotIndex slot) {
    if (to_number(slot) == 3) throw BackendError("no more memory");
  };
  CommandBufferRing ring(validate(hooked, [](std::string_view line) { ADD_FAILURE() << line; }),
                         {.ring_size = 2});
  EXPECT_THROW(ring.set_ring_size(5), BackendError);
  EXPECT_EQ(ring.ring_size(), 3U);
  EXPECT_EQ(ring.statistics().ring_size, 3U);
  HeldLeases leases;
  while (auto lease = ring.try_acquire()) leases.push_back(std::move(*lease));
  EXPECT_EQ(leases.size(), 3U);
  leases.clear();
  hooked->on_add_slot = {};
  ring.set_ring_size(5);
  while (auto lease = ring.try_acquire()) leases.push_back(std::move(*lease));
  EXPECT_EQ(leases.size(), 5U);
}

TEST(ResizeMeanwhile, WhatDoesNotBlockWaitsForNoSlotThatIsMade) {
  const auto gpu = simulated::make_gpu();
  const auto backend = std::make_shared<HookedBackend>(gpu);
  std::latch making(1);
  std::latch go_on(1);
  bool holds_up = false;
  backend->on_add_slot = [&](SlotIndex) {
    if (!holds_up) return;
    making.count_down();
    go_on.wait();
  };
  CommandBufferRing ring(backend, {.ring_size = 4, .hang_warning_ms = 0});
  std::vector<Lease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(ring.acquire());
  gpu->pause();
  const Ticket ticket = std::move(leases[3]).submit();
  leases[1].discard();
  leases[2].discard();
  ring.set_ring_size(1);
  holds_up = true;
  std::thread grower([&] { ring.set_ring_size(2); });
  making.wait();
  gpu->release();
  // Its slot is outside the ring, and its native objects have to wait for the other thread.
  EXPECT_TRUE(ticket.done());
  go_on.count_down();
  grower.join();
  leases[0].discard();
  EXPECT_EQ(ring.ring_size(), 2U);
}

}  // namespace
}  // namespace cbr::test
