#include "backends/vulkan/vulkan_device.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/device_fault.h"
#include "backends/vulkan/queue_choice.h"
#include "backends/vulkan/result.h"

namespace cbr::vulkan {
std::shared_ptr<Device> Device::open(const OpenOptions& options) {
  return std::make_shared<DeviceImpl>(options);
}

std::shared_ptr<Device> Device::wrap(const WrapOptions& options) {
  return std::make_shared<DeviceImpl>(options);
}

DeviceImpl::DeviceImpl(const OpenOptions& options)
    : instance_(std::make_unique<Instance>(options)),
      functions_(instance_->functions()),
      instance_handle_(instance_->handle()),
      physical_(
          choose_device(read_physical_devices(functions_, instance_handle_), options.device)) {
  create_device(options.queues);
  compare_timestamps();
}

DeviceImpl::DeviceImpl(const WrapOptions& options)
    : instance_handle_(options.instance), device_(options.device) {
  if (options.instance == VK_NULL_HANDLE || options.physical_device == VK_NULL_HANDLE ||
      options.device == VK_NULL_HANDLE || options.queue == VK_NULL_HANDLE) {
    throw InvalidUsage(
        "vulkan::Device::wrap needs an instance, a physical device, a device and a queue");
  }
  functions_.load_library(options.get_instance_proc_addr);
  functions_.load_instance(instance_handle_);
  functions_.load_device(device_);
  physical_ = read_physical_device(functions_, options.physical_device, 0);
  physical_.info.buffer_device_address = options.buffer_device_address;
  physical_.info.device_fault = options.device_fault;
  // The device may have the feature, but nobody says that the user turned it on.
  physical_.host_query_reset = false;
  if (const auto reason = physical_.info.why_unusable(); !reason.empty()) {
    throw BackendError(fmt::format("device {} can't be used: {}", physical_.info.name, reason));
  }
  if (options.more_queues.size() >= max_queue_count) {
    throw InvalidOption(fmt::format("vulkan::Device::wrap gets {} queues, allowed are 1 to {}",
                                    options.more_queues.size() + 1, max_queue_count));
  }
  add_queue({options.queue, options.queue_family, options.queue_priority, options.lock_queue,
             options.unlock_queue});
  for (const WrappedQueue& queue : options.more_queues) add_queue(queue);
  compare_timestamps();
}

void DeviceImpl::add_queue(const WrappedQueue& queue) {
  const std::size_t index = queues_.size();
  if (queue.queue == VK_NULL_HANDLE) {
    throw InvalidUsage(fmt::format("vulkan::Device::wrap: queue {} is null", index));
  }
  if (static_cast<bool>(queue.lock_queue) != static_cast<bool>(queue.unlock_queue)) {
    throw InvalidUsage(fmt::format(
        "vulkan::Device::wrap needs lock_queue and unlock_queue of queue {} together", index));
  }
  require_priority(queue.priority, index);
  // Two entries with a lock each would let two threads into the one queue.
  const auto same = std::find_if(queues_.begin(), queues_.end(),
                                 [&](const auto& other) { return other->handle() == queue.queue; });
  if (same != queues_.end()) {
    throw InvalidUsage(fmt::format("vulkan::Device::wrap: queue {} is the same VkQueue as queue {}",
                                   index, same - queues_.begin()));
  }
  if (queue.queue_family >= physical_.timestamp_bits.size()) {
    throw InvalidUsage(fmt::format("queue family {} of device {}: it has {} families",
                                   queue.queue_family, physical_.info.name,
                                   physical_.timestamp_bits.size()));
  }
  queues_.push_back(std::make_unique<NativeQueue>(queue.queue, queue.queue_family, queue.priority,
                                                  queue.lock_queue, queue.unlock_queue));
}

DeviceImpl::~DeviceImpl() {
  // In a forked child the driver's threads are gone, and it may wait for them for ever: everything
  // is left as it lies.
  if (!DeviceImpl::same_process()) {
    (void)instance_.release();
    return;
  }
  // Every backend has drained its own work by now, so nothing is left to wait for.
  if (instance_ != nullptr && device_ != VK_NULL_HANDLE) {
    functions_.vkDestroyDevice(device_, nullptr);
  }
}

void DeviceImpl::create_device(const std::vector<QueueRequest>& requests) {
  const auto choices = choose_queues(physical_.info, physical_.main_family, requests);
  // By family: the priorities of its queues, in their order there.
  std::map<std::uint32_t, std::vector<float>> priorities;
  for (const QueueChoice& choice : choices) {
    auto& of_family = priorities[choice.family];
    of_family.resize(std::max<std::size_t>(of_family.size(), choice.index + 1));
    of_family[choice.index] = choice.priority;
  }
  std::vector<VkDeviceQueueCreateInfo> queues;
  for (const auto& [family, of_family] : priorities) {
    VkDeviceQueueCreateInfo queue{};
    queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queue.queueFamilyIndex = family;
    queue.queueCount = static_cast<std::uint32_t>(of_family.size());
    queue.pQueuePriorities = of_family.data();
    queues.push_back(queue);
  }

  VkPhysicalDeviceVulkan12Features features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  features.timelineSemaphore = VK_TRUE;
  features.hostQueryReset = physical_.host_query_reset ? VK_TRUE : VK_FALSE;
  features.bufferDeviceAddress = physical_.info.buffer_device_address ? VK_TRUE : VK_FALSE;

  VkPhysicalDeviceFaultFeaturesEXT fault{};
  fault.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT;
  fault.deviceFault = VK_TRUE;
  std::vector<const char*> extensions;
  if (physical_.info.device_fault) {
    features.pNext = &fault;
    extensions.push_back(VK_EXT_DEVICE_FAULT_EXTENSION_NAME);
  }

  // The kernels of the decode workload index 64-bit addresses; the ring itself needs nothing.
  VkPhysicalDeviceFeatures2 supported{};
  supported.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  functions_.vkGetPhysicalDeviceFeatures2(physical_.handle, &supported);
  VkPhysicalDeviceFeatures core{};
  core.shaderInt64 = supported.features.shaderInt64;

  VkDeviceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  create.pNext = &features;
  create.queueCreateInfoCount = static_cast<std::uint32_t>(queues.size());
  create.pQueueCreateInfos = queues.data();
  create.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  create.ppEnabledExtensionNames = extensions.data();
  create.pEnabledFeatures = &core;
  check(functions_.vkCreateDevice(physical_.handle, &create, nullptr, &device_), "vkCreateDevice");
  try {
    functions_.load_device(device_);
  } catch (...) {
    if (functions_.vkDestroyDevice != nullptr) functions_.vkDestroyDevice(device_, nullptr);
    throw;
  }
  for (const QueueChoice& choice : choices) {
    VkQueue handle = VK_NULL_HANDLE;
    functions_.vkGetDeviceQueue(device_, choice.family, choice.index, &handle);
    queues_.push_back(std::make_unique<NativeQueue>(handle, choice.family, choice.priority));
  }
}

void DeviceImpl::compare_timestamps() {
  for (const auto& queue : queues_) {
    const std::uint32_t bits = physical_.timestamp_bits[queue->family()];
    if (bits > 0) common_timestamp_bits_ = std::min(common_timestamp_bits_, bits);
  }
  physical_.info.timestamps = timestamp_bits(QueueIndex{0}) > 0;
}

void DeviceImpl::submit(QueueIndex queue, const VkSubmitInfo& submission) {
  submit(queue, &submission, VK_NULL_HANDLE);
}

void DeviceImpl::submit_fence(QueueIndex queue, VkFence fence) {
  submit(queue, nullptr, fence);
}

void DeviceImpl::submit(QueueIndex queue, const VkSubmitInfo* submission, VkFence fence) {
  const VkResult result = queues_[to_number(queue)]->locked([&](VkQueue handle) {
    return functions_.vkQueueSubmit(handle, submission == nullptr ? 0 : 1, submission, fence);
  });
  if (result == VK_SUCCESS) return;
  if (result == VK_ERROR_DEVICE_LOST) throw_lost("vkQueueSubmit");
  throw SubmitFailed(
      fmt::format("vkQueueSubmit on {} failed with {}", info().name, result_name(result)));
}

void DeviceImpl::check(VkResult result, const char* call) const {
  if (result == VK_ERROR_DEVICE_LOST) throw_lost(call);
  vulkan::check(result, call);
}

void DeviceImpl::throw_lost(const char* call) const {
  std::call_once(loss_noticed_, [&] {
    loss_ = fmt::format("{} reports that the device {} is lost", call, info().name);
    if (info().device_fault) {
      const std::string fault = read_device_fault(functions_, device_);
      loss_ += fmt::format("; the driver tells {}", fault.empty() ? "no cause" : fault);
    }
    lost_.store(true, std::memory_order_release);
  });
  throw DeviceLost(loss_);
}

void DeviceImpl::require_usable() const {
  // Written once, before the flag.
  if (lost_.load(std::memory_order_acquire)) throw DeviceLost(loss_);
}

void DeviceImpl::set_name(VkObjectType type, std::uint64_t handle, const std::string& name) const {
  if (functions_.vkSetDebugUtilsObjectNameEXT == nullptr) return;
  VkDebugUtilsObjectNameInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT;
  info.objectType = type;
  info.objectHandle = handle;
  info.pObjectName = name.c_str();
  check(functions_.vkSetDebugUtilsObjectNameEXT(device_, &info), "vkSetDebugUtilsObjectNameEXT");
}

}  // namespace cbr::vulkan
