#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/failure.h"
#include "backends/metal/metal_command_slot.h"

namespace cbr::metal {
namespace {

/// A command buffer that was not committed yet. Its handler is there already: Metal takes none
/// after the commit, and the program may commit behind the ring's back.
struct Fresh {
  id<MTLCommandBuffer> buffer = nil;
  std::shared_ptr<EventWork> work;
};

class Metal3Slot final : public CommandSlot {
 public:
  Metal3Slot(id<MTLCommandQueue> queue, std::shared_ptr<Progress> progress, SlotOptions options)
      : CommandSlot(std::move(options.timeline)),
        queue_(queue),
        progress_(std::move(progress)),
        options_(std::move(options)) {
    label_ = [NSString stringWithUTF8String:options_.name.c_str()];
    descriptor_ = [[MTLCommandBufferDescriptor alloc] init];
    descriptor_.retainedReferences = options_.retained_references ? YES : NO;
    descriptor_.errorOptions = options_.encoder_errors
                                   ? MTLCommandBufferErrorOptionEncoderExecutionStatus
                                   : MTLCommandBufferErrorOptionNone;
  }

  Metal3Slot(const Metal3Slot&) = delete;
  Metal3Slot& operator=(const Metal3Slot&) = delete;

  ~Metal3Slot() override {
    // An abandoned slot ends on a thread that may have none.
    const AutoreleasePool pool;
    current_ = {};
    spare_ = {};
    descriptor_ = nil;
    label_ = nil;
    drop_events();
    queue_ = nil;
    if (abandoned_) --*options_.abandoned_buffers;
  }

  void* begin() override {
    const AutoreleasePool pool;
    options_.commit_warning->tell();
    if (std::exchange(committed_and_dropped_, false)) {
      throw InvalidUsage(
          fmt::format("{}: the program committed the command buffer of this slot's last lease, and "
                      "dropped the lease: its work ran untracked; call Lease::submit() instead",
                      options_.name));
    }
    drop_events();
    current_ = std::exchange(spare_, {});
    if (current_.buffer == nil) current_ = make();
    return (__bridge void*)current_.buffer;
  }

  void submit(Serial serial, std::span<const TimelinePoint> waits) override {
    const AutoreleasePool pool;
    if (current_.buffer.status < MTLCommandBufferStatusCommitted) {
      commit(serial, waits);
    } else {
      // A second commit would end the program. The work is under way, and its handler tells of its
      // end, or has done so.
      EventPoints signals = take_signals(options_.index, serial);
      progress_->submitted(current_.work);
      note_submission(options_.index, serial);
      current_.work->set_signals(std::move(signals), true);
      options_.commit_warning->note(options_.index);
    }
    submitted_ = std::move(current_.work);
    // Metal keeps what is committed. Whoever holds it longer may hold a place of the queue's.
    current_.buffer = nil;
    if (options_.make_ahead) make_spare();
  }

  void discard() noexcept override {
    const AutoreleasePool pool;
    committed_and_dropped_ = current_.buffer.status >= MTLCommandBufferStatusCommitted;
    current_ = {};
    drop_events();
  }

  void abandon() noexcept override {
    // One: there is no spare while a recording is under way.
    ++*options_.abandoned_buffers;
    abandoned_ = true;
  }

  [[nodiscard]] Work& submitted_work() const noexcept override { return *submitted_; }
  [[nodiscard]] id<MTLDevice> device() const noexcept override { return queue_.device; }
  void let_wait() override { options_.room->let_wait(); }

 private:
  void commit(Serial serial, std::span<const TimelinePoint> waits) {
    id<MTLCommandBuffer> waiting = nil;
    EventPoints signals;
    try {
      const EventPoints awaited = take_waits(waits);
      if (!awaited.empty()) waiting = make_waiting(awaited);
      signals = take_signals(options_.index, serial);
    } catch (...) {
      current_ = {};
      throw;
    }
    for (const EventPoint& point : signals) {
      [current_.buffer encodeSignalEvent:point.event value:point.value];
    }
    current_.work->set_signals(std::move(signals), false);
    if (waiting != nil) current_.work->add_part();
    // Before the commit: the handler may run before that returns.
    progress_->submitted(current_.work);
    note_submission(options_.index, serial);
    [waiting commit];
    [current_.buffer commit];
  }

  /// A wait holds up what comes behind it on the queue. In the slot's own buffer it would have to
  /// stand before the program's commands, which are there already.
  id<MTLCommandBuffer> make_waiting(const EventPoints& awaited) {
    // It keeps the events. There is a place for it: see QueueRoom.
    const id<MTLCommandBuffer> buffer = [queue_ commandBuffer];
    if (buffer == nil) {
      throw BackendError(
          fmt::format("{}: -[MTLCommandQueue commandBuffer] returned nil", options_.name));
    }
    buffer.label = label_;
    for (const EventPoint& point : awaited) {
      [buffer encodeWaitForEvent:point.event value:point.value];
    }
    add_handler(buffer, current_.work, options_.name + ": its wait for events", false);
    return buffer;
  }

  Fresh make() {
    Fresh fresh;
    // Waits without a limit if as many as the queue's maximum are uncompleted; attaching has made
    // sure that the ring's own are fewer.
    fresh.buffer = [queue_ commandBufferWithDescriptor:descriptor_];
    if (fresh.buffer == nil) {
      throw BackendError(fmt::format(
          "{}: -[MTLCommandQueue commandBufferWithDescriptor:] returned nil", options_.name));
    }
    fresh.buffer.label = label_;
    fresh.work = std::make_shared<EventWork>(options_.queue);
    add_handler(fresh.buffer, fresh.work, options_.name, true);
    return fresh;
  }

  /// Tells the work how one of its buffers has ended. Times are those of the slot's own.
  void add_handler(id<MTLCommandBuffer> buffer, const std::shared_ptr<EventWork>& its_work,
                   const std::string& its_name, bool own) {
    // Not the buffer, which owns the handler: that would be a cycle.
    const std::shared_ptr<EventWork> work = its_work;
    const std::shared_ptr<Progress> progress = progress_;
    const std::string name = its_name;
    [buffer addCompletedHandler:^(id<MTLCommandBuffer> ended) {
      const AutoreleasePool handler_pool;
      const MTLCommandBufferStatus status = ended.status;
      // Metal may call the handler of a buffer that was dropped without a commit.
      if (status != MTLCommandBufferStatusCompleted && status != MTLCommandBufferStatusError) {
        return;
      }
      Outcome outcome;
      if (status == MTLCommandBufferStatusError) outcome = failure_outcome(name, ended.error);
      if (own) outcome.times = run_times(ended.GPUStartTime, ended.GPUEndTime);
      work->part_ended(*progress, std::move(outcome));
    }];
  }

  /// While the GPU works. Not in the handler, when the slot completes: a queue that is full would
  /// hold up Metal's thread, and with it the completions that the thread waits for.
  void make_spare() noexcept {
    try {
      spare_ = make();
    } catch (...) {
      // The next begin() tries again, and can say so.
      spare_ = {};
    }
  }

  id<MTLCommandQueue> queue_;
  const std::shared_ptr<Progress> progress_;
  const SlotOptions options_;
  NSString* label_ = nil;
  MTLCommandBufferDescriptor* descriptor_ = nil;
  /// The lease's.
  Fresh current_;
  std::shared_ptr<EventWork> submitted_;
  bool committed_and_dropped_ = false;
  bool abandoned_ = false;
  /// Made ahead, for the next lease.
  Fresh spare_;
};

}  // namespace

std::unique_ptr<CommandSlot> make_metal3_slot(id<MTLCommandQueue> queue,
                                              std::shared_ptr<Progress> progress,
                                              SlotOptions options) {
  return std::make_unique<Metal3Slot>(queue, std::move(progress), std::move(options));
}

}  // namespace cbr::metal
