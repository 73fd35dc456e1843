// The device of a program that knows nothing of the ring: instance, device and one queue, in plain
// Vulkan. wrap_device.cpp and frames_with_ring.cpp put a ring on it. All that a ring asks of it is
// Vulkan 1.2 and the feature timelineSemaphore.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include <vulkan/vulkan.h>

#include "host_buffer.h"

struct PlainDevice {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical_device = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  std::uint32_t queue_family = 0;

  PlainDevice() {
    VkApplicationInfo application{};
    application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    application.apiVersion = VK_API_VERSION_1_2;
    VkInstanceCreateInfo instance_info{};
    instance_info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
    instance_info.pApplicationInfo = &application;
    check(vkCreateInstance(&instance_info, nullptr, &instance), "vkCreateInstance");

    std::uint32_t count = 1;  // The first that Vulkan lists will do.
    const VkResult listed = vkEnumeratePhysicalDevices(instance, &count, &physical_device);
    if (listed != VK_INCOMPLETE) check(listed, "vkEnumeratePhysicalDevices");
    if (count == 0) throw std::runtime_error("Vulkan finds no device");
    vkGetPhysicalDeviceQueueFamilyProperties(physical_device, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical_device, &count, families.data());
    while (queue_family < count && !(families[queue_family].queueFlags & VK_QUEUE_COMPUTE_BIT)) {
      ++queue_family;
    }
    if (queue_family == count) throw std::runtime_error("the device has no queue that computes");

    const float priority = 1.0F;
    VkDeviceQueueCreateInfo queue_info{};
    queue_info.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queue_info.queueFamilyIndex = queue_family;
    queue_info.queueCount = 1;
    queue_info.pQueuePriorities = &priority;
    VkPhysicalDeviceVulkan12Features features{};
    features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    features.timelineSemaphore = VK_TRUE;  // What the ring needs.
    VkDeviceCreateInfo device_info{};
    device_info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    device_info.pNext = &features;
    device_info.queueCreateInfoCount = 1;
    device_info.pQueueCreateInfos = &queue_info;
    check(vkCreateDevice(physical_device, &device_info, nullptr, &device), "vkCreateDevice");
    vkGetDeviceQueue(device, queue_family, 0, &queue);
  }
  PlainDevice(const PlainDevice&) = delete;
  PlainDevice& operator=(const PlainDevice&) = delete;
  ~PlainDevice() {
    vkDestroyDevice(device, nullptr);
    vkDestroyInstance(instance, nullptr);
  }
};
