// Metal 4's allocator and command buffer: recording.
#include "metal_fake/metal/fake_settings.h"
#import "metal_fake/metal/metal4_objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

@implementation Fake4CommandAllocator {
  id<MTLDevice> device_;
  std::atomic<bool> recording_;
  std::atomic<std::size_t> resets_;
  UseCount uncompleted_;
}

- (instancetype)initWithDevice:(id<MTLDevice>)device {
  if ((self = [super init])) {
    device_ = device;
    uncompleted_ = std::make_shared<std::atomic<std::int64_t>>(0);
  }
  return self;
}

- (void)dealloc {
  require(uncompleted_->load() == 0, "-[MTL4CommandAllocator dealloc]",
          "command allocator destroyed before work recorded from it has completed");
}

- (id<MTLDevice>)device {
  return device_;
}

- (NSString*)label {
  return nil;
}

- (UseCount)uncompleted {
  return uncompleted_;
}

- (std::size_t)resets {
  return resets_;
}

- (void)reset {
  constexpr const char* method = "-[MTL4CommandAllocator reset]";
  require(!recording_, method, "reset while a command buffer records with this allocator");
  require(uncompleted_->load() == 0, method,
          "reset before command buffers recorded with this allocator have completed");
  ++resets_;
}

- (void)beginRecording {
  require(!recording_.exchange(true), "-[MTL4CommandBuffer beginCommandBufferWithAllocator:]",
          "the command allocator already serves another recording");
}

- (void)endRecording {
  recording_ = false;
}

@end

@implementation Fake4CommandBuffer {
  id<MTLDevice> device_;
  enum class State : std::uint8_t { initial, recording, ended } phase_;
  Fake4CommandAllocator* allocator_;
  std::size_t resets_seen_;
  BOOL encoder_open_;
  Recording recorded_;
}

@synthesize label = label_;

- (instancetype)initWithDevice:(id<MTLDevice>)device {
  if ((self = [super init])) device_ = device;
  return self;
}

- (void)dealloc {
  if (phase_ == State::recording) [allocator_ endRecording];
  [self dropRecording];
}

- (id<MTLDevice>)device {
  return device_;
}

- (BOOL)recording {
  return phase_ == State::recording;
}

- (void)dropRecording {
  for (const UseCount& use : recorded_.uses) use->fetch_sub(1);
  recorded_ = {};
}

- (void)beginCommandBufferWithAllocator:(id<MTL4CommandAllocator>)allocator {
  constexpr const char* method = "-[MTL4CommandBuffer beginCommandBufferWithAllocator:]";
  require(phase_ != State::recording, method, "begin a command buffer that is already recording");
  require(allocator != nil, method, "allocator must not be nil");
  Fake4CommandAllocator* const begun = (Fake4CommandAllocator*)allocator;
  [begun beginRecording];
  // What was recorded and not committed is forgotten.
  [self dropRecording];
  allocator_ = begun;
  resets_seen_ = begun.resets;
  phase_ = State::recording;
}

- (void)endCommandBuffer {
  constexpr const char* method = "-[MTL4CommandBuffer endCommandBuffer]";
  require(phase_ == State::recording, method, "end a command buffer that is not recording");
  require(!encoder_open_, method, "end command buffer with an encoder that has not ended");
  [allocator_ endRecording];
  phase_ = State::ended;
}

- (id<MTL4ComputeCommandEncoder>)computeCommandEncoder {
  constexpr const char* method = "-[MTL4CommandBuffer computeCommandEncoder]";
  require(phase_ == State::recording, method,
          "encoding into a command buffer that is not recording");
  require(!encoder_open_, method, "A command encoder is already encoding to this command buffer");
  if (Settings::get().refuses(Creation::encoder)) return nil;
  encoder_open_ = YES;
  return [[Fake4ComputeEncoder alloc] initWithBuffer:self index:recorded_.encoders++];
}

- (void)endEncoder {
  encoder_open_ = NO;
}

- (void)failWith:(const Fault&)fault {
  recorded_.fault = fault;
}

- (void)append:(Command)command {
  recorded_.commands.push_back(std::move(command));
}

- (void)use:(UseCount)use {
  use->fetch_add(1);
  recorded_.uses.push_back(std::move(use));
}

- (void)address:(UseCount)memory {
  recorded_.addressed.push_back(memory);
  [self use:std::move(memory)];
}

- (void)useResidencySet:(id<MTLResidencySet>)residencySet {
  require(phase_ == State::recording, "-[MTL4CommandBuffer useResidencySet:]",
          "use a residency set in a command buffer that is not recording");
  recorded_.residency.push_back(((FakeResidencySet*)residencySet).memory);
}

- (Recording)takeRecording {
  constexpr const char* method = "-[MTL4CommandQueue commit:count:]";
  require(phase_ != State::recording, method, "commit a command buffer that has not ended");
  require(phase_ == State::ended, method,
          "commit a command buffer that was not recorded since it was last committed");
  require(resets_seen_ == allocator_.resets, method,
          "commit a command buffer whose command allocator was reset");
  phase_ = State::initial;
  [self use:allocator_.uncompleted];
  Recording taken = std::move(recorded_);
  recorded_ = {};
  return taken;
}

@end
