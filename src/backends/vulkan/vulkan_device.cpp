#include "backends/vulkan/vulkan_device.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/device_fault.h"
#include "backends/vulkan/result.h"

namespace cbr::vulkan {
namespace {

/// Whether this driver sleeps in a wait for any of several timeline semaphores, one of which the
/// host may signal. Measured on NVIDIA's (580.159, H100 and H200): no dearer than a wait for one,
/// and the host's signal wakes it within 75 µs. Mesa's software drivers spin in it, on the cores
/// that they need for the "GPU"; its other drivers do where the kernel has no timeline semaphores.
bool sleeps_for_any(VkDriverId driver) {
  return driver == VK_DRIVER_ID_NVIDIA_PROPRIETARY;
}

/// So often the driver is asked for the device's clock.
constexpr std::chrono::milliseconds calibration_interval(50);

}  // namespace

Device::Device(std::unique_ptr<DeviceImpl> impl) noexcept : impl_(std::move(impl)) {}
Device::~Device() = default;

std::shared_ptr<Device> Device::open(const OpenOptions& options) {
  return DeviceImpl::open(options, nullptr);
}

std::shared_ptr<Device> Device::wrap(const WrapOptions& options) {
  return std::shared_ptr<Device>(new Device(std::make_unique<DeviceImpl>(options)));
}

const DeviceInfo& Device::info() const noexcept {
  return impl_->info();
}
const std::string& Device::passed_over() const noexcept {
  return impl_->passed_over();
}
VkInstance Device::instance() const noexcept {
  return impl_->instance();
}
VkPhysicalDevice Device::physical_device() const noexcept {
  return impl_->physical_device();
}
VkDevice Device::handle() const noexcept {
  return impl_->handle();
}
std::uint32_t Device::queue_count() const noexcept {
  return impl_->queue_count();
}
VkQueue Device::queue(QueueIndex queue) const noexcept {
  return impl_->queue(queue).handle();
}
std::uint32_t Device::queue_family(QueueIndex queue) const noexcept {
  return impl_->queue(queue).family();
}
float Device::queue_priority(QueueIndex queue) const noexcept {
  return impl_->queue(queue).priority();
}
PFN_vkVoidFunction Device::function(const char* name) const noexcept {
  return impl_->functions().vkGetDeviceProcAddr(impl_->handle(), name);
}
bool Device::same_process() const noexcept {
  return impl_->same_process();
}
void Device::submit(QueueIndex queue, const VkSubmitInfo& submission) {
  impl_->submit(queue, submission);
}

const Functions& functions_of(const Device& device) noexcept {
  return DeviceImpl::of(device).functions();
}

std::shared_ptr<Device> DeviceImpl::open(const OpenOptions& options,
                                         PFN_vkGetInstanceProcAddr get) {
  return std::shared_ptr<Device>(new Device(std::make_unique<DeviceImpl>(options, get)));
}

// It is moved, but for LLVM 16's libc++, which copies.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
std::shared_ptr<DeviceImpl> DeviceImpl::of(std::shared_ptr<Device> device) noexcept {
  DeviceImpl* const impl = device->impl_.get();
  return {std::move(device), impl};
}

DeviceImpl::DeviceImpl(const OpenOptions& options, PFN_vkGetInstanceProcAddr get)
    : instance_(std::make_unique<Instance>(options, get)),
      functions_(instance_->functions()),
      instance_handle_(instance_->handle()) {
  const std::vector<PhysicalDevice> candidates =
      choose_devices(read_physical_devices(functions_, instance_handle_), options.device);
  for (const PhysicalDevice& candidate : candidates) {
    try {
      open_device(candidate, options);
      return;
    } catch (const BackendError& error) {
      // A loss is remembered, as if it were the next one's.
      if (candidates.size() == 1 || is_lost()) throw;
      passed_over_ += fmt::format("{}{}", passed_over_.empty() ? "" : "; ", error.what());
    }
  }
  throw BackendError(fmt::format("no Vulkan device can be opened: {}", passed_over_));
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
  physical_.info.external_memory_host = options.external_memory_host;
  if (options.external_memory_host && functions_.vkGetMemoryHostPointerPropertiesEXT == nullptr) {
    throw BackendError(
        fmt::format("device {} has no vkGetMemoryHostPointerPropertiesEXT: was it created with "
                    "VK_EXT_external_memory_host, as vulkan::WrapOptions says?",
                    physical_.info.name));
  }
  // The device may have the feature, but nobody says that the user turned it on.
  physical_.host_query_reset = false;
  if (options.synchronization2) {
    // The name depends on the version that the device was created for.
    queue_submit2_ = functions_.vkQueueSubmit2 != nullptr ? functions_.vkQueueSubmit2
                                                          : functions_.vkQueueSubmit2KHR;
    if (queue_submit2_ == nullptr) {
      throw BackendError(
          fmt::format("device {} has no vkQueueSubmit2: was it created with synchronization2, as "
                      "vulkan::WrapOptions says?",
                      physical_.info.name));
    }
  }
  if (options.calibrated_timestamps && functions_.vkGetCalibratedTimestampsEXT == nullptr) {
    throw BackendError(
        fmt::format("device {} has no vkGetCalibratedTimestampsEXT: was it created with "
                    "VK_EXT_calibrated_timestamps, as vulkan::WrapOptions says?",
                    physical_.info.name));
  }
  physical_.calibrated_timestamps &= options.calibrated_timestamps;
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
  finish_making(false);
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
  if (same_process()) {
    // Before what they look at.
    loss_fences_.clear();
    waited_semaphores_.clear(functions_, device_);
    return;
  }
  // In a forked child the driver's threads are gone, and it may wait for them for ever: everything
  // is left as it lies.
  for (const auto& fence : loss_fences_) fence->leave();
  opened_.device = VK_NULL_HANDLE;
  (void)instance_.release();
}

void DeviceImpl::DestroyDevice::destroy() {
  // Every backend has drained its own work by now, so nothing is left to wait for. The function is
  // null where loading them failed.
  if (device != VK_NULL_HANDLE && functions.vkDestroyDevice != nullptr) {
    functions.vkDestroyDevice(device, nullptr);
  }
  device = VK_NULL_HANDLE;
}

void DeviceImpl::open_device(const PhysicalDevice& physical, const OpenOptions& options) {
  physical_ = physical;
  if (options.require_buffer_device_address && !info().buffer_device_address) {
    throw BackendError(fmt::format("device {} ({}) lacks bufferDeviceAddress, which is needed",
                                   info().index, info().name));
  }
  const auto choices = choose_queues(info(), physical_.main_family, options.queues);
  const auto fail = [&](const Error& error) {
    loss_fences_.clear();
    queues_.clear();
    opened_.destroy();
    throw BackendError(
        fmt::format("device {} ({}) can't be opened: {}", info().index, info().name, error.what()));
  };
  try {
    create_device(choices);
    finish_making(options.validation);
  } catch (const BackendError& error) {
    fail(error);
  } catch (const DeviceLost& error) {
    fail(error);
  }
}

void DeviceImpl::create_device(const std::vector<QueueChoice>& choices) {
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
    fault.pNext = std::exchange(features.pNext, &fault);
    extensions.push_back(VK_EXT_DEVICE_FAULT_EXTENSION_NAME);
  }
  VkPhysicalDeviceSynchronization2Features synchronization2{};
  synchronization2.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES;
  synchronization2.synchronization2 = VK_TRUE;
  if (physical_.synchronization2) {
    synchronization2.pNext = std::exchange(features.pNext, &synchronization2);
    // The instance is for Vulkan 1.2, which has it as an extension.
    extensions.push_back(VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME);
  }
  if (physical_.calibrated_timestamps) {
    extensions.push_back(VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME);
  }
  if (physical_.info.external_memory_host) {
    extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  }
  // Vulkan asks for it where the device has it.
  if (physical_.portability_subset) extensions.push_back(portability_subset_extension);

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
  VkDevice device = VK_NULL_HANDLE;
  // Not as a loss of this object's device, which there is not yet.
  vulkan::check(functions_.vkCreateDevice(physical_.handle, &create, nullptr, &device),
                "vkCreateDevice");
  device_ = device;
  opened_.device = device;
  functions_.load_device(device);
  if (physical_.synchronization2) queue_submit2_ = functions_.vkQueueSubmit2KHR;
  for (const QueueChoice& choice : choices) {
    VkQueue handle = VK_NULL_HANDLE;
    functions_.vkGetDeviceQueue(device_, choice.family, choice.index, &handle);
    queues_.push_back(std::make_unique<NativeQueue>(handle, choice.family, choice.priority));
  }
}

void DeviceImpl::finish_making(bool validation) {
  for (std::uint32_t i = 0; i < queue_count(); ++i) {
    loss_fences_.push_back(std::make_unique<LossFence>(*this, QueueIndex{i}));
  }
  // All queues count as many bits, so that their times compare.
  std::uint32_t bits = 64;
  bool any = false;
  for (const auto& queue : queues_) {
    const std::uint32_t of_queue = physical_.timestamp_bits[queue->family()];
    if (of_queue == 0) continue;
    bits = std::min(bits, of_queue);
    any = true;
  }
  if (any) {
    gpu_clock_.emplace(bits, physical_.timestamp_period);
    if (physical_.calibrated_timestamps && functions_.vkGetCalibratedTimestampsEXT != nullptr) {
      next_calibration_ = TimePoint::min();
      calibrate_clock(Clock::now());
    }
  }
  physical_.info.timestamps = has_timestamps(QueueIndex{0});
  waits_for_any_ = sleeps_for_any(driver_id()) && !validation && !is_validated();
}

void DeviceImpl::calibrate_clock(TimePoint now) const noexcept {
  TimePoint next = next_calibration_.load(std::memory_order_relaxed);
  if (now < next) return;
  // Who comes first asks.
  if (!next_calibration_.compare_exchange_strong(next, now + calibration_interval)) return;
  std::array<VkCalibratedTimestampInfoEXT, 2> clocks{};
  for (auto& clock : clocks) clock.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT;
  clocks[0].timeDomain = VK_TIME_DOMAIN_DEVICE_EXT;
  clocks[1].timeDomain = host_time_domain;
  std::array<std::uint64_t, 2> times{};
  std::uint64_t deviation = 0;
  const VkResult result = functions_.vkGetCalibratedTimestampsEXT(
      device_, static_cast<std::uint32_t>(clocks.size()), clocks.data(), times.data(), &deviation);
  // Of no use then: a loss of the device is told by others, and the rest won't mend itself.
  const auto most_deviation = static_cast<std::uint64_t>(GpuClock::tolerance.count());
  const auto latest = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
  if (result != VK_SUCCESS || deviation > most_deviation || times[1] > latest) {
    next_calibration_ = TimePoint::max();
    return;
  }
  gpu_clock_->calibrate(times[0], TimePoint(std::chrono::nanoseconds(times[1])),
                        std::chrono::nanoseconds(deviation));
}

bool DeviceImpl::has_timestamps(QueueIndex queue) const noexcept {
  return physical_.timestamp_bits[this->queue(queue).family()] > 0;
}

bool DeviceImpl::is_validated() const noexcept {
  // The user's instance may have the layer too, or the environment turn it on. The layer (1.3.239)
  // takes every value of a wait for any for reached, and later calls valid signals errors.
  const auto get = functions_.vkGetPhysicalDeviceToolPropertiesEXT;
  if (get == nullptr) return false;
  constexpr std::uint32_t most = 16;
  std::array<VkPhysicalDeviceToolProperties, most> tools{};
  for (auto& tool : tools) tool.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TOOL_PROPERTIES;
  std::uint32_t count = most;
  const VkResult result = get(physical_.handle, &count, tools.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) return false;
  return std::any_of(tools.begin(), tools.begin() + std::min(count, most), [](const auto& tool) {
    return (tool.purposes & VK_TOOL_PURPOSE_VALIDATION_BIT) != 0;
  });
}

void DeviceImpl::submit(QueueIndex queue, const VkSubmitInfo& submission) const {
  submit(queue, &submission, VK_NULL_HANDLE);
}

void DeviceImpl::submit_fence(QueueIndex queue, VkFence fence) const {
  submit(queue, nullptr, fence);
}

void DeviceImpl::submit(QueueIndex queue, NativeSubmission& submission) const {
  if (queue_submit2_ == nullptr) {
    submit(queue, submission.before_synchronization2());
    return;
  }
  const VkSubmitInfo2 info = submission.info();
  submit(queue, "vkQueueSubmit2",
         [&](VkQueue handle) { return queue_submit2_(handle, 1, &info, VK_NULL_HANDLE); });
}

void DeviceImpl::submit(QueueIndex queue, const VkSubmitInfo* submission, VkFence fence) const {
  submit(queue, "vkQueueSubmit", [&](VkQueue handle) {
    return functions_.vkQueueSubmit(handle, submission == nullptr ? 0 : 1, submission, fence);
  });
}

template <typename Submit>
void DeviceImpl::submit(QueueIndex queue, const char* call, const Submit& submit) const {
  const VkResult result = queues_[to_number(queue)]->locked(submit);
  if (result == VK_SUCCESS) return;
  if (result == VK_ERROR_DEVICE_LOST) throw_lost(call);
  throw SubmitFailed(
      fmt::format("{} on {} failed with {}", call, info().name, result_name(result)));
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
  if (is_lost()) throw DeviceLost(loss_);
}

void DeviceImpl::destroy_waited(VkSemaphore semaphore) const noexcept {
  if (driver_id() == VK_DRIVER_ID_MESA_LLVMPIPE) {
    waited_semaphores_.keep(functions_, device_, semaphore);
  } else {
    functions_.vkDestroySemaphore(device_, semaphore, nullptr);
  }
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
