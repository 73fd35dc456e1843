// The one class that derives from metal::Device.
#pragma once

#include <memory>
#include <vector>

#include <cbr/metal.h>

#include "backends/metal/device_loss.h"
#include "backends/metal/native_queue.h"

namespace cbr::metal {

class DeviceImpl final : public Device {
 public:
  /// `commands` is metal3 or metal4, and the queues are of that kind and of `handle`.
  DeviceImpl(id<MTLDevice> handle, CommandModel commands,
             std::vector<std::unique_ptr<NativeQueue>> queues);
  ~DeviceImpl() override;

  [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }
  [[nodiscard]] CommandModel commands() const noexcept override { return commands_; }
  [[nodiscard]] void* handle() const noexcept override { return (__bridge void*)handle_; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return static_cast<std::uint32_t>(queues_.size());
  }
  [[nodiscard]] void* queue(QueueIndex queue) const noexcept override {
    return (__bridge void*)native_queue(queue).handle();
  }

  [[nodiscard]] id<MTLDevice> device() const noexcept { return handle_; }
  [[nodiscard]] NativeQueue& native_queue(QueueIndex queue) const noexcept {
    return *queues_[to_number(queue)];
  }
  [[nodiscard]] const std::shared_ptr<DeviceLoss>& loss() const noexcept { return loss_; }

 private:
  id<MTLDevice> handle_;
  const CommandModel commands_;
  DeviceInfo info_;
  std::vector<std::unique_ptr<NativeQueue>> queues_;
  std::shared_ptr<DeviceLoss> loss_ = std::make_shared<DeviceLoss>();
};

}  // namespace cbr::metal
