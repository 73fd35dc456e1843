#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/metal.h>
#include <cbr/options.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/metal_command_slot.h"
#include "backends/metal/metal_device.h"
#include "backends/metal/progress.h"

namespace cbr::metal {
namespace {

void warn_on_standard_error(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

/// The slots hold Metal's objects; Progress knows what has ended.
class MetalBackend final : public Backend {
 public:
  MetalBackend(std::shared_ptr<DeviceImpl> device, BackendOptions options)
      : device_(std::move(device)), options_(std::move(options)) {
    if (!options_.on_warning) options_.on_warning = warn_on_standard_error;
  }

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
      warned_ = std::make_shared<std::atomic<bool>>(false);
      // Handlers of an earlier ring keep the one that they know.
      progress_ = std::make_shared<Progress>(queue_count(), device_->loss());
      // Before any is made, so that the text tells of the whole ring.
      require_room(layout.ring_size);
      for (std::uint32_t i = 0; i < layout.ring_size; ++i) add_slot(SlotIndex{i});
    } catch (...) {
      detach();
      throw;
    }
  }

  void detach() noexcept override {
    const AutoreleasePool pool;
    for (auto& slot : slots_) slot.reset();
    attached_ = false;
  }

  void add_slot(SlotIndex slot) override {
    const AutoreleasePool pool;
    device_->loss()->require_usable();
    require_room(to_number(slot) + 1);
    slots_[to_number(slot)] = make_slot(slot);
  }

  void remove_slot(SlotIndex slot) noexcept override {
    const AutoreleasePool pool;
    slots_[to_number(slot)].reset();
  }

  void* begin(SlotIndex slot) override {
    device_->loss()->require_usable();
    return slots_[to_number(slot)]->begin();
  }

  // Serials count from 1 without a gap, so Progress counts them itself.
  void submit(SlotIndex slot, Serial /*serial*/) override {
    device_->loss()->require_usable();
    slots_[to_number(slot)]->submit();
  }

  void discard(SlotIndex slot) noexcept override { slots_[to_number(slot)]->discard(); }

  Serial completed(QueueIndex queue) override {
    device_->loss()->require_usable();
    return progress_->completed(queue);
  }

  Completion finish(SlotIndex slot) override {
    Outcome outcome = progress_->take_outcome(slots_[to_number(slot)]->submitted_work());
    Completion completion{outcome.interval, nullptr};
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
  [[nodiscard]] QueueIndex queue_of(SlotIndex slot) const noexcept {
    return QueueIndex{to_number(slot) % queue_count()};
  }

  /// With more uncompleted buffers than its maximum, a queue of Metal 3 makes a thread wait with no
  /// limit, and for ever if it holds them itself. So a ring has no more.
  void require_room(std::uint32_t ring_size) const {
    if (device_->generation() != Generation::metal3) return;
    const std::uint32_t on_a_queue = (ring_size + queue_count() - 1) / queue_count();
    const std::uint32_t buffers_a_slot = options_.make_ahead ? 2 : 1;
    if (on_a_queue * buffers_a_slot <= device_->max_command_buffers()) return;
    throw InvalidOption(
        fmt::format("{}: ring_size is {}, which takes {} command buffers of a Metal queue{}; its "
                    "max_command_buffers is {}",
                    ring_name_, ring_size, on_a_queue * buffers_a_slot,
                    options_.make_ahead ? " with make_ahead" : "", device_->max_command_buffers()));
  }

  [[nodiscard]] std::unique_ptr<CommandSlot> make_slot(SlotIndex slot) const {
    SlotOptions options;
    options.name = fmt::format("{} #{}", ring_name_, to_number(slot));
    options.queue = queue_of(slot);
    options.retained_references = options_.retained_references;
    options.encoder_errors = options_.encoder_errors;
    options.make_ahead = options_.make_ahead;
    options.on_warning = [warned = warned_, sink = options_.on_warning](const std::string& line) {
      if (warned->exchange(true)) return;
      try {
        sink(line);
      } catch (...) {
        // The acquisition that it interrupts has nothing to do with it.
        return;
      }
    };
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

  const std::shared_ptr<DeviceImpl> device_;
  BackendOptions options_;
  std::atomic<bool> attached_ = false;
  std::string ring_name_;
  std::shared_ptr<std::atomic<bool>> warned_;
  std::shared_ptr<Progress> progress_;
  /// As many as there can be, so that a slot can be added while others are in use.
  std::vector<std::unique_ptr<CommandSlot>> slots_{max_ring_size};
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
