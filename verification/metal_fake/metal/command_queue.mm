#include "metal_fake/metal/fake_settings.h"
#import "metal_fake/metal/objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

@implementation FakeCommandQueue {
  id<MTLDevice> device_;
  std::shared_ptr<QueueState> state_;
  std::mutex mutex_;
  std::condition_variable completed_;
  std::size_t maximum_;
  std::size_t uncompleted_;
}

@synthesize label = label_;

- (instancetype)initWithDevice:(id<MTLDevice>)device maximum:(NSUInteger)maximum {
  if ((self = [super init])) {
    device_ = device;
    maximum_ = maximum;
    state_ = std::make_shared<QueueState>();
  }
  return self;
}

- (id<MTLDevice>)device {
  return device_;
}

- (std::shared_ptr<QueueState>)state {
  return state_;
}

// Waits, as Metal does, while the maximum of buffers is uncompleted.
- (void)countBuffer {
  Settings& settings = Settings::get();
  std::unique_lock lock(mutex_);
  if (uncompleted_ >= maximum_) {
    settings.blocked.fetch_add(1);
    settings.waiting.fetch_add(1);
    completed_.wait(lock, [&] { return uncompleted_ < maximum_; });
    settings.waiting.fetch_sub(1);
  }
  ++uncompleted_;
  std::size_t peak = settings.peak_uncompleted.load();
  while (peak < uncompleted_ &&
         !settings.peak_uncompleted.compare_exchange_weak(peak, uncompleted_)) {
  }
}

- (void)bufferCompleted {
  const std::lock_guard lock(mutex_);
  --uncompleted_;
  completed_.notify_all();
}

- (id<MTLCommandBuffer>)bufferRetaining:(BOOL)retained errorOptions:(NSUInteger)errorOptions {
  if (Settings::get().refuses(Creation::command_buffer)) return nil;
  [self countBuffer];
  const auto state = std::make_shared<CommandBufferState>();
  state->queue = self;
  state->retained = retained;
  state->error_options = errorOptions;
  return [[FakeCommandBuffer alloc] initWithState:state ghost:NO];
}

- (id<MTLCommandBuffer>)commandBuffer {
  return [self bufferRetaining:YES errorOptions:MTLCommandBufferErrorOptionNone];
}

- (id<MTLCommandBuffer>)commandBufferWithUnretainedReferences {
  return [self bufferRetaining:NO errorOptions:MTLCommandBufferErrorOptionNone];
}

- (id<MTLCommandBuffer>)commandBufferWithDescriptor:(MTLCommandBufferDescriptor*)descriptor {
  require(descriptor != nil, "-[MTLCommandQueue commandBufferWithDescriptor:]",
          "descriptor must not be nil.");
  return [self bufferRetaining:descriptor.retainedReferences errorOptions:descriptor.errorOptions];
}

@end

@implementation MTLCommandBufferDescriptor

@synthesize retainedReferences = retainedReferences_;
@synthesize errorOptions = errorOptions_;

- (instancetype)init {
  if ((self = [super init])) retainedReferences_ = YES;
  return self;
}

- (id)copyWithZone:(NSZone*)zone {
  (void)zone;
  MTLCommandBufferDescriptor* const copy = [[MTLCommandBufferDescriptor alloc] init];
  copy.retainedReferences = retainedReferences_;
  copy.errorOptions = errorOptions_;
  return copy;
}

@end
