// The one implementation of cbr::vulkan::Device.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include <cbr/vulkan.h>

#include "backends/vulkan/device_list.h"
#include "backends/vulkan/functions.h"
#include "backends/vulkan/instance.h"

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
  [[nodiscard]] VkQueue queue() const noexcept override { return queue_; }
  [[nodiscard]] std::uint32_t queue_family() const noexcept override {
    return physical_.queue_family;
  }
  [[nodiscard]] PFN_vkVoidFunction function(const char* name) const noexcept override {
    return functions_.vkGetDeviceProcAddr(device_, name);
  }
  [[nodiscard]] const Functions& functions() const noexcept override { return functions_; }
  void submit(const VkSubmitInfo& submission) override;

  /// Gives an object a debug name where VK_EXT_debug_utils is there.
  void set_name(VkObjectType type, std::uint64_t handle, const std::string& name) const;

  /// Nanoseconds in a timestamp's unit, and the bits of a timestamp that count (0: none).
  [[nodiscard]] double timestamp_period() const noexcept { return timestamp_period_; }
  [[nodiscard]] std::uint32_t timestamp_bits() const noexcept { return timestamp_bits_; }
  /// Whether the feature hostQueryReset is on.
  [[nodiscard]] bool host_query_reset() const noexcept { return physical_.host_query_reset; }
  [[nodiscard]] VkDriverId driver_id() const noexcept { return physical_.driver_id; }

 private:
  void create_device();
  void read_timestamp_properties();

  /// Null where the instance is the user's.
  std::unique_ptr<Instance> instance_;
  Functions functions_;
  VkInstance instance_handle_ = VK_NULL_HANDLE;
  PhysicalDevice physical_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  double timestamp_period_ = 0;
  std::uint32_t timestamp_bits_ = 0;

  /// Vulkan forbids two threads at once in one queue. Held for vkQueueSubmit alone.
  std::mutex queue_mutex_;
  std::function<void()> lock_queue_;
  std::function<void()> unlock_queue_;
};

}  // namespace cbr::vulkan
