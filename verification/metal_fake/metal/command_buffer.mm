#include "metal_fake/metal/fake_settings.h"
#import "metal_fake/metal/objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

NSErrorDomain const MTLCommandBufferErrorDomain = @"MTLCommandBufferErrorDomain";
NSErrorUserInfoKey const MTLCommandBufferEncoderInfoErrorKey =
    @"MTLCommandBufferEncoderInfoErrorKey";

@interface FakeEncoderInfo : NSObject <MTLCommandBufferEncoderInfo>
- (instancetype)initWithLabel:(const std::string&)label state:(MTLCommandEncoderErrorState)state;
@end

@implementation FakeEncoderInfo

@synthesize label = label_;
@synthesize errorState = errorState_;

- (instancetype)initWithLabel:(const std::string&)label state:(MTLCommandEncoderErrorState)state {
  if ((self = [super init])) {
    label_ = [NSString stringWithUTF8String:label.c_str()];
    errorState_ = state;
  }
  return self;
}

@end

namespace {

NSArray* encoder_infos(const CommandBufferState& state, std::size_t faulted) {
  std::vector<id> infos;
  for (std::size_t i = 0; i < state.encoder_labels.size(); ++i) {
    MTLCommandEncoderErrorState error_state = MTLCommandEncoderErrorStatePending;
    if (i == faulted) error_state = MTLCommandEncoderErrorStateFaulted;
    if (i < faulted) error_state = MTLCommandEncoderErrorStateCompleted;
    infos.push_back([[FakeEncoderInfo alloc] initWithLabel:state.encoder_labels[i]
                                                     state:error_state]);
  }
  return [NSArray arrayWithObjects:infos.data() count:infos.size()];
}

NSError* error_of(const CommandBufferState& state, const Outcome& outcome) {
  NSInteger code = MTLCommandBufferErrorNone;
  std::string description;
  std::size_t faulted = 0;
  if (outcome.device_removed) {
    code = MTLCommandBufferErrorDeviceRemoved;
    description = "the device was removed";
  } else if (outcome.timed_out) {
    code = MTLCommandBufferErrorTimeout;
    description = "Caused GPU Timeout Error";
  } else if (outcome.fault) {
    code = outcome.fault->code;
    description = outcome.fault->description;
    faulted = outcome.fault->encoder;
  } else {
    return nil;
  }
  NSString* const text = [NSString stringWithUTF8String:description.c_str()];
  const bool tells_encoders =
      (state.error_options & MTLCommandBufferErrorOptionEncoderExecutionStatus) != 0;
  NSDictionary* const info = tells_encoders ? @{
    NSLocalizedDescriptionKey : text,
    MTLCommandBufferEncoderInfoErrorKey : encoder_infos(state, faulted)
  }
                                            : @{NSLocalizedDescriptionKey : text};
  return [NSError errorWithDomain:MTLCommandBufferErrorDomain code:code userInfo:info];
}

}  // namespace

@implementation FakeCommandBuffer {
  std::shared_ptr<CommandBufferState> state_;
  BOOL ghost_;
}

- (instancetype)initWithState:(std::shared_ptr<CommandBufferState>)state ghost:(BOOL)ghost {
  if ((self = [super init])) {
    state_ = std::move(state);
    ghost_ = ghost;
  }
  return self;
}

- (void)dealloc {
  if (ghost_ || state_->status >= MTLCommandBufferStatusCommitted) return;
  // Dropped without a commit.
  Gpu::get().abandon(state_->queue.state, state_->submission);
  for (const UseCount& use : state_->submission->uses) use->fetch_sub(1);
  state_->references.clear();
  const auto state = state_;
  const bool fires = Settings::get().dropped_buffers_fire && !state->completed_handlers.empty();
  if (!fires) {
    [state->queue bufferCompleted];
    return;
  }
  Gpu::get().call([state] {
    FakeCommandBuffer* const ghost = [[FakeCommandBuffer alloc] initWithState:state ghost:YES];
    for (const MTLCommandBufferHandler& handler : state->completed_handlers) handler(ghost);
    @autoreleasepool {
      state->completed_handlers.clear();
      [state->queue bufferCompleted];
    }
  });
}

- (void)requireUncommitted:(const char*)method words:(const char*)words {
  require(state_->status < MTLCommandBufferStatusCommitted, method, words);
}

- (id<MTLDevice>)device {
  return state_->queue.device;
}

- (id<MTLCommandQueue>)commandQueue {
  return state_->queue;
}

- (BOOL)retainedReferences {
  return state_->retained;
}

- (NSString*)label {
  const std::lock_guard lock(state_->mutex);
  return state_->label;
}

- (void)setLabel:(NSString*)label {
  NSString* const copy = [label copy];
  const std::lock_guard lock(state_->mutex);
  state_->label = copy;
}

- (MTLCommandBufferStatus)status {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

- (NSError*)error {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

- (CFTimeInterval)GPUStartTime {
  const std::lock_guard lock(state_->mutex);
  return state_->start;
}

- (CFTimeInterval)GPUEndTime {
  const std::lock_guard lock(state_->mutex);
  return state_->end;
}

- (void)addScheduledHandler:(MTLCommandBufferHandler)block {
  const std::lock_guard lock(state_->mutex);
  [self requireUncommitted:"-[MTLCommandBuffer addScheduledHandler:]"
                     words:"Scheduled handler provided after commit call"];
  state_->scheduled_handlers.push_back(block);
}

- (void)addCompletedHandler:(MTLCommandBufferHandler)block {
  const std::lock_guard lock(state_->mutex);
  [self requireUncommitted:"-[MTLCommandBuffer addCompletedHandler:]"
                     words:"Completed handler provided after commit call"];
  state_->completed_handlers.push_back(block);
}

- (void)enqueue {
  {
    const std::lock_guard lock(state_->mutex);
    [self requireUncommitted:"-[MTLCommandBuffer enqueue]"
                       words:"enqueue an already committed command buffer"];
    require(state_->status == MTLCommandBufferStatusNotEnqueued, "-[MTLCommandBuffer enqueue]",
            "enqueue an already enqueued command buffer");
    state_->status = MTLCommandBufferStatusEnqueued;
  }
  Gpu::get().enqueue(state_->queue.state, state_->submission);
}

- (void)commit {
  {
    const std::lock_guard lock(state_->mutex);
    [self requireUncommitted:"-[MTLCommandBuffer commit]"
                       words:"commit an already committed command buffer"];
    require(!state_->encoder_open, "-[MTLCommandBuffer commit]",
            "commit command buffer with uncommitted encoder");
    state_->status = MTLCommandBufferStatusCommitted;
  }
  // The queue keeps a committed buffer until it has completed.
  state_->submission->scheduled = [buffer = self] { [buffer scheduled]; };
  state_->submission->completed = [buffer = self](const Outcome& outcome) {
    [buffer completed:outcome];
  };
  @autoreleasepool {
    Gpu::get().commit(state_->queue.state, state_->submission);
  }
}

// On the driver's thread, which has no pool where handlers run.
- (void)scheduled {
  std::vector<MTLCommandBufferHandler> handlers;
  {
    const std::lock_guard lock(state_->mutex);
    state_->status = MTLCommandBufferStatusScheduled;
    handlers.swap(state_->scheduled_handlers);
  }
  for (const MTLCommandBufferHandler& handler : handlers) handler(self);
}

- (void)completed:(const Outcome&)outcome {
  std::vector<MTLCommandBufferHandler> handlers;
  std::vector<id> references;
  @autoreleasepool {
    const std::lock_guard lock(state_->mutex);
    state_->error = error_of(*state_, outcome);
    state_->start = outcome.start;
    state_->end = outcome.end;
    state_->status =
        state_->error == nil ? MTLCommandBufferStatusCompleted : MTLCommandBufferStatusError;
    handlers.swap(state_->completed_handlers);
    references.swap(state_->references);
  }
  for (const MTLCommandBufferHandler& handler : handlers) handler(self);
  @autoreleasepool {
    handlers.clear();
    references.clear();
    [state_->queue bufferCompleted];
    const std::lock_guard lock(state_->mutex);
    state_->handlers_done = true;
    state_->handlers_ran.notify_all();
  }
}

- (void)waitUntilCompleted {
  std::unique_lock lock(state_->mutex);
  require(state_->status >= MTLCommandBufferStatusCommitted,
          "-[MTLCommandBuffer waitUntilCompleted]",
          "waitUntilCompleted on a command buffer that is not committed");
  require(!Gpu::in_handler(), "-[MTLCommandBuffer waitUntilCompleted]",
          "waitUntilCompleted inside a handler");
  state_->handlers_ran.wait(lock, [&] { return state_->handlers_done; });
}

- (id<MTLComputeCommandEncoder>)computeCommandEncoder {
  std::size_t index = 0;
  {
    const std::lock_guard lock(state_->mutex);
    [self requireUncommitted:"-[MTLCommandBuffer computeCommandEncoder]"
                       words:"encoding into an already committed command buffer"];
    require(!state_->encoder_open, "-[MTLCommandBuffer computeCommandEncoder]",
            "A command encoder is already encoding to this command buffer");
    if (Settings::get().refuses(Creation::encoder)) return nil;
    state_->encoder_open = true;
    index = state_->encoder_labels.size();
    state_->encoder_labels.emplace_back();
  }
  return [[FakeComputeEncoder alloc] initWithBuffer:self index:index];
}

- (void)endEncoder:(std::size_t)encoder label:(NSString*)label {
  const std::lock_guard lock(state_->mutex);
  state_->encoder_open = false;
  if (label != nil) state_->encoder_labels[encoder] = label.UTF8String;
}

- (void)failWith:(const Fault&)fault {
  const std::lock_guard lock(state_->mutex);
  state_->submission->outcome.fault = fault;
}

- (void)append:(Command)command {
  const std::lock_guard lock(state_->mutex);
  state_->submission->commands.push_back(std::move(command));
}

- (void)use:(FakeResource*)resource {
  const std::lock_guard lock(state_->mutex);
  if (state_->retained) {
    state_->references.push_back(resource);
    return;
  }
  resource->use_->fetch_add(1);
  state_->submission->uses.push_back(resource->use_);
}

- (void)appendEvent:(id<MTLEvent>)event
              value:(uint64_t)value
               kind:(Command::Kind)kind
             method:(const char*)method {
  {
    const std::lock_guard lock(state_->mutex);
    [self requireUncommitted:method words:"encoding into an already committed command buffer"];
    require(!state_->encoder_open, method, "a command encoder is encoding to this command buffer");
  }
  require(event != nil, method, "event must not be nil.");
  FakeEvent* const own = (FakeEvent*)event;
  [own requireDevice:state_->queue.device method:method];
  Command command;
  command.kind = kind;
  command.event = own.state;
  command.value = value;
  [self use:own];
  [self append:std::move(command)];
}

- (void)encodeWaitForEvent:(id<MTLEvent>)event value:(uint64_t)value {
  [self appendEvent:event
              value:value
               kind:Command::Kind::wait
             method:"-[MTLCommandBuffer encodeWaitForEvent:value:]"];
}

- (void)encodeSignalEvent:(id<MTLEvent>)event value:(uint64_t)value {
  [self appendEvent:event
              value:value
               kind:Command::Kind::signal
             method:"-[MTLCommandBuffer encodeSignalEvent:value:]"];
}

@end
