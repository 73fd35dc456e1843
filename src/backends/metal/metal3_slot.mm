#include "backends/metal/metal3_slot.h"

#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/buffer_maker.h"
#include "backends/metal/failure.h"

namespace cbr::metal {
namespace {

/// From the completed handler, which also runs for a buffer that was dropped without a commit.
void report(const HandlerContext& context, RecordingNumber recording, id<MTLCommandBuffer> buffer) {
  const MTLCommandBufferStatus status = buffer.status;
  if (status < MTLCommandBufferStatusCompleted) return;
  Completion completion{.interval = to_interval(buffer.GPUStartTime, buffer.GPUEndTime)};
  if (status == MTLCommandBufferStatusError) {
    const Failure failure = read_failure(buffer.error, context.label);
    if (failure.fatal) {
      context.board->lose(failure.text);
      return;
    }
    completion.error = to_exception(failure);
  }
  context.board->ended(context.slot, recording, std::move(completion));
}

}  // namespace

BufferSource::BufferSource(id<MTLCommandQueue> queue, MTLCommandBufferDescriptor* descriptor,
                           const std::string& label)
    : queue_(queue),
      descriptor_(descriptor),
      label_([NSString stringWithUTF8String:label.c_str()]) {}

BufferSource::~BufferSource() {
  const AutoreleasePool pool;
  ahead_ = nil;
}

id<MTLCommandBuffer> BufferSource::make() const {
  id<MTLCommandBuffer> buffer = [queue_ commandBufferWithDescriptor:descriptor_];
  buffer.label = label_;
  return buffer;
}

id<MTLCommandBuffer> BufferSource::take() {
  {
    const std::lock_guard lock(mutex_);
    if (ahead_ != nil) return std::exchange(ahead_, nil);
  }
  return make();
}

void BufferSource::make_ahead() {
  const AutoreleasePool pool;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || ahead_ != nil) return;
  }
  // Without the lock, since it may block. Only the maker's thread comes here.
  id<MTLCommandBuffer> buffer = make();
  const std::lock_guard lock(mutex_);
  if (!closed_) ahead_ = buffer;
}

void BufferSource::close() {
  const AutoreleasePool pool;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  ahead_ = nil;
}

Metal3Slot::Metal3Slot(id<MTLCommandQueue> queue, MTLCommandBufferDescriptor* descriptor,
                       HandlerContext context, std::shared_ptr<BufferMaker> maker)
    : context_(std::make_shared<const HandlerContext>(std::move(context))),
      source_(std::make_shared<BufferSource>(queue, descriptor, context_->label)),
      maker_(std::move(maker)) {
  if (maker_ != nullptr) maker_->request(source_);
}

Metal3Slot::~Metal3Slot() {
  const AutoreleasePool pool;
  buffer_ = nil;
  source_->close();
}

void* Metal3Slot::begin(RecordingNumber recording) {
  const AutoreleasePool pool;
  buffer_ = source_->take();
  if (buffer_ == nil) {
    throw BackendError(fmt::format(
        "{}: -[MTLCommandQueue commandBufferWithDescriptor:] returned nil", context_->label));
  }
  // Copies, since a block that names a member keeps this slot instead.
  const std::shared_ptr<const HandlerContext> context = context_;
  const std::shared_ptr<BufferSource> source = source_;
  const std::shared_ptr<BufferMaker> maker = maker_;
  // Before the program can commit it, which is the last moment that Metal takes a handler.
  [buffer_ addCompletedHandler:^(id<MTLCommandBuffer> buffer) {
    // Metal's thread may have no pool.
    const AutoreleasePool handler_pool;
    report(*context, recording, buffer);
    if (maker != nullptr) maker->request(source);
  }];
  return (__bridge void*)buffer_;
}

bool Metal3Slot::commit() {
  const AutoreleasePool pool;
  // The queue keeps it until it has completed.
  id<MTLCommandBuffer> buffer = std::exchange(buffer_, nil);
  // A second commit would abort the process.
  if (buffer.status >= MTLCommandBufferStatusCommitted) return false;
  [buffer commit];
  return true;
}

bool Metal3Slot::discard() noexcept {
  const AutoreleasePool pool;
  id<MTLCommandBuffer> buffer = std::exchange(buffer_, nil);
  return buffer.status < MTLCommandBufferStatusCommitted;
}

}  // namespace cbr::metal
