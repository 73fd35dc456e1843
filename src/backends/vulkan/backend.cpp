#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/options.h>
#include <cbr/vulkan.h>

#include "backends/vulkan/command_slot.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/result.h"

namespace cbr::vulkan {
namespace {

constexpr std::uint64_t forever_ns = std::numeric_limits<std::uint64_t>::max();

/// A timeline semaphore. Destroyed with the object.
class TimelineSemaphore {
 public:
  explicit TimelineSemaphore(const DeviceImpl& device) : device_(device) {
    VkSemaphoreTypeCreateInfo type{};
    type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    VkSemaphoreCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
    create.pNext = &type;
    check(device.functions().vkCreateSemaphore(device.handle(), &create, nullptr, &handle_),
          "vkCreateSemaphore");
  }
  TimelineSemaphore(const TimelineSemaphore&) = delete;
  TimelineSemaphore& operator=(const TimelineSemaphore&) = delete;
  ~TimelineSemaphore() {
    device_.functions().vkDestroySemaphore(device_.handle(), handle_, nullptr);
  }

  [[nodiscard]] const VkSemaphore& handle() const noexcept { return handle_; }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t value = 0;
    check(device_.functions().vkGetSemaphoreCounterValue(device_.handle(), handle_, &value),
          "vkGetSemaphoreCounterValue");
    return value;
  }

 private:
  const DeviceImpl& device_;
  VkSemaphore handle_ = VK_NULL_HANDLE;
};

/// Serial n of the ring is value n of one timeline semaphore, counted from where the ring attached.
class VulkanBackend final : public Backend {
 public:
  explicit VulkanBackend(std::shared_ptr<DeviceImpl> device) : device_(std::move(device)) {}

  [[nodiscard]] Api api() const noexcept override { return Api::vulkan; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override { return 1; }

  void attach(const SlotLayout& layout) override {
    if (attached_.exchange(true)) {
      throw InvalidUsage(
          fmt::format("{}: this Vulkan backend serves another ring already; make one for each ring",
                      layout.ring_name));
    }
    try {
      // A fresh semaphore and count for each ring: both start at 1 again.
      progress_ = std::make_unique<TimelineSemaphore>(*device_);
      woken_ = 0;
      ring_name_ = layout.ring_name;
      for (std::uint32_t i = 0; i < layout.ring_size; ++i) add_slot(SlotIndex{i});
    } catch (...) {
      detach();
      throw;
    }
  }

  void detach() noexcept override {
    for (auto& slot : slots_) slot.reset();
    progress_.reset();
    attached_ = false;
  }

  void add_slot(SlotIndex slot) override {
    slots_[to_number(slot)] =
        std::make_unique<CommandSlot>(device_, fmt::format("{} #{}", ring_name_, to_number(slot)));
  }

  void remove_slot(SlotIndex slot) noexcept override { slots_[to_number(slot)].reset(); }

  void* begin(SlotIndex slot) override {
    auto& native = *slots_[to_number(slot)];
    native.begin();
    return native.command_buffer();
  }

  void submit(SlotIndex slot, Serial serial) override {
    auto& native = *slots_[to_number(slot)];
    native.end();
    const VkCommandBuffer command_buffer = native.command_buffer();
    const std::uint64_t value = serial.value();
    VkTimelineSemaphoreSubmitInfo timeline{};
    timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
    timeline.signalSemaphoreValueCount = 1;
    timeline.pSignalSemaphoreValues = &value;
    VkSubmitInfo submission{};
    submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submission.pNext = &timeline;
    submission.commandBufferCount = 1;
    submission.pCommandBuffers = &command_buffer;
    submission.signalSemaphoreCount = 1;
    submission.pSignalSemaphores = &progress_->handle();
    device_->submit(submission);
  }

  // The next begin() resets the pool, and the recording with it.
  void discard(SlotIndex /*slot*/) noexcept override {}

  Serial completed(QueueIndex /*queue*/) override { return Serial(progress_->value()); }

  Completion finish(SlotIndex slot) override {
    return {slots_[to_number(slot)]->read_interval(), nullptr};
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    // All points are of the one queue, so the earliest is the one that ends the wait.
    std::uint64_t earliest = forever_ns;
    for (const auto& point : points) earliest = std::min(earliest, point.serial.value());
    if (wake_number == 0) return wait_for(earliest, timeout_until(deadline));

    // To be woken, the wait is cut into slices. A second semaphore that the host signals, waited
    // for with VK_SEMAPHORE_WAIT_ANY_BIT, would do without; but Mesa's software drivers then spin
    // on all cores they share with the "GPU", and the validation layer (1.3.239) takes both values
    // for reached. Only a thread that waits while another holds a lease comes here.
    for (auto slice = first_slice;; slice = std::min(2 * slice, longest_slice)) {
      const auto left = std::chrono::nanoseconds(timeout_until(deadline));
      const bool last = deadline != no_deadline && left <= slice;
      const WaitStatus status = wait_for(earliest, (last ? left : slice).count());
      if (status == WaitStatus::reached) return status;
      if (woken_.load(std::memory_order_acquire) >= wake_number) return WaitStatus::woken;
      if (last) return WaitStatus::timed_out;
    }
  }

  void wake(std::uint64_t wake_number) override {
    std::uint64_t current = woken_.load(std::memory_order_relaxed);
    while (current < wake_number &&
           !woken_.compare_exchange_weak(current, wake_number, std::memory_order_release)) {
    }
  }

 private:
  static constexpr std::chrono::nanoseconds first_slice = std::chrono::microseconds(50);
  static constexpr std::chrono::nanoseconds longest_slice = std::chrono::milliseconds(1);

  WaitStatus wait_for(std::uint64_t value, std::uint64_t timeout_ns) {
    VkSemaphoreWaitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    info.semaphoreCount = 1;
    info.pSemaphores = &progress_->handle();
    info.pValues = &value;
    const VkResult result =
        device_->functions().vkWaitSemaphores(device_->handle(), &info, timeout_ns);
    if (result == VK_TIMEOUT) return WaitStatus::timed_out;
    check(result, "vkWaitSemaphores");
    return WaitStatus::reached;
  }

  /// Nanoseconds left, 0 if none, all ones without a deadline.
  static std::uint64_t timeout_until(TimePoint deadline) {
    if (deadline == no_deadline) return forever_ns;
    const auto left = deadline - Clock::now();
    return left.count() > 0 ? static_cast<std::uint64_t>(left.count()) : 0;
  }

  std::shared_ptr<DeviceImpl> device_;
  std::atomic<bool> attached_ = false;
  std::string ring_name_;
  /// As many as there can be, so that a slot can be added while others are in use.
  std::vector<std::unique_ptr<CommandSlot>> slots_{max_ring_size};
  std::unique_ptr<TimelineSemaphore> progress_;
  std::atomic<std::uint64_t> woken_ = 0;
};

}  // namespace

std::shared_ptr<Backend> make_backend(std::shared_ptr<Device> device) {
  if (device == nullptr) throw InvalidUsage("vulkan::make_backend needs a device");
  // DeviceImpl is the one class that derives from Device.
  return std::make_shared<VulkanBackend>(std::static_pointer_cast<DeviceImpl>(std::move(device)));
}

VkCommandBuffer command_buffer(const Lease& lease) {
  if (lease.api() != Api::vulkan) {
    throw InvalidUsage("vulkan::command_buffer: the lease belongs to a ring of another API");
  }
  return static_cast<VkCommandBuffer>(lease.native_handle());
}

}  // namespace cbr::vulkan
