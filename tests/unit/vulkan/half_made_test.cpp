// What is made halfway and then fails, for want of memory or otherwise, leaves nothing behind.
#include <functional>
#include <new>

#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "backends/vulkan/vulkan_device.h"
#include "unit/vulkan/shimmed_backend.h"

namespace cbr::vulkan {
namespace {

/// Counts native objects, and lets the n-th call that makes one fail. A call that throws stands for
/// an allocation of ours that fails between two calls of the driver.
class HalfMade : public ShimmedBackend, public testing::WithParamInterface<bool> {
 protected:
  HalfMade() {
#define CBR_MAKES(name)                                    \
  shim_.name.replacement = [this](auto... arguments) {     \
    if (--fuse_ == 0) return fail();                       \
    const VkResult result = shim_.name.next(arguments...); \
    if (result == VK_SUCCESS) ++objects_;                  \
    return result;                                         \
  };
#define CBR_DESTROYS(name)                                             \
  shim_.name.replacement = [this](auto owner, auto object, auto how) { \
    if (object != VK_NULL_HANDLE) --objects_;                          \
    shim_.name.next(owner, object, how);                               \
  };
    CBR_MAKES(vkCreateSemaphore)
    CBR_MAKES(vkCreateFence)
    CBR_MAKES(vkCreateCommandPool)
    CBR_MAKES(vkCreateQueryPool)
    CBR_MAKES(vkCreateBuffer)
    CBR_MAKES(vkAllocateMemory)
    CBR_DESTROYS(vkDestroySemaphore)
    CBR_DESTROYS(vkDestroyFence)
    CBR_DESTROYS(vkDestroyCommandPool)
    CBR_DESTROYS(vkDestroyQueryPool)
    CBR_DESTROYS(vkDestroyBuffer)
    CBR_DESTROYS(vkFreeMemory)
#undef CBR_MAKES
#undef CBR_DESTROYS
    // What these make goes with something else.
#define CBR_MAY_FAIL(name)                             \
  shim_.name.replacement = [this](auto... arguments) { \
    if (--fuse_ == 0) return fail();                   \
    return shim_.name.next(arguments...);              \
  };
    CBR_MAY_FAIL(vkAllocateCommandBuffers)
    CBR_MAY_FAIL(vkBindBufferMemory)
    CBR_MAY_FAIL(vkMapMemory)
#undef CBR_MAY_FAIL
  }

 public:
  ~HalfMade() override {
    detach();
    backend_.reset();
    device_.reset();
    EXPECT_EQ(objects_, 0);
  }

 protected:
  [[nodiscard]] VkResult fail() const {
    if (GetParam()) throw std::bad_alloc();
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }

  /// Calls with the first, second… making failing, until nothing fails; `check` in between. Returns
  /// how many failed.
  int fail_each(const std::function<void()>& call, const std::function<void()>& check) {
    for (int n = 1;; ++n) {
      fuse_ = n;
      try {
        call();
        fuse_ = 0;
        return n - 1;
      } catch (const std::bad_alloc&) {
        EXPECT_TRUE(GetParam());
      } catch (const BackendError&) {
        EXPECT_FALSE(GetParam());
      }
      fuse_ = 0;
      check();
    }
  }

  int fuse_ = 0;
  int objects_ = 0;
};

TEST_P(HalfMade, AnAttachmentLeavesNothing) {
  make();
  const int failures = fail_each([&] { attach(3, GpuTimes::both); },
                                 [&] {
                                   EXPECT_EQ(objects_, 0);
                                   // It serves no ring: the next may come.
                                   attach(1);
                                   run(0, 1);
                                   detach();
                                   EXPECT_EQ(objects_, 0);
                                 });
  // A semaphore; a pool, a buffer and queries for each slot at least.
  EXPECT_GE(failures, 10);
  run(0, 1);
}

TEST_P(HalfMade, ASlotLeavesNothing) {
  attach(1, GpuTimes::both);
  const int before = objects_;
  const int failures =
      fail_each([&] { backend_->add_slot(SlotIndex{1}); }, [&] { EXPECT_EQ(objects_, before); });
  EXPECT_GE(failures, 3);
  run(1, 1);
  backend_->remove_slot(SlotIndex{1});
  EXPECT_EQ(objects_, before);
}

INSTANTIATE_TEST_SUITE_P(By, HalfMade, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Allocation" : "Driver");
});

TEST(HalfOpened, ADeviceLeavesNothing) {
  auto& shim = test::VulkanShim::get();
  shim.reset();
  int fuse = 0;
  int instances = 0;
  int devices = 0;
  shim.vkCreateInstance.replacement = [&](auto... arguments) {
    const VkResult result = shim.vkCreateInstance.next(arguments...);
    if (result == VK_SUCCESS) ++instances;
    return result;
  };
  shim.vkDestroyInstance.replacement = [&](auto... arguments) {
    EXPECT_EQ(devices, 0);
    --instances;
    shim.vkDestroyInstance.next(arguments...);
  };
  shim.vkCreateDevice.replacement = [&](auto... arguments) {
    if (--fuse == 0) return VK_ERROR_INITIALIZATION_FAILED;
    const VkResult result = shim.vkCreateDevice.next(arguments...);
    if (result == VK_SUCCESS) ++devices;
    return result;
  };
  shim.vkDestroyDevice.replacement = [&](auto... arguments) {
    --devices;
    shim.vkDestroyDevice.next(arguments...);
  };
  shim.vkGetPhysicalDeviceProperties.replacement = [&](auto... arguments) {
    if (--fuse == 0) throw std::bad_alloc();
    shim.vkGetPhysicalDeviceProperties.next(arguments...);
  };
  // Called once the device is there.
  shim.vkGetDeviceQueue.replacement = [&](auto... arguments) {
    if (--fuse == 0) throw std::bad_alloc();
    shim.vkGetDeviceQueue.next(arguments...);
  };
  std::shared_ptr<Device> device;
  int failures = 0;
  for (; device == nullptr; ++failures) {
    fuse = failures + 1;
    try {
      device = DeviceImpl::open({}, test::VulkanShim::get_instance_proc_addr());
    } catch (const std::bad_alloc&) {
    } catch (const BackendError&) {
    }
    if (device != nullptr) break;
    EXPECT_EQ(devices, 0);
    EXPECT_EQ(instances, 0);
  }
  EXPECT_GE(failures, 3);
  EXPECT_EQ(devices, 1);
  device.reset();
  EXPECT_EQ(devices, 0);
  EXPECT_EQ(instances, 0);
  shim.reset();
}

}  // namespace
}  // namespace cbr::vulkan
