// What the Vulkan backend promises a ring, and which calls of the driver a step costs.
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "backends/vulkan/functions.h"
#include "support/queue_gate.h"
#include "unit/vulkan/shimmed_backend.h"

namespace cbr::vulkan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

class VulkanBackend : public ShimmedBackend {};

TEST_F(VulkanBackend, AStepAsksTheDriverForWhatItNeeds) {
  attach();
  run(0, 1);
  shim_.reset();
  constexpr std::uint64_t steps = 20;
  for (std::uint64_t serial = 2; serial < 2 + steps; ++serial) run(0, serial);
  EXPECT_EQ(shim_.vkResetCommandPool.calls(), steps);
  EXPECT_EQ(shim_.vkBeginCommandBuffer.calls(), steps);
  EXPECT_EQ(shim_.vkEndCommandBuffer.calls(), steps);
  EXPECT_EQ(shim_.vkQueueSubmit.calls(), steps);
  EXPECT_EQ(shim_.vkWaitSemaphores.calls(), steps);
  EXPECT_EQ(shim_.calls(), 5 * steps);
}

TEST_F(VulkanBackend, WhatIsKnownToHaveEndedIsNotAskedForAgain) {
  attach(2);
  EXPECT_EQ(completed(), 0U);
  submit(0, 1);
  submit(1, 2);
  EXPECT_EQ(wait(2), WaitStatus::reached);
  shim_.reset();
  EXPECT_EQ(completed(), 2U);
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_EQ(wait(2, 7), WaitStatus::reached);
  EXPECT_EQ(shim_.calls(), 0U);
}

TEST_F(VulkanBackend, APollSeesWhatIsNewest) {
  attach(2);
  submit(0, 1);
  EXPECT_EQ(wait(1), WaitStatus::reached);
  submit(1, 2);
  functions_of(*owner()).vkQueueWaitIdle(owner()->queue());
  EXPECT_EQ(completed(), 2U);
}

TEST_F(VulkanBackend, ADeadlineThatHasPassedOnlyLooks) {
  attach();
  test::QueueGate gate(owner());
  gate.close();
  submit(0, 1);
  EXPECT_EQ(wait(1, 0, no_wait), WaitStatus::timed_out);
  EXPECT_EQ(wait(1, 5, no_wait), WaitStatus::timed_out);
  gate.open();
  functions_of(*owner()).vkQueueWaitIdle(owner()->queue());
  EXPECT_EQ(wait(1, 0, no_wait), WaitStatus::reached);
}

TEST_F(VulkanBackend, OnlyNvidiasWaitsSpin) {
  shim_.pretend_driver(VK_DRIVER_ID_MESA_LLVMPIPE);
  make();
  EXPECT_FALSE(backend_->waits_spin());
  EXPECT_FALSE(backend_->has_virtual_clock());
  shim_.pretend_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY);
  EXPECT_TRUE(make_backend(test::VulkanShim::wrap(*owner()))->waits_spin());
}

TEST_F(VulkanBackend, AnAbandonedRecordingOutlivesItsRing) {
  attach(2);
  const auto handle = static_cast<VkCommandBuffer>(backend_->begin(SlotIndex{1}));
  const std::uint64_t calls = shim_.calls();
  std::unique_ptr<NativeSlot> slot = backend_->abandon(SlotIndex{1});
  EXPECT_EQ(shim_.calls(), calls);
  detach();
  backend_.reset();
  const std::weak_ptr<Device> device = device_;
  device_.reset();
  EXPECT_FALSE(device.expired());
  EXPECT_EQ(shim_.vkDestroyCommandPool.calls(), 1U);
  // Validation looks on.
  const Functions& vk = functions_of(*owner());
  vk.vkCmdPipelineBarrier(handle, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0,
                          0, nullptr, 0, nullptr, 0, nullptr);
  EXPECT_EQ(vk.vkEndCommandBuffer(handle), VK_SUCCESS);
  slot.reset();
  EXPECT_EQ(shim_.vkDestroyCommandPool.calls(), 2U);
  EXPECT_TRUE(device.expired());
}

TEST_F(VulkanBackend, AnAbandonedSlotCanBeMadeAnew) {
  attach(2);
  (void)backend_->begin(SlotIndex{1});
  const auto slot = backend_->abandon(SlotIndex{1});
  backend_->add_slot(SlotIndex{1});
  run(1, 1);
}

TEST_F(VulkanBackend, AFailureOfOneCallConcernsThatCall) {
  attach();
  shim_.vkBeginCommandBuffer.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  EXPECT_THAT([&] { (void)backend_->begin(SlotIndex{0}); },
              ThrowsMessage<BackendError>(HasSubstr("vkBeginCommandBuffer")));
  shim_.vkBeginCommandBuffer.replacement = nullptr;

  shim_.vkQueueSubmit.replacement = [](auto...) { return VK_ERROR_OUT_OF_DEVICE_MEMORY; };
  EXPECT_THROW(submit(0, 1), SubmitFailed);
  shim_.vkQueueSubmit.replacement = nullptr;

  test::QueueGate gate(owner());
  gate.close();
  submit(0, 1);
  shim_.vkWaitSemaphores.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  EXPECT_THAT([&] { (void)wait(1); }, ThrowsMessage<BackendError>(HasSubstr("vkWaitSemaphores")));
  shim_.vkWaitSemaphores.replacement = nullptr;
  shim_.vkGetSemaphoreCounterValue.replacement = [](auto...) { return VK_ERROR_UNKNOWN; };
  EXPECT_THAT([&] { (void)completed(); },
              ThrowsMessage<BackendError>(HasSubstr("vkGetSemaphoreCounterValue")));
  shim_.vkGetSemaphoreCounterValue.replacement = nullptr;
  EXPECT_EQ(completed(), 0U);
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_EQ(completed(), 1U);
  EXPECT_THAT(take_reports(), IsEmpty());
}

TEST_F(VulkanBackend, ACounterOfAllOnesIsALoss) {
  attach();
  test::QueueGate gate(owner());
  gate.close();
  submit(0, 1);
  shim_.vkGetSemaphoreCounterValue.replacement = [](auto, auto, std::uint64_t* value) {
    *value = ~std::uint64_t{0};
    return VK_SUCCESS;
  };
  EXPECT_THROW((void)completed(), DeviceLost);
  shim_.vkGetSemaphoreCounterValue.replacement = nullptr;
  EXPECT_THROW((void)completed(), DeviceLost);
  EXPECT_THROW((void)wait(1), DeviceLost);
  // In truth the device is well, and its objects must not go before the work.
  gate.open();
  functions_of(*owner()).vkQueueWaitIdle(owner()->queue());
}

}  // namespace
}  // namespace cbr::vulkan
