// Opening where a driver is broken, or stands on top of another API.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "backends/vulkan/device_list.h"
#include "backends/vulkan/instance.h"
#include "backends/vulkan/vulkan_device.h"
#include "support/vulkan_shim.h"

namespace cbr::vulkan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// There are two devices: a discrete GPU called "Broken GPU", and what the driver has. The first is
/// the same one by a handle of another value, which the shim takes back before the driver sees it.
class OpenDevice : public testing::Test {
 protected:
  OpenDevice() {
    shim_.reset();
    shim_.vkEnumeratePhysicalDevices.replacement = [this](VkInstance instance, std::uint32_t* count,
                                                          VkPhysicalDevice* devices) {
      std::uint32_t one = 1;
      const VkResult result = shim_.vkEnumeratePhysicalDevices.next(instance, &one, &real_);
      if (devices != nullptr) {
        devices[0] = broken();
        devices[1] = real_;
      }
      *count = 2;
      return result == VK_INCOMPLETE ? VK_SUCCESS : result;
    };
    shim_.vkGetPhysicalDeviceProperties.replacement = [this](VkPhysicalDevice device,
                                                             VkPhysicalDeviceProperties* found) {
      shim_.vkGetPhysicalDeviceProperties.next(real_, found);
      if (device == real_) return;
      std::strcpy(found->deviceName, "Broken GPU");
      found->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    };
    shim_.vkGetPhysicalDeviceProperties2.replacement = [this](VkPhysicalDevice /*device*/,
                                                              VkPhysicalDeviceProperties2* found) {
      shim_.vkGetPhysicalDeviceProperties2.next(real_, found);
    };
    shim_.vkGetPhysicalDeviceFeatures2.replacement = [this](VkPhysicalDevice /*device*/,
                                                            VkPhysicalDeviceFeatures2* found) {
      shim_.vkGetPhysicalDeviceFeatures2.next(real_, found);
    };
    shim_.vkGetPhysicalDeviceQueueFamilyProperties.replacement =
        [this](VkPhysicalDevice /*device*/, std::uint32_t* count, VkQueueFamilyProperties* found) {
          shim_.vkGetPhysicalDeviceQueueFamilyProperties.next(real_, count, found);
        };
    shim_.vkGetPhysicalDeviceCalibrateableTimeDomainsEXT.replacement =
        [this](VkPhysicalDevice /*device*/, std::uint32_t* count, VkTimeDomainEXT* found) {
          return shim_.vkGetPhysicalDeviceCalibrateableTimeDomainsEXT.next(real_, count, found);
        };
    shim_.vkEnumerateDeviceExtensionProperties.replacement =
        [this](VkPhysicalDevice device, const char* layer, std::uint32_t* count,
               VkExtensionProperties* found) {
          if (device == broken() && describe_fails_) return VK_ERROR_OUT_OF_HOST_MEMORY;
          return shim_.vkEnumerateDeviceExtensionProperties.next(real_, layer, count, found);
        };
    shim_.vkCreateDevice.replacement =
        [this](VkPhysicalDevice device, const VkDeviceCreateInfo* create,
               const VkAllocationCallbacks* allocator, VkDevice* made) {
          if (device == broken()) return VK_ERROR_INITIALIZATION_FAILED;
          extensions_.assign(create->ppEnabledExtensionNames,
                             create->ppEnabledExtensionNames + create->enabledExtensionCount);
          return shim_.vkCreateDevice.next(device, create, allocator, made);
        };
  }
  void TearDown() override { shim_.reset(); }

  [[nodiscard]] VkPhysicalDevice broken() const {
    // Nobody looks behind it. NOLINTNEXTLINE(performance-no-int-to-ptr)
    return reinterpret_cast<VkPhysicalDevice>(reinterpret_cast<std::uintptr_t>(real_) + 1);
  }
  static std::shared_ptr<Device> open(const OpenOptions& options = {}) {
    return DeviceImpl::open(options, test::VulkanShim::get_instance_proc_addr());
  }

  test::VulkanShim& shim_ = test::VulkanShim::get();
  VkPhysicalDevice real_ = VK_NULL_HANDLE;
  bool describe_fails_ = false;
  /// Of the last device that was opened.
  std::vector<std::string> extensions_;
};

TEST_F(OpenDevice, TakesTheNextWhereTheBestCanNotBeOpened) {
  const auto device = open();
  EXPECT_EQ(device->info().index, 1U);
  EXPECT_EQ(device->physical_device(), real_);
  EXPECT_EQ(device->passed_over(),
            "device 0 (Broken GPU) can't be opened: vkCreateDevice failed with "
            "VK_ERROR_INITIALIZATION_FAILED");
  EXPECT_EQ(open({.device = "1"})->passed_over(), "");
}

TEST_F(OpenDevice, NamesTheDeviceThatWasAskedFor) {
  for (const char* choice : {"0", "broken"}) {
    EXPECT_THAT([&] { (void)open({.device = choice}); },
                ThrowsMessage<BackendError>(HasSubstr("device 0 (Broken GPU) can't be opened: ")));
  }
}

TEST_F(OpenDevice, TellsOfAllWhereNoneCanBeOpened) {
  shim_.vkCreateDevice.replacement = [](VkPhysicalDevice /*device*/,
                                        const VkDeviceCreateInfo* /*create*/,
                                        const VkAllocationCallbacks* /*allocator*/,
                                        VkDevice* /*made*/) { return VK_ERROR_DEVICE_LOST; };
  EXPECT_THAT([] { (void)open(); },
              ThrowsMessage<BackendError>(AllOf(HasSubstr("no Vulkan device can be opened"),
                                                HasSubstr("device 0 (Broken GPU) can't be opened"),
                                                HasSubstr("device 1 ("))));
}

TEST_F(OpenDevice, OneThatCanNotBeDescribedHidesNoOther) {
  describe_fails_ = true;
  const Instance instance({}, test::VulkanShim::get_instance_proc_addr());
  const auto devices = read_physical_devices(instance.functions(), instance.handle());
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].info.name, "Broken GPU");
  EXPECT_EQ(devices[0].info.why_unusable(),
            "its driver can't describe it: vkEnumerateDeviceExtensionProperties failed with "
            "VK_ERROR_OUT_OF_HOST_MEMORY");
  EXPECT_EQ(devices[1].info.why_unusable(), "");
  EXPECT_EQ(open()->info().index, 1U);
}

TEST_F(OpenDevice, AListThatNeverEndsIsTakenAsItIs) {
  shim_.vkEnumerateDeviceExtensionProperties.replacement =
      [this](VkPhysicalDevice /*device*/, const char* layer, std::uint32_t* count,
             VkExtensionProperties* found) {
        const VkResult result =
            shim_.vkEnumerateDeviceExtensionProperties.next(real_, layer, count, found);
        return found != nullptr ? VK_INCOMPLETE : result;
      };
  EXPECT_EQ(open({.device = "1"})->info().index, 1U);
}

TEST_F(OpenDevice, AsksForDriversOnTopOfAnotherApiWhereTheLoaderHidesThem) {
  VkInstanceCreateFlags flags = 0;
  std::vector<std::string> extensions;
  shim_.vkCreateInstance.replacement = [&](const VkInstanceCreateInfo* create,
                                           const VkAllocationCallbacks* allocator,
                                           VkInstance* made) {
    flags = create->flags;
    extensions.assign(create->ppEnabledExtensionNames,
                      create->ppEnabledExtensionNames + create->enabledExtensionCount);
    return shim_.vkCreateInstance.next(create, allocator, made);
  };
  const auto asks = [&] {
    return std::find(extensions.begin(), extensions.end(),
                     VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME) != extensions.end();
  };
  (void)Instance({}, test::VulkanShim::get_instance_proc_addr());
  EXPECT_TRUE(asks());
  EXPECT_EQ(flags, VkInstanceCreateFlags{VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR});
  // An older loader takes neither.
  shim_.vkEnumerateInstanceExtensionProperties.replacement =
      [](const char* /*layer*/, std::uint32_t* count, VkExtensionProperties* /*found*/) {
        *count = 0;
        return VK_SUCCESS;
      };
  (void)Instance({}, test::VulkanShim::get_instance_proc_addr());
  EXPECT_FALSE(asks());
  EXPECT_EQ(flags, 0U);
}

TEST_F(OpenDevice, TurnsThePortabilitySubsetOnWhereItIs) {
  (void)open({.device = "1"});
  const auto has_it = [&] {
    return std::find(extensions_.begin(), extensions_.end(), portability_subset_extension) !=
           extensions_.end();
  };
  EXPECT_FALSE(has_it());
  shim_.vkEnumerateDeviceExtensionProperties.replacement =
      [this](VkPhysicalDevice /*device*/, const char* layer, std::uint32_t* count,
             VkExtensionProperties* found) {
        const std::uint32_t room = *count;
        const VkResult result =
            shim_.vkEnumerateDeviceExtensionProperties.next(real_, layer, count, found);
        if (found != nullptr && room > *count) {
          std::strcpy(found[*count].extensionName, portability_subset_extension);
        }
        ++*count;
        return result;
      };
  shim_.vkCreateDevice.replacement =
      [this](VkPhysicalDevice /*device*/, const VkDeviceCreateInfo* create,
             const VkAllocationCallbacks* /*allocator*/, VkDevice* /*made*/) {
        extensions_.assign(create->ppEnabledExtensionNames,
                           create->ppEnabledExtensionNames + create->enabledExtensionCount);
        // The real driver doesn't know it.
        return VK_ERROR_EXTENSION_NOT_PRESENT;
      };
  EXPECT_THROW((void)open({.device = "1"}), BackendError);
  EXPECT_TRUE(has_it());
}

}  // namespace
}  // namespace cbr::vulkan
