// The one implementation of cbr::vulkan::Device.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <cbr/vulkan.h>

#include "backends/vulkan/device_list.h"
#include "backends/vulkan/functions.h"
#include "backends/vulkan/instance.h"
#include "backends/vulkan/native_queue.h"
#include "core/process_guard.h"

namespace cbr::vulkan {

class DeviceImpl final : public Device {
 public:
  explicit DeviceImpl(const OpenOptions& options);
  explicit DeviceImpl(const WrapOptions& options);
  ~DeviceImpl() override;

  [[nodiscard]] const DeviceInfo& info() const noexcept override { return physical_.info; }
  [[nodiscard]] VkInstance instance() const noexcept override { return instance_handle_; }
  [[nodiscard]] VkPhysicalDevice physical_device() const noexcept override {
    return physical_.handle;
  }
  [[nodiscard]] VkDevice handle() const noexcept override { return device_; }
  using Device::queue;
  using Device::queue_family;
  using Device::submit;
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return static_cast<std::uint32_t>(queues_.size());
  }
  [[nodiscard]] VkQueue queue(QueueIndex queue) const noexcept override {
    return queues_[to_number(queue)]->handle();
  }
  [[nodiscard]] std::uint32_t queue_family(QueueIndex queue) const noexcept override {
    return queues_[to_number(queue)]->family();
  }
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept override {
    return queues_[to_number(queue)]->priority();
  }
  [[nodiscard]] PFN_vkVoidFunction function(const char* name) const noexcept override {
    return functions_.vkGetDeviceProcAddr(device_, name);
  }
  [[nodiscard]] const Functions& functions() const noexcept override { return functions_; }
  [[nodiscard]] bool same_process() const noexcept override { return process_.same_process(); }
  void submit(QueueIndex queue, const VkSubmitInfo& submission) override;
  /// Signals `fence` once everything submitted to the queue so far has ended. Throws as submit().
  void submit_fence(QueueIndex queue, VkFence fence);

  /// As vulkan::check, for a call of this device. The first loss is kept, and its text tells what
  /// the driver knows of the cause, which it is asked for once.
  void check(VkResult result, const char* call) const;
  /// Throws DeviceLost with the first cause; that is `call` if no other call came before.
  [[noreturn]] void throw_lost(const char* call) const;
  /// Throws DeviceLost with the first cause if a call has reported the loss of the device.
  void require_usable() const;

  /// Gives an object a debug name where VK_EXT_debug_utils is there.
  void set_name(VkObjectType type, std::uint64_t handle, const std::string& name) const;

  /// Nanoseconds in a timestamp's unit.
  [[nodiscard]] double timestamp_period() const noexcept { return physical_.timestamp_period; }
  /// The bits of a queue's timestamps that count; 0 if it writes none. Where families differ, the
  /// fewest of any queue of this device, so that timestamps of all its queues wrap alike.
  [[nodiscard]] std::uint32_t timestamp_bits(QueueIndex queue) const noexcept {
    return std::min(physical_.timestamp_bits[queue_family(queue)], common_timestamp_bits_);
  }
  /// Whether the feature hostQueryReset is on.
  [[nodiscard]] bool host_query_reset() const noexcept { return physical_.host_query_reset; }
  [[nodiscard]] VkDriverId driver_id() const noexcept { return physical_.driver_id; }

 private:
  void create_device(const std::vector<QueueRequest>& requests);
  void add_queue(const WrappedQueue& queue);
  void submit(QueueIndex queue, const VkSubmitInfo* submission, VkFence fence);
  void compare_timestamps();

  /// Null where the instance is the user's.
  std::unique_ptr<Instance> instance_;
  Functions functions_;
  VkInstance instance_handle_ = VK_NULL_HANDLE;
  PhysicalDevice physical_;
  VkDevice device_ = VK_NULL_HANDLE;
  std::vector<std::unique_ptr<NativeQueue>> queues_;
  std::uint32_t common_timestamp_bits_ = 64;
  /// Where it was made: a forked child has another.
  detail::ProcessGuard process_;

  mutable std::once_flag loss_noticed_;
  mutable std::atomic<bool> lost_ = false;
  /// The first cause; read-only once lost_ is set.
  mutable std::string loss_;
};

}  // namespace cbr::vulkan
