#include "backends/metal/metal4_sdk.h"

#if CBR_METAL4_SDK

#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/failure.h"
#include "backends/metal/metal_command_slot.h"

namespace cbr::metal {
namespace {

class API_AVAILABLE(macos(26.0), ios(26.0)) Metal4Slot final : public CommandSlot {
 public:
  Metal4Slot(id<MTLDevice> device, id<MTL4CommandQueue> queue, std::shared_ptr<Progress> progress,
             const SlotOptions& options)
      : CommandSlot(options.timeline),
        device_(device),
        queue_(queue),
        progress_(std::move(progress)),
        name_(options.name),
        index_(options.index),
        queue_index_(options.queue) {
    create();
  }

  Metal4Slot(const Metal4Slot&) = delete;
  Metal4Slot& operator=(const Metal4Slot&) = delete;

  ~Metal4Slot() override {
    // An abandoned slot ends on a thread that may have none.
    const AutoreleasePool pool;
    if (!signalled_.empty()) keep_signalled();
    drop_events();
    buffer_ = nil;
    allocator_ = nil;
    queue_ = nil;
    device_ = nil;
  }

  void* begin() override {
    const AutoreleasePool pool;
    drop_events();
    if (buffer_ == nil) create();
    // The memory of the recording before, which has completed or was never committed.
    [allocator_ reset];
    [buffer_ beginCommandBufferWithAllocator:allocator_];
    return (__bridge void*)buffer_;
  }

  void submit(Serial serial, std::span<const TimelinePoint> waits) override {
    const AutoreleasePool pool;
    [buffer_ endCommandBuffer];
    const auto work = std::make_shared<EventWork>(queue_index_);
    const EventPoints awaited = take_waits(waits);
    EventPoints kept = awaited;
    kept.insert(kept.end(), signalled_.begin(), signalled_.end());
    EventPoints signals = take_signals(index_, serial);
    work->keep(std::move(kept));
    work->set_signals(signals, false);
    const std::shared_ptr<Progress> progress = progress_;
    const std::string name = name_;
    // Nothing of Metal 4 retains what it uses, and after a loss the slot may go before its work.
    const id<MTL4CommandAllocator> allocator = allocator_;
    const id<MTL4CommandBuffer> buffer = buffer_;
    MTL4CommitOptions* const options = [[MTL4CommitOptions alloc] init];
    [options addFeedbackHandler:^(id<MTL4CommitFeedback> feedback) {
      const AutoreleasePool handler_pool;
      (void)allocator;
      (void)buffer;
      Outcome outcome;
      NSError* const error = feedback.error;
      if (error != nil) outcome = failure_outcome(name, error);
      outcome.times = run_times(feedback.GPUStartTime, feedback.GPUEndTime);
      work->part_ended(*progress, std::move(outcome));
    }];
    // Before the commit: the handler may run before that returns.
    progress->submitted(work);
    note_submission(index_, serial);
    for (const EventPoint& point : awaited) {
      [queue_ waitForEvent:point.event value:point.value];
    }
    const id<MTL4CommandBuffer> buffers[] = {buffer_};
    [queue_ commit:buffers count:1 options:options];
    for (const EventPoint& point : signals) {
      [queue_ signalEvent:point.event value:point.value];
    }
    signalled_ = std::move(signals);
    submitted_ = work;
  }

  // The recording goes whole: the program may have left an encoder open, when its encoding threw,
  // and to end such a buffer would end the program. The next begin() makes new ones.
  void discard() noexcept override {
    const AutoreleasePool pool;
    drop_events();
    buffer_ = nil;
    allocator_ = nil;
  }

  void abandon() noexcept override {}

  [[nodiscard]] Work& submitted_work() const noexcept override { return *submitted_; }
  [[nodiscard]] id<MTLDevice> device() const noexcept override { return device_; }

 private:
  /// Nobody says that a queue retains what it is to signal, and it signals after the handler has
  /// run of what it signals for. So the events are kept until an empty commit behind it has ended;
  /// while the slot lives, its next submission is that.
  void keep_signalled() noexcept {
    const id<MTL4CommandAllocator> allocator = [device_ newCommandAllocator];
    const id<MTL4CommandBuffer> buffer = [device_ newCommandBuffer];
    if (allocator == nil || buffer == nil) return;
    [buffer beginCommandBufferWithAllocator:allocator];
    [buffer endCommandBuffer];
    const auto kept = std::make_shared<EventPoints>(std::move(signalled_));
    MTL4CommitOptions* const options = [[MTL4CommitOptions alloc] init];
    [options addFeedbackHandler:^(id<MTL4CommitFeedback>) {
      const AutoreleasePool handler_pool;
      (void)allocator;
      (void)buffer;
      kept->clear();
    }];
    const id<MTL4CommandBuffer> last[] = {buffer};
    [queue_ commit:last count:1 options:options];
  }

  void create() {
    allocator_ = [device_ newCommandAllocator];
    if (allocator_ == nil) throw nil_result("newCommandAllocator");
    buffer_ = [device_ newCommandBuffer];
    if (buffer_ == nil) throw nil_result("newCommandBuffer");
    buffer_.label = [NSString stringWithUTF8String:name_.c_str()];
  }

  [[nodiscard]] BackendError nil_result(const char* method) const {
    return BackendError(fmt::format("{}: -[MTLDevice {}] returned nil", name_, method));
  }

  id<MTLDevice> device_;
  id<MTL4CommandQueue> queue_;
  const std::shared_ptr<Progress> progress_;
  const std::string name_;
  const SlotIndex index_;
  const QueueIndex queue_index_;
  id<MTL4CommandAllocator> allocator_ = nil;
  id<MTL4CommandBuffer> buffer_ = nil;
  std::shared_ptr<EventWork> submitted_;
  /// What the last submission signals.
  EventPoints signalled_;
};

}  // namespace

std::unique_ptr<CommandSlot> make_metal4_slot(id<MTLDevice> device, id<MTL4CommandQueue> queue,
                                              std::shared_ptr<Progress> progress,
                                              const SlotOptions& options) {
  return std::make_unique<Metal4Slot>(device, queue, std::move(progress), options);
}

}  // namespace cbr::metal

#endif
