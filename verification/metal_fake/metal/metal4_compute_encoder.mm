#import "metal_fake/metal/metal4_objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

@implementation Fake4ArgumentTable {
  std::vector<MTLGPUAddress> addresses_;
}

- (instancetype)initWithCount:(NSUInteger)count {
  if ((self = [super init])) addresses_.resize(count);
  return self;
}

- (std::vector<MTLGPUAddress>)addresses {
  return addresses_;
}

- (void)setAddress:(MTLGPUAddress)gpuAddress atIndex:(NSUInteger)bindingIndex {
  require(bindingIndex < addresses_.size(), "-[MTL4ArgumentTable setAddress:atIndex:]",
          "bindingIndex must be < maxBufferBindCount");
  addresses_[bindingIndex] = gpuAddress;
}

@end

@implementation MTL4ArgumentTableDescriptor

@synthesize maxBufferBindCount = maxBufferBindCount_;

- (id)copyWithZone:(NSZone*)zone {
  (void)zone;
  MTL4ArgumentTableDescriptor* const copy = [[MTL4ArgumentTableDescriptor alloc] init];
  copy.maxBufferBindCount = maxBufferBindCount_;
  return copy;
}

@end

@implementation Fake4ComputeEncoder {
  Fake4CommandBuffer* buffer_;
  std::size_t index_;
  BOOL ended_;
  Kernel kernel_;
  Fake4ArgumentTable* table_;
}

@synthesize label = label_;

- (instancetype)initWithBuffer:(Fake4CommandBuffer*)buffer index:(std::size_t)index {
  if ((self = [super init])) {
    buffer_ = buffer;
    index_ = index;
  }
  return self;
}

- (void)dealloc {
  require(ended_, "-[MTL4CommandEncoder dealloc]", "Command encoder released without endEncoding");
}

- (void)requireOpen:(const char*)method {
  require(!ended_, method, "encoding after endEncoding");
}

- (void)setComputePipelineState:(id<MTLComputePipelineState>)state {
  constexpr const char* method = "-[MTL4ComputeCommandEncoder setComputePipelineState:]";
  [self requireOpen:method];
  require(state != nil, method, "computePipelineState must not be nil.");
  FakePipeline* const pipeline = (FakePipeline*)state;
  kernel_ = pipeline.kernel;
  [buffer_ use:pipeline->use_];
}

- (void)setArgumentTable:(id<MTL4ArgumentTable>)argumentTable {
  [self requireOpen:"-[MTL4ComputeCommandEncoder setArgumentTable:]"];
  table_ = (Fake4ArgumentTable*)argumentTable;
}

- (void)dispatchThreadgroups:(MTLSize)threadgroupsPerGrid
       threadsPerThreadgroup:(MTLSize)threadsPerThreadgroup {
  constexpr const char* method =
      "-[MTL4ComputeCommandEncoder dispatchThreadgroups:threadsPerThreadgroup:]";
  [self requireOpen:method];
  require_dispatch(static_cast<bool>(kernel_), threadgroupsPerGrid, threadsPerThreadgroup, method);
  // A dispatch takes the table as it is now; later changes are for later dispatches.
  std::vector<Binding> bindings;
  if (table_ != nil) {
    for (const MTLGPUAddress address : table_.addresses) {
      Binding& binding = bindings.emplace_back();
      if (address == 0) continue;
      const std::optional<AddressedMemory> memory = find_memory(address);
      require(memory.has_value(), method, "an address of the argument table is in no buffer");
      binding.bytes = memory->bytes;
      [buffer_ address:memory->use];
    }
  }
  [buffer_ append:dispatch_command(kernel_, std::move(bindings), threadgroupsPerGrid,
                                   threadsPerThreadgroup, index_)];
}

// The GPU here runs everything in order, with or without barriers.
- (void)barrierAfterQueueStages:(MTLStages)afterQueueStages
                   beforeStages:(MTLStages)beforeStages
              visibilityOptions:(MTL4VisibilityOptions)visibilityOptions {
  (void)afterQueueStages, (void)beforeStages, (void)visibilityOptions;
  [self
      requireOpen:"-[MTL4CommandEncoder barrierAfterQueueStages:beforeStages:visibilityOptions:]"];
}

- (void)barrierAfterEncoderStages:(MTLStages)afterEncoderStages
              beforeEncoderStages:(MTLStages)beforeEncoderStages
                visibilityOptions:(MTL4VisibilityOptions)visibilityOptions {
  (void)afterEncoderStages, (void)beforeEncoderStages, (void)visibilityOptions;
  [self
      requireOpen:
          "-[MTL4CommandEncoder barrierAfterEncoderStages:beforeEncoderStages:visibilityOptions:]"];
}

- (void)endEncoding {
  [self requireOpen:"-[MTL4CommandEncoder endEncoding]"];
  ended_ = YES;
  [buffer_ endEncoder];
}

@end
