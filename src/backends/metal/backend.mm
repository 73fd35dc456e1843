#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/metal.h>
#include <cbr/options.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/buffer_maker.h"
#include "backends/metal/completion_board.h"
#include "backends/metal/device.h"
#include "backends/metal/metal3_slot.h"
#include "backends/metal/metal4_slot.h"

namespace cbr::metal {
namespace {

MTLCommandBufferDescriptor* make_descriptor(const BackendOptions& options) {
  MTLCommandBufferDescriptor* const descriptor = [[MTLCommandBufferDescriptor alloc] init];
  descriptor.retainedReferences = options.retained_references ? YES : NO;
  descriptor.errorOptions = options.encoder_status
                                ? MTLCommandBufferErrorOptionEncoderExecutionStatus
                                : MTLCommandBufferErrorOptionNone;
  return descriptor;
}

void print_misuse(const std::string& message) {
  std::fprintf(stderr, "[WARNING] %s\n", message.c_str());
}

class MetalBackend final : public Backend {
 public:
  MetalBackend(std::shared_ptr<DeviceImpl> device, BackendOptions options)
      : device_(std::move(device)), options_(std::move(options)) {
    if (options_.on_misuse == nullptr) options_.on_misuse = print_misuse;
    const AutoreleasePool pool;
    if (!metal4()) descriptor_ = make_descriptor(options_);
  }
  ~MetalBackend() override {
    const AutoreleasePool pool;
    descriptor_ = nil;
  }

  [[nodiscard]] Api api() const noexcept override { return metal4() ? Api::metal4 : Api::metal; }
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
      device_->loss()->require_device();
      // A fresh board for each ring: serials and wake numbers start at 1 again.
      board_ = std::make_shared<CompletionBoard>(queue_count(), max_ring_size, device_->loss());
      if (options_.make_ahead && !metal4()) maker_ = std::make_shared<BufferMaker>();
      ring_name_ = layout.ring_name;
      for (std::uint32_t i = 0; i < layout.ring_size; ++i) add_slot(SlotIndex{i});
    } catch (...) {
      detach();
      throw;
    }
  }

  void detach() noexcept override {
    for (std::uint32_t i = 0; i < slots_.size(); ++i) remove_slot(SlotIndex{i});
    if (maker_ != nullptr) std::exchange(maker_, nullptr)->stop();
    attached_ = false;
  }

  void add_slot(SlotIndex slot) override {
    const AutoreleasePool pool;
    device_->loss()->require_device();
    NativeQueue& queue = device_->native_queue(queue_of(slot));
    queue.reserve(buffers_per_slot(), ring_name_);
    try {
      slots_[to_number(slot)] = make_slot(slot, queue.handle());
    } catch (...) {
      queue.release(buffers_per_slot());
      throw;
    }
  }

  void remove_slot(SlotIndex slot) noexcept override {
    if (slots_[to_number(slot)] == nullptr) return;
    slots_[to_number(slot)].reset();
    device_->native_queue(queue_of(slot)).release(buffers_per_slot());
  }

  void* begin(SlotIndex slot) override {
    device_->loss()->require_device();
    return slots_[to_number(slot)]->begin(board_->begin(slot));
  }

  void submit(SlotIndex slot, Serial serial) override {
    CommandSlot& native = *slots_[to_number(slot)];
    try {
      device_->loss()->require_device();
    } catch (...) {
      // Nobody will give it up otherwise, and it may keep much alive.
      native.discard();
      throw;
    }
    const bool committed = native.commit();
    board_->submitted(slot, queue_of(slot), serial);
    if (!committed) report_misuse(slot, "it counts as submitted, but ran in an order of its own");
  }

  void discard(SlotIndex slot) noexcept override {
    if (slots_[to_number(slot)]->discard()) return;
    report_misuse(slot, "it runs, although the lease was given up");
  }

  Serial completed(QueueIndex queue) override { return board_->completed(queue); }
  Completion finish(SlotIndex slot) override { return board_->take(slot); }
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    return board_->wait(points, wake_number, deadline);
  }
  void wake(std::uint64_t wake_number) override { board_->wake(wake_number); }

 private:
  [[nodiscard]] bool metal4() const noexcept { return device_->commands() == CommandModel::metal4; }
  [[nodiscard]] QueueIndex queue_of(SlotIndex slot) const noexcept {
    return QueueIndex{to_number(slot) % device_->queue_count()};
  }
  [[nodiscard]] std::string label_of(SlotIndex slot) const {
    return fmt::format("{} #{}", ring_name_, to_number(slot));
  }
  /// How many uncompleted buffers of its queue a slot may have at once.
  [[nodiscard]] std::uint32_t buffers_per_slot() const noexcept {
    return options_.make_ahead ? 2 : 1;
  }

  std::unique_ptr<CommandSlot> make_slot(SlotIndex slot, id<NSObject> queue) {
    HandlerContext context{.board = board_, .slot = slot, .label = label_of(slot)};
#ifdef CBR_METAL4_SDK
    if (metal4()) {
      if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
        return std::make_unique<Metal4Slot>(device_->device(), (id<MTL4CommandQueue>)queue,
                                            std::move(context));
      }
    }
#endif
    return std::make_unique<Metal3Slot>((id<MTLCommandQueue>)queue, descriptor_, std::move(context),
                                        maker_);
  }

  void report_misuse(SlotIndex slot, const char* consequence) noexcept {
    try {
      options_.on_misuse(fmt::format(
          "{}: the program committed the command buffer itself, which is its lease's to do; {}",
          label_of(slot), consequence));
    } catch (...) {
      // A report is not worth a lost submission.
      return;
    }
  }

  const std::shared_ptr<DeviceImpl> device_;
  BackendOptions options_;
  MTLCommandBufferDescriptor* descriptor_ = nil;
  std::atomic<bool> attached_ = false;
  std::string ring_name_;
  std::shared_ptr<CompletionBoard> board_;
  /// Null unless buffers are made ahead.
  std::shared_ptr<BufferMaker> maker_;
  /// As many as there can be, so that a slot can be added while others are in use.
  std::vector<std::unique_ptr<CommandSlot>> slots_{max_ring_size};
};

}  // namespace

std::shared_ptr<Backend> make_backend(std::shared_ptr<Device> device, BackendOptions options) {
  if (device == nullptr) throw InvalidUsage("metal::make_backend needs a device");
  // DeviceImpl is the one class that derives from Device.
  return std::make_shared<MetalBackend>(std::static_pointer_cast<DeviceImpl>(std::move(device)),
                                        std::move(options));
}

void* command_buffer(const Lease& lease) {
  if (lease.api() != Api::metal) {
    throw InvalidUsage(
        "metal::command_buffer: the lease belongs to a ring of another API than Metal 3");
  }
  return lease.native_handle();
}

void* command_buffer4(const Lease& lease) {
  if (lease.api() != Api::metal4) {
    throw InvalidUsage(
        "metal::command_buffer4: the lease belongs to a ring of another API than Metal 4");
  }
  return lease.native_handle();
}

}  // namespace cbr::metal
