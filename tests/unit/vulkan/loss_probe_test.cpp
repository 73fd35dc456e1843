#include "backends/vulkan/loss_probe.h"

#include <chrono>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "backends/vulkan/functions.h"
#include "support/eventually.h"
#include "support/queue_gate.h"
#include "support/vulkan_fixture.h"
#include "unit/vulkan/shimmed_backend.h"

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

// What the probe finds on a lost device is tested in device_loss_test.

TEST(LossProbe, AQueueThatStandsStillForLongIsNotTakenForLost) {
  // Longer than the probe's three steps: note the standstill, submit the fence, ask for it. The
  // validation layer watches how the fence is used.
  constexpr auto standstill = 5 * LossProbe::interval;
  const auto device = test::validated_device();
  CommandBufferRing ring(make_backend(device), {.ring_size = 2});
  test::QueueGate gate(device);
  for (int round = 0; round < 2; ++round) {
    gate.close();
    const Ticket ticket = ring.acquire().submit();
    EXPECT_FALSE(ticket.wait_for(standstill));
    gate.open();
    EXPECT_NO_THROW(ticket.wait());
  }
}

TEST(LossProbe, PollingAQueueThatStandsStillIsHarmless) {
  constexpr auto standstill = 5 * LossProbe::interval;
  const auto device = test::validated_device();
  CommandBufferRing ring(make_backend(device), {.ring_size = 2});
  test::QueueGate gate(device);
  gate.close();
  const Ticket ticket = ring.acquire().submit();
  const auto end = Clock::now() + standstill;
  while (Clock::now() < end) EXPECT_FALSE(ticket.done());
  gate.open();
  EXPECT_NO_THROW(ticket.wait());
}

/// The probe behind calls that fail now and then; the validation layer looks on.
class LossProbeOnAWeakDriver : public ShimmedBackend {
 protected:
  /// A queue that stands still until the gate opens, with one submission of the ring's.
  void stand_still() {
    attach();
    gate_.close();
    submit(0, 1);
  }
  /// Polls until the driver was called as often as that.
  template <typename Function>
  void poll_until_called(const Function& function, std::uint64_t calls) {
    EXPECT_TRUE(test::eventually([&] {
      EXPECT_EQ(completed(), 0U);
      return function.calls() >= calls;
    }));
  }
  void finish() {
    gate_.open();
    EXPECT_EQ(wait(1), WaitStatus::reached);
    EXPECT_EQ(completed(), 1U);
  }

  test::QueueGate gate_{owner()};
};

TEST_F(LossProbeOnAWeakDriver, AFenceThatCanNotBeMadeIsReportedOnceAndTriedAgain) {
  shim_.vkCreateFence.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  stand_still();
  poll_until_called(shim_.vkCreateFence, 3);
  EXPECT_THAT(take_reports(), ElementsAre(AllOf(HasSubstr("queue 0"), HasSubstr("vkCreateFence"))));
  shim_.vkCreateFence.replacement = nullptr;
  poll_until_called(shim_.vkWaitForFences, 1);
  EXPECT_THAT(take_reports(), IsEmpty());
  finish();
}

TEST_F(LossProbeOnAWeakDriver, ASubmissionThatIsRefusedConcernsNobody) {
  stand_still();
  shim_.vkQueueSubmit.replacement = [](auto...) { return VK_ERROR_OUT_OF_DEVICE_MEMORY; };
  const std::uint64_t before = shim_.vkQueueSubmit.calls();
  // In a wait as in a poll.
  EXPECT_EQ(wait(1, 0, Clock::now() + 3 * LossProbe::interval), WaitStatus::timed_out);
  poll_until_called(shim_.vkQueueSubmit, before + 3);
  EXPECT_THAT(take_reports(), ElementsAre(HasSubstr("vkQueueSubmit")));
  shim_.vkQueueSubmit.replacement = nullptr;
  poll_until_called(shim_.vkWaitForFences, 1);
  // A second streak is said again.
  shim_.vkWaitForFences.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  poll_until_called(shim_.vkWaitForFences, 3);
  EXPECT_THAT(take_reports(), ElementsAre(HasSubstr("vkWaitForFences")));
  shim_.vkWaitForFences.replacement = nullptr;
  finish();
}

TEST_F(LossProbeOnAWeakDriver, AFenceThatCanNotBeResetIsNotSubmittedAgain) {
  // Validation says where a signalled fence is submitted. The gate is behind the fence here: two
  // submissions of the ring, of which the first ends.
  attach(2);
  gate_.close();
  submit(0, 1);
  poll_until_called(shim_.vkCreateFence, 1);
  test::QueueGate second(owner());
  second.close();
  submit(1, 2);
  shim_.vkResetFences.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  const std::uint64_t submissions = shim_.vkQueueSubmit.calls();
  gate_.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_EQ(completed(), 1U);
    return shim_.vkResetFences.calls() >= 3;
  }));
  EXPECT_EQ(shim_.vkQueueSubmit.calls(), submissions);
  EXPECT_THAT(take_reports(), ElementsAre(HasSubstr("vkResetFences")));
  shim_.vkResetFences.replacement = nullptr;
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_EQ(completed(), 1U);
    return shim_.vkQueueSubmit.calls() > submissions;
  }));
  second.open();
  EXPECT_EQ(wait(2), WaitStatus::reached);
}

TEST_F(LossProbeOnAWeakDriver, WhatTheUsersLockThrowsConcernsNobody) {
  bool broken = false;
  device_ = Device::wrap({.instance = owner()->instance(),
                          .physical_device = owner()->physical_device(),
                          .device = owner()->handle(),
                          .queue = owner()->queue(),
                          .queue_family = owner()->queue_family(),
                          .get_instance_proc_addr = test::VulkanShim::get_instance_proc_addr(),
                          .lock_queue =
                              [&] {
                                if (broken) throw 5;  // NOLINT: what a user may do
                              },
                          .unlock_queue = [] {}});
  stand_still();
  broken = true;
  EXPECT_EQ(wait(1, 0, Clock::now() + 4 * LossProbe::interval), WaitStatus::timed_out);
  EXPECT_THAT(take_reports(), ElementsAre(HasSubstr("stands still")));
  broken = false;
  finish();
}

TEST_F(LossProbeOnAWeakDriver, ALossIsTheCallersConcern) {
  stand_still();
  poll_until_called(shim_.vkCreateFence, 1);
  shim_.vkWaitForFences.replacement = [](auto...) { return VK_ERROR_DEVICE_LOST; };
  EXPECT_THAT([&] { (void)wait(1); }, ThrowsMessage<DeviceLost>(HasSubstr("vkWaitForFences")));
  EXPECT_THAT(take_reports(), IsEmpty());
  // In truth the device is well, and its objects must not go before the work.
  gate_.open();
  functions_of(*owner()).vkQueueWaitIdle(owner()->queue());
}

TEST_F(LossProbeOnAWeakDriver, AFenceInTheQueueNeitherHoldsUpTheRingsEndNorGoesWithIt) {
  stand_still();
  // Behind the ring's work and in front of the fence: work of others.
  test::QueueGate others(owner());
  others.close();
  poll_until_called(shim_.vkCreateFence, 1);
  finish();
  detach();
  backend_.reset();
  EXPECT_EQ(shim_.vkDestroyFence.calls(), 0U);
  others.open();
  // The device waits for it, through failures of the wait.
  int failures = 3;
  shim_.vkWaitForFences.replacement = [&](VkDevice device, std::uint32_t count,
                                          const VkFence* fences, VkBool32 all,
                                          std::uint64_t timeout) {
    if (failures-- > 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
    EXPECT_EQ(shim_.vkDestroyFence.calls(), 0U);
    return shim_.vkWaitForFences.next(device, count, fences, all, timeout);
  };
  device_.reset();
  EXPECT_LT(failures, 0);
  EXPECT_EQ(shim_.vkDestroyFence.calls(), 1U);
}

}  // namespace
}  // namespace cbr::vulkan
