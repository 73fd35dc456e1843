// The device behind cbr::metal::Device.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#import <Metal/Metal.h>

#include <cbr/metal.h>

#include "backends/metal/device_loss.h"
#include "backends/metal/metal4_sdk.h"

namespace cbr::metal {

/// Immutable but for its loss, so any thread may use it.
class DeviceImpl final : public Device {
 public:
  /// `queues` are MTLCommandQueues or MTL4CommandQueues, as `generation` says.
  DeviceImpl(id<MTLDevice> device, std::vector<id> queues, Generation generation,
             std::uint32_t max_command_buffers);

  [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }
  [[nodiscard]] Generation generation() const noexcept override { return generation_; }
  [[nodiscard]] void* handle() const noexcept override { return (__bridge void*)device_; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return static_cast<std::uint32_t>(queues_.size());
  }
  [[nodiscard]] void* queue(QueueIndex queue) const noexcept override {
    return (__bridge void*)queues_[to_number(queue)];
  }

  [[nodiscard]] id<MTLDevice> device() const noexcept { return device_; }
  [[nodiscard]] id<MTLCommandQueue> queue3(QueueIndex queue) const noexcept {
    return queues_[to_number(queue)];
  }
#if CBR_METAL4_SDK
  [[nodiscard]] id<MTL4CommandQueue> queue4(QueueIndex queue) const noexcept
      API_AVAILABLE(macos(26.0), ios(26.0)) {
    return queues_[to_number(queue)];
  }
#endif
  /// Of each queue.
  [[nodiscard]] std::uint32_t max_command_buffers() const noexcept { return max_command_buffers_; }
  /// Those that leases hold which have outlived their rings.
  [[nodiscard]] const std::shared_ptr<std::atomic<std::uint32_t>>& abandoned_buffers()
      const noexcept {
    return abandoned_buffers_;
  }
  /// Shared by all backends of the device: what one learns, all know.
  [[nodiscard]] const std::shared_ptr<DeviceLoss>& loss() const noexcept { return loss_; }

 private:
  const id<MTLDevice> device_;
  const std::vector<id> queues_;
  const Generation generation_;
  const std::uint32_t max_command_buffers_;
  const DeviceInfo info_;
  const std::shared_ptr<std::atomic<std::uint32_t>> abandoned_buffers_ =
      std::make_shared<std::atomic<std::uint32_t>>(0);
  const std::shared_ptr<DeviceLoss> loss_ = std::make_shared<DeviceLoss>();
};

}  // namespace cbr::metal
