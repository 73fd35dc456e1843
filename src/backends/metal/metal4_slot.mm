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
      : device_(device),
        queue_(queue),
        progress_(std::move(progress)),
        name_(options.name),
        index_(options.queue) {
    create();
  }

  Metal4Slot(const Metal4Slot&) = delete;
  Metal4Slot& operator=(const Metal4Slot&) = delete;

  ~Metal4Slot() override {
    // An abandoned slot ends on a thread that may have none.
    const AutoreleasePool pool;
    buffer_ = nil;
    allocator_ = nil;
    queue_ = nil;
    device_ = nil;
  }

  void* begin() override {
    const AutoreleasePool pool;
    if (buffer_ == nil) create();
    // The memory of the recording before, which has completed or was never committed.
    [allocator_ reset];
    [buffer_ beginCommandBufferWithAllocator:allocator_];
    return (__bridge void*)buffer_;
  }

  void submit() override {
    const AutoreleasePool pool;
    [buffer_ endCommandBuffer];
    const auto work = std::make_shared<Work>(index_);
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
      progress->ended(*work, std::move(outcome));
    }];
    // Before the commit: the handler may run before that returns.
    progress->submitted(work);
    const id<MTL4CommandBuffer> buffers[] = {buffer_};
    [queue_ commit:buffers count:1 options:options];
    submitted_ = work;
  }

  // The recording goes whole: the program may have left an encoder open, when its encoding threw,
  // and to end such a buffer would end the program. The next begin() makes new ones.
  void discard() noexcept override {
    const AutoreleasePool pool;
    buffer_ = nil;
    allocator_ = nil;
  }

  void abandon() noexcept override {}

  [[nodiscard]] Work& submitted_work() const noexcept override { return *submitted_; }

 private:
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
  const QueueIndex index_;
  id<MTL4CommandAllocator> allocator_ = nil;
  id<MTL4CommandBuffer> buffer_ = nil;
  std::shared_ptr<Work> submitted_;
};

}  // namespace

std::unique_ptr<CommandSlot> make_metal4_slot(id<MTLDevice> device, id<MTL4CommandQueue> queue,
                                              std::shared_ptr<Progress> progress,
                                              const SlotOptions& options) {
  return std::make_unique<Metal4Slot>(device, queue, std::move(progress), options);
}

}  // namespace cbr::metal

#endif
