// What is behind cbr::vulkan::Device.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <cbr/vulkan.h>

#include "backends/vulkan/device_list.h"
#include "backends/vulkan/functions.h"
#include "backends/vulkan/gpu_clock.h"
#include "backends/vulkan/instance.h"
#include "backends/vulkan/loss_fence.h"
#include "backends/vulkan/native_queue.h"
#include "backends/vulkan/native_submission.h"
#include "backends/vulkan/queue_choice.h"
#include "backends/vulkan/waited_semaphores.h"
#include "core/process_guard.h"

namespace cbr::vulkan {

/// All functions may be called by any thread. A queue index is below queue_count().
class DeviceImpl {
 public:
  /// Finds Vulkan's functions by `get`; null: in the system's Vulkan library.
  explicit DeviceImpl(const OpenOptions& options, PFN_vkGetInstanceProcAddr get = nullptr);
  explicit DeviceImpl(const WrapOptions& options);
  DeviceImpl(const DeviceImpl&) = delete;
  DeviceImpl& operator=(const DeviceImpl&) = delete;
  ~DeviceImpl();

  /// As Device::open, which gives null, and as the constructor.
  [[nodiscard]] static std::shared_ptr<Device> open(const OpenOptions& options,
                                                    PFN_vkGetInstanceProcAddr get);
  /// What is behind `device`; the result shares it.
  [[nodiscard]] static std::shared_ptr<DeviceImpl> of(std::shared_ptr<Device> device) noexcept;
  /// What is behind `device`; valid as long as that.
  [[nodiscard]] static DeviceImpl& of(const Device& device) noexcept { return *device.impl_; }

  [[nodiscard]] const DeviceInfo& info() const noexcept { return physical_.info; }
  [[nodiscard]] const std::string& passed_over() const noexcept { return passed_over_; }
  [[nodiscard]] VkInstance instance() const noexcept { return instance_handle_; }
  [[nodiscard]] VkPhysicalDevice physical_device() const noexcept { return physical_.handle; }
  [[nodiscard]] VkDevice handle() const noexcept { return device_; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept {
    return static_cast<std::uint32_t>(queues_.size());
  }
  [[nodiscard]] const NativeQueue& queue(QueueIndex queue) const noexcept {
    return *queues_[to_number(queue)];
  }
  [[nodiscard]] LossFence& loss_fence(QueueIndex queue) noexcept {
    return *loss_fences_[to_number(queue)];
  }
  [[nodiscard]] const Functions& functions() const noexcept { return functions_; }
  [[nodiscard]] bool same_process() const noexcept { return process_.same_process(); }

  /// Throws DeviceLost, SubmitFailed.
  void submit(QueueIndex queue, const VkSubmitInfo& submission) const;
  /// The same by vkQueueSubmit2 where the device has it. Throws std::bad_alloc as well.
  void submit(QueueIndex queue, NativeSubmission& submission) const;
  /// Signals `fence` once everything submitted to the queue so far has ended. Throws as submit().
  void submit_fence(QueueIndex queue, VkFence fence) const;

  /// As vulkan::check, for a call of this device. The first loss is kept, and its text tells what
  /// the driver knows of the cause, which it is asked for once.
  void check(VkResult result, const char* call) const;
  /// Throws DeviceLost with the first cause; that is `call` if no other call came before.
  [[noreturn]] void throw_lost(const char* call) const;
  /// Throws DeviceLost with the first cause if a call has reported the loss of the device.
  void require_usable() const;
  /// Whether a call has.
  [[nodiscard]] bool is_lost() const noexcept { return lost_.load(std::memory_order_acquire); }

  /// Destroys a semaphore that submissions have waited for, all of which have ended; where the
  /// driver needs it, in a while.
  void destroy_waited(VkSemaphore semaphore) const noexcept;

  /// Gives an object a debug name where VK_EXT_debug_utils is there.
  void set_name(VkObjectType type, std::uint64_t handle, const std::string& name) const;

  /// Whether a queue writes timestamps that gpu_clock() can read.
  [[nodiscard]] bool has_timestamps(QueueIndex queue) const noexcept;
  /// The one clock of all queues: where families differ, it counts the fewest bits of any. Only
  /// where a queue has_timestamps().
  [[nodiscard]] GpuClock& gpu_clock() const noexcept { return *gpu_clock_; }
  /// Asks the driver what the device's clock is by the host's, if it was not asked for a while.
  /// `now` is about the time. Where it can't be had, gpu_clock() goes by what it sees.
  void calibrate_clock(TimePoint now) const noexcept;
  /// Whether submissions may name stages that only synchronization2 has.
  [[nodiscard]] bool has_synchronization2() const noexcept { return queue_submit2_ != nullptr; }
  /// Whether the feature hostQueryReset is on.
  [[nodiscard]] bool host_query_reset() const noexcept { return physical_.host_query_reset; }
  [[nodiscard]] VkDriverId driver_id() const noexcept { return physical_.driver_id; }
  /// Whether vkWaitSemaphores with VK_SEMAPHORE_WAIT_ANY_BIT sleeps and tells the truth.
  [[nodiscard]] bool waits_for_any() const noexcept { return waits_for_any_; }

 private:
  /// Makes all of `physical`; where it throws, nothing of it is left.
  void open_device(const PhysicalDevice& physical, const OpenOptions& options);
  void create_device(const std::vector<QueueChoice>& choices);
  void add_queue(const WrappedQueue& queue);
  void finish_making(bool validation);
  void submit(QueueIndex queue, const VkSubmitInfo* submission, VkFence fence) const;
  template <typename Submit>
  void submit(QueueIndex queue, const char* call, const Submit& submit) const;
  [[nodiscard]] bool is_validated() const noexcept;

  /// Destroys a device of our own, after all that was made of it: also where making it goes wrong
  /// halfway.
  struct DestroyDevice {
    const Functions& functions;
    VkDevice device = VK_NULL_HANDLE;
    explicit DestroyDevice(const Functions& functions_of_device) : functions(functions_of_device) {}
    DestroyDevice(const DestroyDevice&) = delete;
    DestroyDevice& operator=(const DestroyDevice&) = delete;
    ~DestroyDevice() { destroy(); }
    void destroy();
  };

  /// Null where the instance is the user's.
  std::unique_ptr<Instance> instance_;
  Functions functions_;
  VkInstance instance_handle_ = VK_NULL_HANDLE;
  PhysicalDevice physical_;
  std::string passed_over_;
  VkDevice device_ = VK_NULL_HANDLE;
  DestroyDevice opened_{functions_};
  std::vector<std::unique_ptr<NativeQueue>> queues_;
  std::vector<std::unique_ptr<LossFence>> loss_fences_;
  mutable WaitedSemaphores waited_semaphores_;
  mutable std::optional<GpuClock> gpu_clock_;
  /// When the driver is to be asked next; the far end of time where there is no use in it.
  mutable std::atomic<TimePoint> next_calibration_ = TimePoint::max();
  bool waits_for_any_ = false;
  /// Null where the device has no synchronization2, or nobody says that it is on.
  PFN_vkQueueSubmit2 queue_submit2_ = nullptr;
  /// Where it was made: a forked child has another.
  detail::ProcessGuard process_;

  mutable std::once_flag loss_noticed_;
  mutable std::atomic<bool> lost_ = false;
  /// The first cause; read-only once lost_ is set.
  mutable std::string loss_;
};

}  // namespace cbr::vulkan
