#include "backends/metal/metal4_slot.h"

#ifdef CBR_METAL4_SDK

#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/failure.h"

namespace cbr::metal {
namespace {

API_AVAILABLE(macos(26.0), ios(26.0))
void report(const HandlerContext& context, RecordingNumber recording,
            id<MTL4CommitFeedback> feedback) {
  Completion completion{.interval = to_interval(feedback.GPUStartTime, feedback.GPUEndTime)};
  if (NSError* const error = feedback.error; error != nil) {
    const Failure failure = read_failure(error, context.label);
    if (failure.fatal) {
      context.board->lose(failure.text);
      return;
    }
    completion.error = to_exception(failure);
  }
  context.board->ended(context.slot, recording, std::move(completion));
}

}  // namespace

Metal4Slot::Metal4Slot(id<MTLDevice> device, id<MTL4CommandQueue> queue, HandlerContext context)
    : device_(device),
      queue_(queue),
      context_(std::make_shared<const HandlerContext>(std::move(context))) {
  const AutoreleasePool pool;
  create();
}

Metal4Slot::~Metal4Slot() {
  const AutoreleasePool pool;
  buffer_ = nil;
  allocator_ = nil;
}

void Metal4Slot::create() {
  allocator_ = [device_ newCommandAllocator];
  if (allocator_ == nil) {
    throw BackendError(
        fmt::format("{}: -[MTLDevice newCommandAllocator] returned nil", context_->label));
  }
  buffer_ = [device_ newCommandBuffer];
  if (buffer_ == nil) {
    throw BackendError(
        fmt::format("{}: -[MTLDevice newCommandBuffer] returned nil", context_->label));
  }
  buffer_.label = [NSString stringWithUTF8String:context_->label.c_str()];
}

void* Metal4Slot::begin(RecordingNumber recording) {
  const AutoreleasePool pool;
  if (buffer_ == nil) create();
  recording_ = recording;
  [allocator_ reset];
  [buffer_ beginCommandBufferWithAllocator:allocator_];
  return (__bridge void*)buffer_;
}

bool Metal4Slot::commit() {
  const AutoreleasePool pool;
  [buffer_ endCommandBuffer];
  const std::shared_ptr<const HandlerContext> context = context_;
  const RecordingNumber recording = recording_;
  // Metal 4 retains nothing: the handler keeps both objects until the GPU is done with them, which
  // matters when the slot goes before, as with a lost device.
  const id<MTL4CommandBuffer> buffer = buffer_;
  const id<MTL4CommandAllocator> allocator = allocator_;
  MTL4CommitOptions* const options = [[MTL4CommitOptions alloc] init];
  [options addFeedbackHandler:^(id<MTL4CommitFeedback> feedback) {
    // Metal's thread may have no pool.
    const AutoreleasePool handler_pool;
    (void)buffer;
    (void)allocator;
    report(*context, recording, feedback);
  }];
  const id<MTL4CommandBuffer> buffers[] = {buffer};
  [queue_ commit:buffers count:1 options:options];
  return true;
}

// Whatever state the program left the recording in, with an open encoder perhaps, it goes whole:
// ending such a buffer would abort the process. The next begin() makes new objects.
bool Metal4Slot::discard() noexcept {
  const AutoreleasePool pool;
  buffer_ = nil;
  allocator_ = nil;
  return true;
}

}  // namespace cbr::metal

#endif
