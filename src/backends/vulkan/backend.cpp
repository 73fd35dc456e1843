#include <algorithm>
#include <array>
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

#include "backends/vulkan/loss_probe.h"
#include "backends/vulkan/queue_choice.h"
#include "backends/vulkan/timeline_semaphore.h"
#include "backends/vulkan/vulkan_command_slot.h"
#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {
namespace {

constexpr std::uint64_t forever_ns = std::numeric_limits<std::uint64_t>::max();

/// The semaphores and values that a wait is for: the earliest point of each queue, for that is the
/// one that ends it. On the stack, since waits allocate nothing.
struct SemaphoreSet {
  std::array<VkSemaphore, max_queue_count> semaphores{};
  std::array<std::uint64_t, max_queue_count> values{};
  std::uint32_t count = 0;

  void add(VkSemaphore semaphore, std::uint64_t value) {
    const auto end = semaphores.begin() + count;
    const auto place = static_cast<std::size_t>(std::find(semaphores.begin(), end, semaphore) -
                                                semaphores.begin());
    if (place < count) {
      values[place] = std::min(values[place], value);
      return;
    }
    semaphores[place] = semaphore;
    values[place] = value;
    ++count;
  }
};

/// How far a queue has come.
struct Progress {
  Progress(const std::shared_ptr<DeviceImpl>& device, QueueIndex queue)
      : semaphore(device), loss_probe(device, queue) {}
  TimelineSemaphore semaphore;
  LossProbe loss_probe;
  /// The newest value that submitted work will signal.
  std::atomic<std::uint64_t> submitted = 0;
};

/// Serial n of a queue is value n of its timeline semaphore, counted from where the ring attached.
class VulkanBackend final : public Backend {
 public:
  explicit VulkanBackend(std::shared_ptr<DeviceImpl> device) : device_(std::move(device)) {}

  [[nodiscard]] Api api() const noexcept override { return Api::vulkan; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return device_->queue_count();
  }
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept override {
    return device_->queue_priority(queue);
  }

  void attach(const SlotLayout& layout) override {
    if (attached_.exchange(true)) {
      throw InvalidUsage(
          fmt::format("{}: this Vulkan backend serves another ring already; make one for each ring",
                      layout.ring_name));
    }
    try {
      device_->require_usable();
      // Fresh semaphores and a fresh count for each ring: all start at 1 again.
      for (std::uint32_t queue = 0; queue < queue_count(); ++queue) {
        progress_.push_back(std::make_unique<Progress>(device_, QueueIndex{queue}));
      }
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
    progress_.clear();
    attached_ = false;
  }

  void add_slot(SlotIndex slot) override {
    device_->require_usable();
    slots_[to_number(slot)] = std::make_unique<CommandSlot>(
        device_, queue_of(slot), fmt::format("{} #{}", ring_name_, to_number(slot)));
  }

  void remove_slot(SlotIndex slot) noexcept override { slots_[to_number(slot)].reset(); }

  void* begin(SlotIndex slot) override {
    device_->require_usable();
    auto& native = *slots_[to_number(slot)];
    native.begin();
    return native.command_buffer();
  }

  void submit(SlotIndex slot, Serial serial) override {
    device_->require_usable();
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
    submission.pSignalSemaphores = &progress(queue_of(slot));
    device_->submit(queue_of(slot), submission);
    progress_[to_number(queue_of(slot))]->submitted.store(value, std::memory_order_relaxed);
  }

  // The next begin() resets the pool, and the recording with it.
  void discard(SlotIndex /*slot*/) noexcept override {}

  Serial completed(QueueIndex queue) override {
    device_->require_usable();
    std::uint64_t value = 0;
    device_->check(
        device_->functions().vkGetSemaphoreCounterValue(device_->handle(), progress(queue), &value),
        "vkGetSemaphoreCounterValue");
    // Some drivers answer so, instead of with an error, once the device is lost.
    if (value == std::numeric_limits<std::uint64_t>::max()) {
      device_->throw_lost("vkGetSemaphoreCounterValue");
    }
    // Not in wait() alone: a program that only polls must learn of a loss too.
    Progress& its_progress = *progress_[to_number(queue)];
    if (value < its_progress.submitted.load(std::memory_order_relaxed)) {
      its_progress.loss_probe.look(value);
    }
    return Serial(value);
  }

  Completion finish(SlotIndex slot) override {
    return {slots_[to_number(slot)]->read_interval(), nullptr};
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    device_->require_usable();
    SemaphoreSet set;
    for (const auto& point : points) set.add(progress(point.queue), point.serial.value());

    // To be woken, the wait is cut into slices. A second semaphore that the host signals, waited
    // for with VK_SEMAPHORE_WAIT_ANY_BIT, would do without; but Mesa's software drivers then spin
    // on all cores they share with the "GPU", and the validation layer (1.3.239) takes both values
    // for reached. Only a thread that waits while another holds a lease comes here.
    for (auto slice = first_slice;; slice = std::min(2 * slice, longest_slice)) {
      const bool woken = wake_number != 0 && woken_.load(std::memory_order_acquire) >= wake_number;
      const std::uint64_t left = woken ? 0 : timeout_until(deadline);
      const std::chrono::nanoseconds longest = wake_number == 0 ? LossProbe::interval : slice;
      const auto timeout = std::min<std::uint64_t>(left, longest.count());
      if (wait_for(set, timeout)) return WaitStatus::reached;
      if (woken) return WaitStatus::woken;
      for (const auto& point : points) completed(point.queue);
      if (left == 0) return WaitStatus::timed_out;
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

  /// True if one of the values was reached, false after `timeout_ns`.
  bool wait_for(const SemaphoreSet& set, std::uint64_t timeout_ns) {
    VkSemaphoreWaitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    // Software drivers, which do "any" badly, have one queue.
    if (set.count > 1) info.flags = VK_SEMAPHORE_WAIT_ANY_BIT;
    info.semaphoreCount = set.count;
    info.pSemaphores = set.semaphores.data();
    info.pValues = set.values.data();
    const VkResult result =
        device_->functions().vkWaitSemaphores(device_->handle(), &info, timeout_ns);
    if (result == VK_TIMEOUT) return false;
    device_->check(result, "vkWaitSemaphores");
    return true;
  }

  [[nodiscard]] QueueIndex queue_of(SlotIndex slot) const noexcept {
    return QueueIndex{to_number(slot) % device_->queue_count()};
  }
  [[nodiscard]] const VkSemaphore& progress(QueueIndex queue) const noexcept {
    return progress_[to_number(queue)]->semaphore.handle();
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
  /// One a queue.
  std::vector<std::unique_ptr<Progress>> progress_;
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
