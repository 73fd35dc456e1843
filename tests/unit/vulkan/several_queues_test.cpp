// A ring over several queues of one device. Devices with one queue skip most of this.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/validation.h>

#include "backends/vulkan/functions.h"
#include "support/eventually.h"
#include "support/queue_gate.h"
#include "support/vulkan_fixture.h"

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr QueueIndex first{0};
constexpr QueueIndex second{1};

std::uint32_t compute_queues(const DeviceInfo& info) {
  std::uint32_t count = 0;
  for (const ComputeFamily& family : info.compute_families) count += family.queue_count;
  return count;
}

TEST(DeviceQueues, AreCounted) {
  const DeviceInfo& info = test::validated_device()->info();
  EXPECT_GE(compute_queues(info), 1U);
  for (const ComputeFamily& family : info.compute_families) EXPECT_GE(family.queue_count, 1U);
}

TEST(DeviceQueues, AskingForTooManySaysWhatThereIs) {
  const DeviceInfo& info = test::validated_device()->info();
  if (compute_queues(info) >= 64) GTEST_SKIP() << info.name << " has as many as can be asked for";
  EXPECT_THAT([] { (void)Device::open({.queues = std::vector<QueueRequest>(64)}); },
              ThrowsMessage<BackendError>(
                  AllOf(HasSubstr(info.name), HasSubstr("64 queues"), HasSubstr("in family"))));
}

/// Two queues that the device has, each with a gate; skips where it has only one.
class SeveralQueues : public testing::Test {
 protected:
  void SetUp() override {
    const DeviceInfo& info = test::validated_device()->info();
    if (compute_queues(info) < 2) {
      GTEST_SKIP() << info.name << " has " << compute_queues(info) << " queue that computes";
    }
    open({{.priority = 1.0F}, {.priority = 0.25F}});
  }

  void open(const std::vector<QueueRequest>& requests) { device_ = test::open_validated(requests); }

  /// The contract is checked along the way.
  CommandBufferRing& make_ring(std::uint32_t ring_size) {
    return ring_.emplace(validate(make_backend(device_)), RingOptions{.ring_size = ring_size});
  }
  bool someone_waits() {
    return test::eventually([&] { return ring_->statistics().wait_events == 1; });
  }

  std::shared_ptr<Device> device_;
  std::optional<CommandBufferRing> ring_;
};

TEST_F(SeveralQueues, AreDistinctAndKeepTheirPriorities) {
  ASSERT_EQ(device_->queue_count(), 2U);
  EXPECT_NE(device_->queue(first), device_->queue(second));
  EXPECT_EQ(device_->queue(), device_->queue(first));
  EXPECT_EQ(device_->queue_family(), device_->queue_family(first));
  const auto backend = make_backend(device_);
  EXPECT_EQ(backend->queue_count(), 2U);
  EXPECT_FLOAT_EQ(backend->queue_priority(first), 1.0F);
  EXPECT_FLOAT_EQ(backend->queue_priority(second), 0.25F);
}

TEST_F(SeveralQueues, SlotsBelongToQueuesInTurn) {
  auto& ring = make_ring(5);
  std::set<std::uint32_t> queues;
  for (int i = 0; i < 50; ++i) {
    const Ticket ticket = ring.acquire().submit();
    EXPECT_EQ(to_number(ticket.queue()), to_number(ticket.slot()) % 2);
    queues.insert(to_number(ticket.queue()));
  }
  ring.drain();
  EXPECT_EQ(queues.size(), 2U);
  EXPECT_EQ(ring.statistics().completions, 50U);
}

TEST_F(SeveralQueues, AWaitForAnySlotEndsWithTheQueueThatGoesOn) {
  auto& ring = make_ring(2);
  test::QueueGate gate(device_, first);
  gate.close();
  std::optional<Ticket> held_up;
  for (int i = 0; i < 2; ++i) {
    const Ticket ticket = ring.acquire().submit();
    if (ticket.queue() == first) held_up = ticket;
  }
  ASSERT_TRUE(held_up.has_value());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ring.acquire().submit().queue(), second);
  EXPECT_FALSE(held_up->done());
  gate.open();
  held_up->wait();
}

TEST_F(SeveralQueues, AWaitForAnySlotReachesItsDeadline) {
  auto& ring = make_ring(2);
  test::QueueGate first_gate(device_, first);
  test::QueueGate second_gate(device_, second);
  first_gate.close();
  second_gate.close();
  ring.acquire().submit();
  ring.acquire().submit();
  EXPECT_THROW((void)ring.acquire(2ms), AcquireTimeout);
  second_gate.open();
  EXPECT_EQ(ring.acquire().submit().queue(), second);
}

TEST_F(SeveralQueues, AWaitForAnySlotCanBeWoken) {
  auto& ring = make_ring(3);
  test::QueueGate first_gate(device_, first);
  test::QueueGate second_gate(device_, second);
  first_gate.close();
  second_gate.close();
  ring.acquire().submit();
  ring.acquire().submit();
  Lease held = ring.acquire();
  std::thread waiter([&] { ring.acquire().discard(); });
  EXPECT_TRUE(someone_waits());
  held.discard();
  waiter.join();
}

TEST_F(SeveralQueues, ADeviceSubmitsToEach) {
  // The gate is a submission of the device's own.
  test::QueueGate gate(device_, second);
  gate.close();
  auto& ring = make_ring(2);
  Ticket tickets[] = {ring.acquire().submit(), ring.acquire().submit()};
  for (const Ticket& ticket : tickets) {
    if (ticket.queue() == first) ticket.wait();
    EXPECT_EQ(ticket.done(), ticket.queue() == first);
  }
  gate.open();
  ring.drain();
}

TEST_F(SeveralQueues, IntervalsCanBeCompared) {
  auto& ring = make_ring(2);
  std::optional<GpuInterval> before;
  for (int i = 0; i < 20; ++i) {
    const Ticket ticket = ring.acquire().submit();
    ticket.wait();
    const auto interval = ticket.gpu_interval();
    if (!interval) GTEST_SKIP() << device_->info().name << " has a queue without timestamps";
    // Slots take turns, and so do queues.
    EXPECT_GE(interval->start, before.value_or(GpuInterval{}).end);
    before = interval;
  }
}

TEST_F(SeveralQueues, MayBeOfDifferentFamilies) {
  const DeviceInfo& info = device_->info();
  if (info.compute_families.size() < 2) {
    GTEST_SKIP() << info.name << " has " << info.compute_families.size() << " family that computes";
  }
  const std::uint32_t main = device_->queue_family();
  const auto other = std::find_if(info.compute_families.begin(), info.compute_families.end(),
                                  [&](const auto& family) { return family.family != main; });
  const std::uint32_t other_family = other->family;
  open({{.family = main}, {.family = other_family}});
  EXPECT_EQ(device_->queue_family(first), main);
  EXPECT_EQ(device_->queue_family(second), other_family);
  auto& ring = make_ring(4);
  for (int i = 0; i < 20; ++i) ring.acquire().submit();
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 20U);
}

TEST_F(SeveralQueues, CanBeWrappedEachWithItsLock) {
  int first_locks = 0;
  int second_locks = 0;
  WrapOptions options{.instance = device_->instance(),
                      .physical_device = device_->physical_device(),
                      .device = device_->handle(),
                      .queue = device_->queue(first),
                      .queue_family = device_->queue_family(first),
                      .get_instance_proc_addr = functions_of(*device_).vkGetInstanceProcAddr,
                      .lock_queue = [&] { ++first_locks; },
                      .unlock_queue = [] {}};
  options.more_queues = {{.queue = device_->queue(second),
                          .queue_family = device_->queue_family(second),
                          .priority = 0.5F,
                          .lock_queue = [&] { ++second_locks; },
                          .unlock_queue = [] {}}};
  CommandBufferRing ring(make_backend(Device::wrap(options)), {.ring_size = 2});
  for (int i = 0; i < 10; ++i) {
    const Ticket ticket = ring.acquire().submit();
    ticket.wait();
  }
  EXPECT_EQ(first_locks, 5);
  EXPECT_EQ(second_locks, 5);
}

}  // namespace
}  // namespace cbr::vulkan
