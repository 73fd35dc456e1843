// Waits that may be woken: in one call of the driver where it can, in slices elsewhere.
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/loss_probe.h"
#include "support/eventually.h"
#include "support/queue_gate.h"
#include "unit/vulkan/shimmed_backend.h"

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A driver that must not be asked to wait for any of several: the validated one.
class WakeInSlices : public ShimmedBackend {
 protected:
  /// Native waits in a wait of `time` for what doesn't end.
  std::uint64_t looks_in(std::chrono::milliseconds time, std::uint64_t serial) {
    const std::uint64_t before = shim_.vkWaitSemaphores.calls();
    EXPECT_EQ(wait(serial, 1, Clock::now() + time), WaitStatus::timed_out);
    return shim_.vkWaitSemaphores.calls() - before;
  }
};

TEST_F(WakeInSlices, GetLongWhileNobodyRecords) {
  attach(3);
  test::QueueGate gate(owner());
  gate.close();
  submit(0, 1);
  // 1 ms, 2 ms… and 100 ms in the end, for the sake of losses.
  EXPECT_LE(looks_in(330ms, 1), 10U);

  // Each way in which a recording ends, ends the short ones.
  constexpr std::uint64_t many = 12;
  constexpr std::uint64_t few = 7;
  (void)backend_->begin(SlotIndex{1});
  EXPECT_GE(looks_in(80ms, 1), many);
  backend_->discard(SlotIndex{1});
  EXPECT_LE(looks_in(80ms, 1), few);

  submit(1, 2);
  EXPECT_LE(looks_in(80ms, 1), few);

  shim_.vkQueueSubmit.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  EXPECT_THROW(submit(2, 3), SubmitFailed);
  shim_.vkQueueSubmit.replacement = nullptr;
  EXPECT_LE(looks_in(80ms, 1), few);
  // A ring may discard what it couldn't submit.
  backend_->discard(SlotIndex{2});

  (void)backend_->begin(SlotIndex{2});
  EXPECT_GE(looks_in(80ms, 1), many);
  const auto abandoned = backend_->abandon(SlotIndex{2});
  EXPECT_LE(looks_in(80ms, 1), few);

  shim_.vkBeginCommandBuffer.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  backend_->add_slot(SlotIndex{2});
  EXPECT_THROW((void)backend_->begin(SlotIndex{2}), BackendError);
  shim_.vkBeginCommandBuffer.replacement = nullptr;
  EXPECT_LE(looks_in(80ms, 1), few);
  gate.open();
  EXPECT_EQ(wait(2), WaitStatus::reached);
}

TEST_F(WakeInSlices, AWaitThatIsNotToBeWokenIsNotCutShort) {
  attach(2);
  test::QueueGate gate(owner());
  gate.close();
  submit(0, 1);
  (void)backend_->begin(SlotIndex{1});
  EXPECT_EQ(wait(1, 0, Clock::now() + 80ms), WaitStatus::timed_out);
  EXPECT_LE(shim_.vkWaitSemaphores.calls(), 2U);
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
  backend_->discard(SlotIndex{1});
}

TEST_F(WakeInSlices, AreOneSemaphoreEach) {
  shim_.pretend_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY);
  attach(2);
  test::QueueGate gate(owner());
  gate.close();
  submit(0, 1);
  (void)backend_->begin(SlotIndex{1});
  // The validation layer would take each of several for reached.
  shim_.vkWaitSemaphores.replacement = [&](VkDevice device, const VkSemaphoreWaitInfo* info,
                                           std::uint64_t timeout) {
    EXPECT_EQ(info->semaphoreCount, 1U);
    return shim_.vkWaitSemaphores.next(device, info, timeout);
  };
  EXPECT_EQ(wait(1, 1, Clock::now() + 20ms), WaitStatus::timed_out);
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
  backend_->discard(SlotIndex{1});
}

/// The software driver as it is, pretending to be one that sleeps in a wait for any of several.
class WakeInDriver : public ShimmedBackend {
 protected:
  WakeInDriver() { shim_.pretend_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY); }
  std::shared_ptr<Device> owner() override { return owner_; }

  std::shared_ptr<Device> owner_ = Device::open();
};

TEST_F(WakeInDriver, IsOneWaitForTheQueueAndTheHost) {
  attach(2);
  std::atomic<std::uint32_t> semaphores = 0;
  std::atomic<VkSemaphoreWaitFlags> flags = 0;
  shim_.vkWaitSemaphores.replacement = [&](VkDevice device, const VkSemaphoreWaitInfo* info,
                                           std::uint64_t timeout) {
    EXPECT_EQ(timeout, std::chrono::nanoseconds(LossProbe::interval).count());
    semaphores = info->semaphoreCount;
    flags = info->flags;
    return shim_.vkWaitSemaphores.next(device, info, timeout);
  };
  test::QueueGate gate(owner_);
  gate.close();
  submit(0, 1);
  // Not even a recording cuts it short.
  (void)backend_->begin(SlotIndex{1});
  WaitStatus status = WaitStatus::timed_out;
  std::thread waiter([&] { status = wait(1, 3); });
  EXPECT_TRUE(test::eventually([&] { return shim_.vkWaitSemaphores.calls() > 0; }));
  backend_->wake(2);
  backend_->wake(3);
  waiter.join();
  EXPECT_EQ(status, WaitStatus::woken);
  EXPECT_EQ(semaphores, 2U);
  EXPECT_EQ(flags, static_cast<VkSemaphoreWaitFlags>(VK_SEMAPHORE_WAIT_ANY_BIT));
  EXPECT_EQ(shim_.vkSignalSemaphore.calls(), 2U);

  // Ended by the work.
  std::thread other([&] { status = wait(1, 4); });
  gate.open();
  other.join();
  EXPECT_EQ(status, WaitStatus::reached);
  backend_->discard(SlotIndex{1});
}

TEST_F(WakeInDriver, ValuesRiseWhateverTheOrderOfTheCalls) {
  attach();
  std::mutex mutex;
  std::vector<std::uint64_t> values;
  shim_.vkSignalSemaphore.replacement = [&](VkDevice device, const VkSemaphoreSignalInfo* info) {
    const std::lock_guard lock(mutex);
    values.push_back(info->value);
    return shim_.vkSignalSemaphore.next(device, info);
  };
  backend_->wake(2);
  backend_->wake(1);
  backend_->wake(2);
  EXPECT_THAT(values, ElementsAre(2));
  std::vector<std::thread> threads;
  for (std::uint64_t first = 3; first < 7; ++first) {
    threads.emplace_back([&, first] {
      for (std::uint64_t number = first; number < 500; number += 4) backend_->wake(number);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end(), std::less_equal<>()));
  EXPECT_EQ(values.back(), 499U);
}

TEST_F(WakeInDriver, AnotherNumberDoesNotEndAWait) {
  attach();
  test::QueueGate gate(owner_);
  gate.close();
  submit(0, 1);
  backend_->wake(2);
  EXPECT_EQ(wait(1, 3, Clock::now() + 20ms), WaitStatus::timed_out);
  EXPECT_EQ(wait(1, 2), WaitStatus::woken);
  EXPECT_EQ(wait(1, 1), WaitStatus::woken);
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
}

TEST_F(WakeInDriver, ASignalThatFailsIsReportedAndMakesTheWaitEndLater) {
  attach();
  test::QueueGate gate(owner_);
  gate.close();
  submit(0, 1);
  shim_.vkSignalSemaphore.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  for (std::uint64_t number = 1; number < 4; ++number) {
    WaitStatus status = WaitStatus::timed_out;
    const std::uint64_t before = shim_.vkWaitSemaphores.calls();
    std::thread waiter([&] { status = wait(1, number); });
    EXPECT_TRUE(test::eventually([&] { return shim_.vkWaitSemaphores.calls() > before; }));
    EXPECT_NO_THROW(backend_->wake(number));
    waiter.join();
    EXPECT_EQ(status, WaitStatus::woken);
  }
  EXPECT_THAT(take_reports(), ElementsAre(HasSubstr("vkSignalSemaphore")));
  shim_.vkSignalSemaphore.replacement = nullptr;
  backend_->wake(4);
  EXPECT_THAT(take_reports(), IsEmpty());
  shim_.vkSignalSemaphore.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  backend_->wake(5);
  EXPECT_THAT(take_reports(), SizeIs(1)) << "the second streak";
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
}

TEST_F(WakeInDriver, StaysOffWhereALayerValidates) {
  // As where the program's own instance has the layer, or the environment turns it on.
  shim_.vkGetPhysicalDeviceToolPropertiesEXT.replacement =
      [](VkPhysicalDevice, std::uint32_t* count, VkPhysicalDeviceToolProperties* tools) {
        *count = 2;
        if (tools != nullptr) tools[1].purposes = VK_TOOL_PURPOSE_VALIDATION_BIT;
        return VK_SUCCESS;
      };
  attach();
  backend_->wake(1);
  EXPECT_EQ(shim_.vkSignalSemaphore.calls(), 0U);
}

/// What holds in both ways.
class Wake : public ShimmedBackend, public testing::WithParamInterface<bool> {
 protected:
  Wake() {
    if (GetParam()) shim_.pretend_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY);
  }
  std::shared_ptr<Device> owner() override { return owner_; }

  std::shared_ptr<Device> owner_ = Device::open();
};

TEST_P(Wake, ComesBeforeTheWaitToo) {
  attach();
  test::QueueGate gate(owner_);
  gate.close();
  submit(0, 1);
  backend_->wake(7);
  EXPECT_EQ(wait(1, 7), WaitStatus::woken);
  EXPECT_EQ(wait(1, 8, no_wait), WaitStatus::timed_out);
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
}

TEST_P(Wake, WorkThatHasEndedCountsForMore) {
  attach();
  submit(0, 1);
  functions_of(*owner_).vkQueueWaitIdle(owner_->queue());
  backend_->wake(7);
  EXPECT_EQ(wait(1, 7), WaitStatus::reached);
}

TEST_P(Wake, EachRingCountsFromOne) {
  attach();
  backend_->wake(1000);
  detach();
  attach();
  test::QueueGate gate(owner_);
  gate.close();
  submit(0, 1);
  EXPECT_EQ(wait(1, 1, Clock::now() + 5ms), WaitStatus::timed_out);
  backend_->wake(1);
  EXPECT_EQ(wait(1, 1), WaitStatus::woken);
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
}

TEST_P(Wake, EndsManyWaits) {
  attach(2);
  test::QueueGate gate(owner_);
  gate.close();
  submit(0, 1);
  (void)backend_->begin(SlotIndex{1});
  std::atomic<int> woken = 0;
  std::vector<std::thread> waiters;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    waiters.emplace_back([&, number] {
      if (wait(1, number) == WaitStatus::woken) ++woken;
    });
  }
  for (std::uint64_t number = 1; number <= 4; ++number) backend_->wake(number);
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(woken, 4);
  gate.open();
  EXPECT_EQ(wait(1), WaitStatus::reached);
  backend_->discard(SlotIndex{1});
}

INSTANTIATE_TEST_SUITE_P(All, Wake, testing::Values(false, true), [](const auto& test) {
  return std::string(test.param ? "InDriver" : "InSlices");
});

}  // namespace
}  // namespace cbr::vulkan
