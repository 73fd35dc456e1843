#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/metal.h>
#include <cbr/options.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/commit_warning.h"
#include "backends/metal/event_timeline.h"
#include "backends/metal/gpu_times.h"
#include "backends/metal/metal_command_slot.h"
#include "backends/metal/metal_device.h"
#include "backends/metal/progress.h"
#include "backends/metal/queue_room.h"

namespace cbr::metal {
namespace {

void warn_on_standard_error(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

/// The slots hold Metal's objects; Progress knows what has ended.
class MetalBackend final : public Backend {
 public:
  MetalBackend(std::shared_ptr<DeviceImpl> device, BackendOptions options)
      : device_(std::move(device)), options_(std::move(options)) {}

  [[nodiscard]] Api api() const noexcept override {
    return device_->generation() == Generation::metal3 ? Api::metal : Api::metal4;
  }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return device_->queue_count();
  }

  void attach(const SlotLayout& layout) override {
    if (attached_.exchange(true)) {
      throw InvalidUsage(
          fmt::format("{}: this Metal backend serves another ring already; make one for each ring",
                      layout.ring_name));
    }
    try {
      device_->loss()->require_usable();
      ring_name_ = layout.ring_name;
      gpu_times_ = layout.gpu_times;
      commit_warning_ = std::make_shared<CommitWarning>(ring_name_, warning_sink(layout));
      // Handlers of an earlier ring keep the one that they know.
      progress_ = std::make_shared<Progress>(queue_count(), device_->loss());
      if (options_.timelines) make_timelines();
      room_ =
          std::make_shared<QueueRoom>(device_, ring_name_, options_.make_ahead, options_.timelines);
      // Before any is made, so that the text tells of the whole ring.
      resize(layout.ring_size);
      for (std::uint32_t i = 0; i < layout.ring_size; ++i) make(SlotIndex{i});
    } catch (...) {
      detach();
      throw;
    }
  }

  void detach() noexcept override {
    const AutoreleasePool pool;
    for (Slot& slot : slots_) slot = {};
    // Whoever waits for it has one of its own.
    timelines_.clear();
    if (commit_warning_ != nullptr) commit_warning_->tell();
    commit_warning_ = nullptr;
    attached_ = false;
  }

  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    objects(slot).abandon();
    return std::move(slots_[to_number(slot)].objects);
  }

  void add_slot(SlotIndex slot) override {
    device_->loss()->require_usable();
    resize(std::max(extent(), to_number(slot) + 1));
    try {
      make(slot);
    } catch (...) {
      resize(extent());
      throw;
    }
  }

  void remove_slot(SlotIndex slot) noexcept override {
    const AutoreleasePool pool;
    slots_[to_number(slot)] = {};
    resize(extent());
  }

  [[nodiscard]] std::shared_ptr<const QueueTimeline> timeline(QueueIndex queue) const override {
    return timelines_.empty() ? nullptr : timelines_[to_number(queue)];
  }

  void* begin(SlotIndex slot) override {
    device_->loss()->require_usable();
    return objects(slot).begin();
  }

  [[nodiscard]] NativeSlot* native_slot(SlotIndex slot) noexcept override {
    return slots_[to_number(slot)].objects.get();
  }

  // Serials count from 1 without a gap, so Progress counts them itself.
  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    device_->loss()->require_usable();
    objects(slot).submit(serial, waits);
  }

  void discard(SlotIndex slot) noexcept override { objects(slot).discard(); }

  Serial completed(QueueIndex queue) override {
    device_->loss()->require_usable();
    return progress_->completed(queue);
  }

  Completion finish(SlotIndex slot) override {
    const Outcome outcome = progress_->take_outcome(objects(slot).submitted_work());
    Completion completion;
    // Metal notes them all, whatever was asked for.
    const bool sampled = slots_[to_number(slot)].finished++ % sampling_interval == 0;
    if (gpu_times_ == GpuTimes::both || (gpu_times_ == GpuTimes::sampled && sampled)) {
      completion.interval = outcome.times.interval;
      completion.end = outcome.times.end;
    } else if (gpu_times_ == GpuTimes::end) {
      completion.end = outcome.times.end;
    }
    if (completion.end) completion.clock = host_clock();
    if (!outcome.error.empty()) {
      completion.error = std::make_exception_ptr(ExecutionFailed(outcome.error));
    }
    return completion;
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    return progress_->wait(points, wake_number, deadline);
  }

  void wake(std::uint64_t wake_number) override { progress_->wake(wake_number); }

 private:
  /// With GpuTimes::sampled, the times of one in so many submissions of a slot are told.
  static constexpr std::uint32_t sampling_interval = 16;

  struct Slot {
    std::unique_ptr<CommandSlot> objects;
    std::uint32_t finished = 0;
  };
  [[nodiscard]] CommandSlot& objects(SlotIndex slot) const noexcept {
    return *slots_[to_number(slot)].objects;
  }

  [[nodiscard]] QueueIndex queue_of(SlotIndex slot) const noexcept {
    return QueueIndex{to_number(slot) % queue_count()};
  }

  void make_timelines() {
    const AutoreleasePool pool;
    timelines_.reserve(queue_count());
    for (std::uint32_t i = 0; i < queue_count(); ++i) {
      timelines_.push_back(std::make_shared<EventTimeline>(device_->device(), queue_count()));
    }
  }

  /// As many slots as the ring has, and those between that were removed.
  [[nodiscard]] std::uint32_t extent() const noexcept {
    const auto last = std::find_if(slots_.rbegin(), slots_.rend(),
                                   [](const Slot& slot) { return slot.objects != nullptr; });
    return static_cast<std::uint32_t>(slots_.rend() - last);
  }

  void resize(std::uint32_t ring_size) {
    if (device_->generation() == Generation::metal3) room_->resize(ring_size);
  }

  void make(SlotIndex slot) {
    const AutoreleasePool pool;
    if (!timelines_.empty()) timelines_[to_number(queue_of(slot))]->add_slot(slot);
    slots_[to_number(slot)] = {make_slot(slot), 0};
  }

  [[nodiscard]] std::unique_ptr<CommandSlot> make_slot(SlotIndex slot) const {
    SlotOptions options;
    options.name = fmt::format("{} #{}", ring_name_, to_number(slot));
    options.index = slot;
    options.queue = queue_of(slot);
    options.retained_references = options_.retained_references;
    options.encoder_errors = options_.encoder_errors;
    options.make_ahead = options_.make_ahead;
    options.commit_warning = commit_warning_;
    options.abandoned_buffers = device_->abandoned_buffers();
    if (!timelines_.empty()) options.timeline = timelines_[to_number(options.queue)];
    options.room = room_;
#if CBR_METAL4_SDK
    if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
      if (device_->generation() == Generation::metal4) {
        return make_metal4_slot(device_->device(), device_->queue4(options.queue), progress_,
                                options);
      }
    }
#endif
    return make_metal3_slot(device_->queue3(options.queue), progress_, std::move(options));
  }

  /// Where lines go: as the program wants, else by way of the ring.
  [[nodiscard]] std::function<void(const std::string& line)> warning_sink(
      const SlotLayout& layout) const {
    if (options_.on_warning) return options_.on_warning;
    if (layout.report) return layout.report;
    return warn_on_standard_error;
  }

  const std::shared_ptr<DeviceImpl> device_;
  const BackendOptions options_;
  std::atomic<bool> attached_ = false;
  std::string ring_name_;
  GpuTimes gpu_times_ = GpuTimes::both;
  std::shared_ptr<CommitWarning> commit_warning_;
  std::shared_ptr<Progress> progress_;
  std::shared_ptr<QueueRoom> room_;
  /// One a queue, or none.
  std::vector<std::shared_ptr<EventTimeline>> timelines_;
  /// As many as there can be, so that a slot can be added while others are in use.
  std::vector<Slot> slots_{max_ring_size};
};

void* native_buffer(const Lease& lease, Api api, const char* function, const char* other) {
  if (lease.api() == api) return lease.native_handle();
  const bool other_generation = lease.api() == Api::metal || lease.api() == Api::metal4;
  throw InvalidUsage(
      other_generation
          ? fmt::format("metal::{}: the lease belongs to a ring of the other generation of Metal; "
                        "metal::{} gives its command buffer",
                        function, other)
          : fmt::format("metal::{}: the lease belongs to a ring of another API", function));
}

}  // namespace

std::shared_ptr<Backend> make_backend(std::shared_ptr<Device> device,
                                      const BackendOptions& options) {
  if (device == nullptr) throw InvalidUsage("metal::make_backend needs a device");
  // DeviceImpl is the one class that derives from Device.
  return std::make_shared<MetalBackend>(std::static_pointer_cast<DeviceImpl>(std::move(device)),
                                        options);
}

void* command_buffer(const Lease& lease) {
  return native_buffer(lease, Api::metal, "command_buffer", "command_buffer4");
}

void* command_buffer4(const Lease& lease) {
  return native_buffer(lease, Api::metal4, "command_buffer4", "command_buffer");
}

}  // namespace cbr::metal
