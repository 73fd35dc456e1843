// Metal 4's queue: commits, their feedback, and events.
#include <algorithm>

#include "metal_fake/metal/fake_settings.h"
#import "metal_fake/metal/metal4_objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

NSErrorDomain const MTL4CommandQueueErrorDomain = @"MTL4CommandQueueErrorDomain";

@interface MTL4CommitOptions ()
- (std::vector<MTL4CommitFeedbackHandler>)handlers;
@end

@implementation MTL4CommitOptions {
  std::vector<MTL4CommitFeedbackHandler> handlers_;
}

- (void)addFeedbackHandler:(MTL4CommitFeedbackHandler)block {
  handlers_.push_back(block);
}

- (std::vector<MTL4CommitFeedbackHandler>)handlers {
  return handlers_;
}

@end

@interface Fake4CommitFeedback : NSObject <MTL4CommitFeedback>
- (instancetype)initWithOutcome:(const Outcome&)outcome;
@end

@implementation Fake4CommitFeedback

@synthesize error = error_;
@synthesize GPUStartTime = start_;
@synthesize GPUEndTime = end_;

- (instancetype)initWithOutcome:(const Outcome&)outcome {
  if (!(self = [super init])) return nil;
  start_ = outcome.start;
  end_ = outcome.end;
  NSInteger code = MTL4CommandQueueErrorNone;
  std::string description;
  if (outcome.device_removed) {
    code = MTL4CommandQueueErrorDeviceRemoved;
    description = "the device was removed";
  } else if (outcome.timed_out) {
    code = MTL4CommandQueueErrorTimeout;
    description = "Caused GPU Timeout Error";
  } else if (outcome.fault) {
    code = outcome.fault->code;
    description = outcome.fault->description;
  } else {
    return self;
  }
  error_ = [NSError
      errorWithDomain:MTL4CommandQueueErrorDomain
                 code:code
             userInfo:@{
               NSLocalizedDescriptionKey : [NSString stringWithUTF8String:description.c_str()]
             }];
  return self;
}

@end

@implementation Fake4CommandQueue {
  id<MTLDevice> device_;
  std::shared_ptr<QueueState> state_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<ResidentMemory>> residency_;
}

- (instancetype)initWithDevice:(id<MTLDevice>)device {
  if ((self = [super init])) {
    device_ = device;
    state_ = std::make_shared<QueueState>();
  }
  return self;
}

- (id<MTLDevice>)device {
  return device_;
}

- (NSString*)label {
  return nil;
}

- (void)addResidencySet:(id<MTLResidencySet>)residencySet {
  const std::lock_guard lock(mutex_);
  residency_.push_back(((FakeResidencySet*)residencySet).memory);
}

// On a Mac the GPU faults; here the process ends where the cause is.
- (void)requireResident:(const Recording&)recording {
  std::vector<std::shared_ptr<ResidentMemory>> sets = recording.residency;
  {
    const std::lock_guard lock(mutex_);
    sets.insert(sets.end(), residency_.begin(), residency_.end());
  }
  for (const UseCount& memory : recording.addressed) {
    const bool resident = std::any_of(sets.begin(), sets.end(), [&](const auto& set) {
      const std::lock_guard lock(set->mutex);
      return set->committed.count(memory) != 0;
    });
    require(resident, "-[MTL4CommandQueue commit:count:]",
            "a dispatch uses memory that no committed residency set of the queue or the command "
            "buffer contains");
  }
}

- (void)commit:(const id<MTL4CommandBuffer>[])commandBuffers count:(NSUInteger)count {
  [self commit:commandBuffers count:count handlers:{}];
}

- (void)commit:(const id<MTL4CommandBuffer>[])commandBuffers
         count:(NSUInteger)count
       options:(MTL4CommitOptions*)options {
  [self commit:commandBuffers count:count handlers:[options handlers]];
}

- (void)commit:(const id<MTL4CommandBuffer>[])commandBuffers
         count:(NSUInteger)count
      handlers:(std::vector<MTL4CommitFeedbackHandler>)handlers {
  require(count > 0, "-[MTL4CommandQueue commit:count:]", "count must be > 0");
  const auto submission = std::make_shared<Submission>();
  std::size_t encoders = 0;
  for (NSUInteger i = 0; i < count; ++i) {
    Recording recording = [(Fake4CommandBuffer*)commandBuffers[i] takeRecording];
    [self requireResident:recording];
    for (Command& command : recording.commands) {
      command.encoder += encoders;
      submission->commands.push_back(std::move(command));
    }
    for (UseCount& use : recording.uses) submission->uses.push_back(std::move(use));
    if (recording.fault) submission->outcome.fault = recording.fault;
    encoders += recording.encoders;
  }
  // On the driver's thread, which has no pool where handlers run.
  submission->completed = [handlers = std::move(handlers)](const Outcome& outcome) {
    Fake4CommitFeedback* feedback = nil;
    @autoreleasepool {
      feedback = [[Fake4CommitFeedback alloc] initWithOutcome:outcome];
    }
    for (const MTL4CommitFeedbackHandler& handler : handlers) handler(feedback);
  };
  Gpu::get().commit(state_, submission);
}

- (void)addEvent:(id<MTLEvent>)event
           value:(uint64_t)value
            kind:(Command::Kind)kind
          method:(const char*)method {
  require(event != nil, method, "event must not be nil.");
  FakeEvent* const own = (FakeEvent*)event;
  [own requireDevice:device_ method:method];
  const auto submission = std::make_shared<Submission>();
  submission->queue_operation = true;
  Command command;
  command.kind = kind;
  command.event = own.state;
  command.value = value;
  submission->commands.push_back(std::move(command));
  own->use_->fetch_add(1);
  submission->uses.push_back(own->use_);
  Gpu::get().commit(state_, submission);
}

- (void)signalEvent:(id<MTLEvent>)event value:(uint64_t)value {
  [self addEvent:event
           value:value
            kind:Command::Kind::signal
          method:"-[MTL4CommandQueue signalEvent:value:]"];
}

- (void)waitForEvent:(id<MTLEvent>)event value:(uint64_t)value {
  [self addEvent:event
           value:value
            kind:Command::Kind::wait
          method:"-[MTL4CommandQueue waitForEvent:value:]"];
}

@end
