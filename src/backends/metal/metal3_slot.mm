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
  std::shared_ptr<Work> work;
};

class Metal3Slot final : public CommandSlot {
 public:
  Metal3Slot(id<MTLCommandQueue> queue, std::shared_ptr<Progress> progress, SlotOptions options)
      : queue_(queue), progress_(std::move(progress)), options_(std::move(options)) {
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
    current_ = std::exchange(spare_, {});
    if (current_.buffer == nil) current_ = make();
    return (__bridge void*)current_.buffer;
  }

  void submit() override {
    const AutoreleasePool pool;
    // Before the commit: the handler may run before that returns.
    progress_->submitted(current_.work);
    if (current_.buffer.status < MTLCommandBufferStatusCommitted) {
      [current_.buffer commit];
    } else {
      // A second commit would end the program. The work is under way, and its handler tells of its
      // end, or has done so.
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
  }

  void abandon() noexcept override {
    // One: there is no spare while a recording is under way.
    ++*options_.abandoned_buffers;
    abandoned_ = true;
  }

  [[nodiscard]] Work& submitted_work() const noexcept override { return *submitted_; }

 private:
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
    fresh.work = std::make_shared<Work>(options_.queue);
    // Not the buffer, which owns the handler: that would be a cycle.
    const std::shared_ptr<Work> work = fresh.work;
    const std::shared_ptr<Progress> progress = progress_;
    const std::string name = options_.name;
    [fresh.buffer addCompletedHandler:^(id<MTLCommandBuffer> ended) {
      const AutoreleasePool handler_pool;
      const MTLCommandBufferStatus status = ended.status;
      // Metal may call the handler of a buffer that was dropped without a commit.
      if (status != MTLCommandBufferStatusCompleted && status != MTLCommandBufferStatusError) {
        return;
      }
      Outcome outcome;
      if (status == MTLCommandBufferStatusError) outcome = failure_outcome(name, ended.error);
      outcome.times = run_times(ended.GPUStartTime, ended.GPUEndTime);
      progress->ended(*work, std::move(outcome));
    }];
    return fresh;
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
  std::shared_ptr<Work> submitted_;
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
