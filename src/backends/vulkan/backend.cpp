#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/options.h>
#include <cbr/vulkan.h>

#include "backends/vulkan/failure_streak.h"
#include "backends/vulkan/loss_probe.h"
#include "backends/vulkan/queue_choice.h"
#include "backends/vulkan/queue_progress.h"
#include "backends/vulkan/vulkan_command_slot.h"
#include "backends/vulkan/vulkan_device.h"
#include "backends/vulkan/wake_signal.h"

namespace cbr::vulkan {
namespace {

constexpr std::uint64_t forever_ns = std::numeric_limits<std::uint64_t>::max();

/// The semaphores and values that a wait is for: the earliest point of each queue, for that is the
/// one that ends it. On the stack, since waits allocate nothing.
struct SemaphoreSet {
  /// One more than there are queues, for waking.
  std::array<VkSemaphore, max_queue_count + 1> semaphores{};
  std::array<std::uint64_t, max_queue_count + 1> values{};
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

/// Nanoseconds left, 0 if none, all ones without a deadline.
std::uint64_t timeout_until(TimePoint deadline) {
  if (deadline == no_deadline) return forever_ns;
  const TimePoint now = Clock::now();
  return deadline > now ? static_cast<std::uint64_t>((deadline - now).count()) : 0;
}

/// Serial n of a queue is value n of its timeline semaphore, counted from where the ring attached.
class VulkanBackend final : public Backend {
 public:
  explicit VulkanBackend(std::shared_ptr<DeviceImpl> device) : device_(std::move(device)) {}

  [[nodiscard]] Api api() const noexcept override { return Api::vulkan; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return device_->queue_count();
  }
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept override {
    return device_->queue(queue).priority();
  }
  [[nodiscard]] bool waits_spin() const noexcept override {
    // On an H100 and H200, 67 µs of CPU time in a wait of 122, 487 in 1159, 2163 in 8580.
    return device_->driver_id() == VK_DRIVER_ID_NVIDIA_PROPRIETARY;
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
        progress_.push_back(std::make_unique<QueueProgress>(device_, QueueIndex{queue}));
        gathered_.emplace_back().slots.reserve(max_ring_size / queue_count() + 1);
      }
      if (device_->waits_for_any()) wake_signal_.emplace(device_);
      woken_ = 0;
      ring_name_ = layout.ring_name;
      gpu_times_ = layout.gpu_times;
      report_ = layout.report;
      for (std::uint32_t i = 0; i < layout.ring_size; ++i) add_slot(SlotIndex{i});
    } catch (...) {
      detach();
      throw;
    }
  }

  void detach() noexcept override {
    for (auto& slot : slots_) slot.reset();
    recordings_ = 0;
    gathered_.clear();
    progress_.clear();
    wake_signal_.reset();
    report_ = nullptr;
    attached_ = false;
  }

  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    end_recording(slot_at(slot));
    return std::move(slots_[to_number(slot)]);
  }

  void add_slot(SlotIndex slot) override {
    device_->require_usable();
    slots_[to_number(slot)] = std::make_unique<CommandSlot>(
        device_, queue_of(slot), progress_of(queue_of(slot)).semaphore(), gpu_times_,
        fmt::format("{} #{}", ring_name_, to_number(slot)));
  }

  void remove_slot(SlotIndex slot) noexcept override { slots_[to_number(slot)].reset(); }

  void* begin(SlotIndex slot) override {
    device_->require_usable();
    CommandSlot& native = slot_at(slot);
    start_recording(native);
    try {
      native.begin();
    } catch (...) {
      end_recording(native);
      throw;
    }
    return native.command_buffer();
  }

  [[nodiscard]] NativeSlot* native_slot(SlotIndex slot) noexcept override { return &slot_at(slot); }

  [[nodiscard]] std::shared_ptr<const QueueTimeline> timeline(QueueIndex queue) const override {
    return progress_of(queue).timeline();
  }

  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    CommandSlot& native = slot_at(slot);
    // Whatever comes of it, the recording ends here.
    end_recording(native);
    device_->require_usable();
    QueueProgress& progress = progress_of(queue_of(slot));
    const std::uint64_t value = serial.value();
    NativeSubmission& submission = native.submission(waits, value);
    native.end();
    if (waits.empty() && !native.has_additions() && !gathered_of(queue_of(slot)).slots.empty()) {
      hand_over(queue_of(slot), &native, value);
    } else {
      // What waits, or says more, is a native submission of its own.
      flush(queue_of(slot));
      device_->submit(queue_of(slot), submission);
    }
    native.note_submission();
    progress.note_submitted(value);
  }

  [[nodiscard]] bool coalesces() const noexcept override { return true; }

  bool gather(SlotIndex slot, Serial serial, TimePoint /*send_by*/) override {
    CommandSlot& native = slot_at(slot);
    if (native.has_additions()) {
      submit(slot, serial, {});
      return false;
    }
    end_recording(native);
    device_->require_usable();
    native.end();
    native.note_submission();
    Gathered& gathered = gathered_of(queue_of(slot));
    gathered.slots.push_back(&native);
    gathered.last = serial.value();
    return true;
  }

  void flush(QueueIndex queue) override {
    if (gathered_of(queue).slots.empty()) return;
    device_->require_usable();
    hand_over(queue, nullptr, gathered_of(queue).last);
  }

  // The next begin() resets the pool, and the recording with it.
  void discard(SlotIndex slot) noexcept override { end_recording(slot_at(slot)); }

  Serial completed(QueueIndex queue) override {
    device_->require_usable();
    return Serial(progress_of(queue).read(report_));
  }

  Completion finish(SlotIndex slot) override {
    CommandSlot& native = slot_at(slot);
    if (std::exception_ptr refusal = native.take_refusal()) return {{}, {}, std::move(refusal), {}};
    const auto ticks = native.read_times();
    if (!ticks) return {};
    const TimePoint now = Clock::now();
    device_->calibrate_clock(now);
    const auto times = device_->gpu_clock().read(progress_of(queue_of(slot)).times, *ticks,
                                                 {native.submitted_at(), now});
    return {times.interval, times.end, nullptr, times.clock};
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    SemaphoreSet set;
    for (const SyncPoint& point : points) {
      const SemaphoreTimeline& timeline = *progress_of(point.queue).timeline();
      set.add(timeline.handle(), timeline.value_of(point.serial));
    }
    const bool wakes_in_driver = wake_number != 0 && wake_signal_;
    if (wakes_in_driver) set.add(wake_signal_->semaphore(), wake_number);

    // Where the driver can't be woken, the wait is cut into slices.
    const bool in_slices = wake_number != 0 && !wakes_in_driver;
    std::chrono::nanoseconds slice = first_slice;
    for (;;) {
      device_->require_usable();
      const bool woken = wake_number != 0 && woken_.load(std::memory_order_acquire) >= wake_number;
      const std::uint64_t left = woken ? 0 : timeout_until(deadline);
      if (left > 0 && !is_known_to_have_reached(points)) {
        std::chrono::nanoseconds longest = LossProbe::interval;
        if (in_slices) {
          // With no lease out, none can be given back: what is left to be woken for can wait for as
          // long again as it has.
          const bool soon = recordings_.load(std::memory_order_relaxed) > 0;
          longest = soon ? std::min(slice, middle_slice) : std::max(slice, middle_slice);
          slice = std::min<std::chrono::nanoseconds>(2 * longest, LossProbe::interval);
        }
        const bool ended = wait_for(set, std::min<std::uint64_t>(left, longest.count()));
        if (ended && !wakes_in_driver) {
          if (set.count == 1) progress_of(points[0].queue).note_ended(set.values[0]);
          return WaitStatus::reached;
        }
      }
      // Says which of several semaphores it was, and whether the device is lost.
      if (has_reached(points)) return WaitStatus::reached;
      if (woken) return WaitStatus::woken;
      if (left == 0) return WaitStatus::timed_out;
    }
  }

  void wake(std::uint64_t wake_number) override {
    // First, so that a signal that fails is no more than late.
    std::uint64_t current = woken_.load(std::memory_order_relaxed);
    while (current < wake_number &&
           !woken_.compare_exchange_weak(current, wake_number, std::memory_order_release)) {
    }
    if (wake_signal_) wake_signal_->signal(wake_number, report_);
  }

 private:
  static constexpr std::chrono::nanoseconds first_slice = std::chrono::microseconds(50);
  static constexpr std::chrono::nanoseconds middle_slice = std::chrono::milliseconds(1);

  /// What a queue has gathered: in the order of their serials.
  struct Gathered {
    std::vector<CommandSlot*> slots;
    /// The newest serial.
    std::uint64_t last = 0;
    NativeSubmission native;
  };
  /// Hands that to the driver, and `joining` behind it if that is not null, in one submission that
  /// signals `value`. Where the driver refuses it, a submission of nothing takes its place, so that
  /// the queue goes on: then the work that was gathered has failed, and this throws for the one
  /// that would join. With any other exception all is as before.
  void hand_over(QueueIndex queue, const CommandSlot* joining, std::uint64_t value) {
    Gathered& gathered = gathered_of(queue);
    QueueProgress& progress = progress_of(queue);
    const std::uint64_t first = gathered.last + 1 - gathered.slots.size();
    NativeSubmission& native = gathered.native;
    native.clear();
    for (const CommandSlot* const slot : gathered.slots) native.run(slot->command_buffer());
    if (joining != nullptr) native.run(joining->command_buffer());
    native.signal(progress.semaphore(), value, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
    std::exception_ptr refusal;
    try {
      device_->submit(queue, native);
    } catch (const SubmitFailed&) {
      refusal = std::current_exception();
      value = gathered.last;
      native.clear();
      native.signal(progress.semaphore(), value, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
      device_->submit(queue, native);
      for (CommandSlot* const slot : gathered.slots) slot->note_refusal(refusal);
    }
    for (std::uint64_t serial = first; serial < value; ++serial) {
      progress.timeline()->note_signal(serial, value);
    }
    progress.note_submitted(gathered.last);
    gathered.slots.clear();
    if (refusal != nullptr && joining != nullptr) std::rethrow_exception(refusal);
  }
  [[nodiscard]] Gathered& gathered_of(QueueIndex queue) noexcept {
    return gathered_[to_number(queue)];
  }

  /// True if one of the values was reached, false after `timeout_ns`, which is not long.
  bool wait_for(const SemaphoreSet& set, std::uint64_t timeout_ns) {
    if (set.count == 0) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(timeout_ns));
      return false;
    }
    VkSemaphoreWaitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    // Software drivers, which do "any" badly, have one queue and no semaphore for waking.
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

  /// Asks no driver.
  [[nodiscard]] bool is_known_to_have_reached(std::span<const SyncPoint> points) const {
    return std::any_of(points.begin(), points.end(), [&](const SyncPoint& point) {
      return progress_of(point.queue).is_known_to_have_reached(point.serial.value());
    });
  }
  /// Whether one of the points has ended. Throws DeviceLost, BackendError.
  bool has_reached(std::span<const SyncPoint> points) {
    return std::any_of(points.begin(), points.end(), [&](const SyncPoint& point) {
      return progress_of(point.queue).read(report_) >= point.serial.value();
    });
  }

  void start_recording(CommandSlot& slot) noexcept {
    if (!std::exchange(slot.recording, true)) recordings_.fetch_add(1, std::memory_order_relaxed);
  }
  void end_recording(CommandSlot& slot) noexcept {
    if (std::exchange(slot.recording, false)) recordings_.fetch_sub(1, std::memory_order_relaxed);
  }
  [[nodiscard]] CommandSlot& slot_at(SlotIndex slot) const noexcept {
    return *slots_[to_number(slot)];
  }
  [[nodiscard]] QueueIndex queue_of(SlotIndex slot) const noexcept {
    return QueueIndex{to_number(slot) % device_->queue_count()};
  }
  [[nodiscard]] QueueProgress& progress_of(QueueIndex queue) const noexcept {
    return *progress_[to_number(queue)];
  }

  std::shared_ptr<DeviceImpl> device_;
  std::atomic<bool> attached_ = false;
  std::string ring_name_;
  GpuTimes gpu_times_ = GpuTimes::both;
  Report report_;
  /// As many as there can be, so that a slot can be added while others are in use.
  std::vector<std::unique_ptr<CommandSlot>> slots_{max_ring_size};
  /// Slots between begin() and the end of the recording.
  std::atomic<std::uint32_t> recordings_ = 0;
  /// One a queue.
  std::vector<std::unique_ptr<QueueProgress>> progress_;
  /// One a queue.
  std::vector<Gathered> gathered_;
  /// Where a native wait can be woken.
  std::optional<WakeSignal> wake_signal_;
  std::atomic<std::uint64_t> woken_ = 0;
};

}  // namespace

std::shared_ptr<Backend> make_backend(std::shared_ptr<Device> device) {
  if (device == nullptr) throw InvalidUsage("vulkan::make_backend needs a device");
  return std::make_shared<VulkanBackend>(DeviceImpl::of(std::move(device)));
}

VkCommandBuffer command_buffer(const Lease& lease) {
  if (lease.api() != Api::vulkan) {
    throw InvalidUsage("vulkan::command_buffer: the lease belongs to a ring of another API");
  }
  return static_cast<VkCommandBuffer>(lease.native_handle());
}

}  // namespace cbr::vulkan
