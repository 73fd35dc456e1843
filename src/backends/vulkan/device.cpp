#include "backends/vulkan/device.h"

#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/result.h"

namespace cbr::vulkan {
namespace {

/// Holds a queue for one submission: our lock first, then the user's, so that of our threads at
/// most one waits for the user.
class QueueGuard {
 public:
  QueueGuard(std::mutex& mutex, const std::function<void()>& lock,
             const std::function<void()>& unlock)
      : guard_(mutex), unlock_(unlock) {
    if (lock) lock();
  }
  QueueGuard(const QueueGuard&) = delete;
  QueueGuard& operator=(const QueueGuard&) = delete;
  ~QueueGuard() {
    if (unlock_) unlock_();
  }

 private:
  std::lock_guard<std::mutex> guard_;
  const std::function<void()>& unlock_;
};

}  // namespace

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
  create_device();
  read_timestamp_properties();
}

DeviceImpl::DeviceImpl(const WrapOptions& options)
    : instance_handle_(options.instance),
      device_(options.device),
      queue_(options.queue),
      lock_queue_(options.lock_queue),
      unlock_queue_(options.unlock_queue) {
  if (options.instance == VK_NULL_HANDLE || options.physical_device == VK_NULL_HANDLE ||
      options.device == VK_NULL_HANDLE || options.queue == VK_NULL_HANDLE) {
    throw InvalidUsage(
        "vulkan::Device::wrap needs an instance, a physical device, a device and a queue");
  }
  if (static_cast<bool>(options.lock_queue) != static_cast<bool>(options.unlock_queue)) {
    throw InvalidUsage("vulkan::Device::wrap needs lock_queue and unlock_queue together");
  }
  functions_.load_library(options.get_instance_proc_addr);
  functions_.load_instance(instance_handle_);
  functions_.load_device(device_);
  physical_ = read_physical_device(functions_, options.physical_device, 0);
  physical_.queue_family = options.queue_family;
  physical_.info.buffer_device_address = options.buffer_device_address;
  // The device may have the feature, but nobody says that the user turned it on.
  physical_.host_query_reset = false;
  if (const auto reason = physical_.info.why_unusable(); !reason.empty()) {
    throw BackendError(fmt::format("device {} can't be used: {}", physical_.info.name, reason));
  }
  read_timestamp_properties();
}

DeviceImpl::~DeviceImpl() {
  // Every backend has drained its own work by now, so nothing is left to wait for.
  if (instance_ != nullptr && device_ != VK_NULL_HANDLE) {
    functions_.vkDestroyDevice(device_, nullptr);
  }
}

void DeviceImpl::create_device() {
  VkPhysicalDeviceVulkan12Features features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  features.timelineSemaphore = VK_TRUE;
  features.hostQueryReset = physical_.host_query_reset ? VK_TRUE : VK_FALSE;
  features.bufferDeviceAddress = physical_.info.buffer_device_address ? VK_TRUE : VK_FALSE;

  const float priority = 1.0F;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = physical_.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;

  // The kernels of the decode workload index 64-bit addresses; the ring itself needs nothing.
  VkPhysicalDeviceFeatures2 supported{};
  supported.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  functions_.vkGetPhysicalDeviceFeatures2(physical_.handle, &supported);
  VkPhysicalDeviceFeatures core{};
  core.shaderInt64 = supported.features.shaderInt64;

  VkDeviceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  create.pNext = &features;
  create.queueCreateInfoCount = 1;
  create.pQueueCreateInfos = &queue;
  create.pEnabledFeatures = &core;
  check(functions_.vkCreateDevice(physical_.handle, &create, nullptr, &device_), "vkCreateDevice");
  try {
    functions_.load_device(device_);
  } catch (...) {
    if (functions_.vkDestroyDevice != nullptr) functions_.vkDestroyDevice(device_, nullptr);
    throw;
  }
  functions_.vkGetDeviceQueue(device_, physical_.queue_family, 0, &queue_);
}

void DeviceImpl::read_timestamp_properties() {
  VkPhysicalDeviceProperties properties{};
  functions_.vkGetPhysicalDeviceProperties(physical_.handle, &properties);
  timestamp_period_ = static_cast<double>(properties.limits.timestampPeriod);

  std::uint32_t count = 0;
  functions_.vkGetPhysicalDeviceQueueFamilyProperties(physical_.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions_.vkGetPhysicalDeviceQueueFamilyProperties(physical_.handle, &count, families.data());
  if (physical_.queue_family >= families.size()) {
    throw InvalidUsage(fmt::format("queue family {} of device {}: it has {} families",
                                   physical_.queue_family, physical_.info.name, families.size()));
  }
  timestamp_bits_ = families[physical_.queue_family].timestampValidBits;
  physical_.info.timestamps = timestamp_bits_ > 0 && timestamp_period_ > 0;
}

void DeviceImpl::submit(const VkSubmitInfo& submission) {
  VkResult result = VK_SUCCESS;
  {
    const QueueGuard guard(queue_mutex_, lock_queue_, unlock_queue_);
    result = functions_.vkQueueSubmit(queue_, 1, &submission, VK_NULL_HANDLE);
  }
  if (result == VK_SUCCESS) return;
  if (result == VK_ERROR_DEVICE_LOST) check(result, "vkQueueSubmit");
  throw SubmitFailed(
      fmt::format("vkQueueSubmit on {} failed with {}", info().name, result_name(result)));
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
