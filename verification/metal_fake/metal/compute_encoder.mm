#import "metal_fake/metal/objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

namespace {

constexpr NSUInteger binding_count = 31;
constexpr NSUInteger most_bytes = 4096;

}  // namespace

@implementation FakeComputeEncoder {
  FakeCommandBuffer* buffer_;
  std::size_t index_;
  BOOL ended_;
  Kernel kernel_;
  std::vector<Binding> bindings_;
}

@synthesize label = label_;

- (instancetype)initWithBuffer:(FakeCommandBuffer*)buffer index:(std::size_t)index {
  if ((self = [super init])) {
    buffer_ = buffer;
    index_ = index;
    bindings_.resize(binding_count);
  }
  return self;
}

- (void)dealloc {
  require(ended_, "-[MTLCommandEncoder dealloc]", "Command encoder released without endEncoding");
}

- (id<MTLDevice>)device {
  return buffer_.device;
}

- (void)requireOpen:(const char*)method {
  require(buffer_.status < MTLCommandBufferStatusCommitted, method,
          "encoding into an already committed command buffer");
  require(!ended_, method, "encoding after endEncoding");
}

- (void)setComputePipelineState:(id<MTLComputePipelineState>)state {
  constexpr const char* method = "-[MTLComputeCommandEncoder setComputePipelineState:]";
  [self requireOpen:method];
  require(state != nil, method, "computePipelineState must not be nil.");
  FakePipeline* const pipeline = (FakePipeline*)state;
  kernel_ = pipeline.kernel;
  [buffer_ use:pipeline];
}

- (void)setBytes:(const void*)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
  constexpr const char* method = "-[MTLComputeCommandEncoder setBytes:length:atIndex:]";
  [self requireOpen:method];
  require(index < binding_count, method, "index must be < 31");
  require(length > 0 && length <= most_bytes, method, "length must be > 0 and <= 4096");
  const auto* const first = static_cast<const std::byte*>(bytes);
  Binding& binding = bindings_[index];
  binding.copy = std::make_shared<std::vector<std::byte>>(first, first + length);
  binding.bytes = *binding.copy;
}

- (void)setBuffer:(id<MTLBuffer>)buffer offset:(NSUInteger)offset atIndex:(NSUInteger)index {
  constexpr const char* method = "-[MTLComputeCommandEncoder setBuffer:offset:atIndex:]";
  [self requireOpen:method];
  require(index < binding_count, method, "index must be < 31");
  if (buffer == nil) {
    bindings_[index] = {};
    return;
  }
  FakeBuffer* const bound = (FakeBuffer*)buffer;
  require(offset < bound.length, method, "offset must be < [buffer length]");
  bindings_[index] = {bound.bytes.subspan(offset), nullptr};
  [buffer_ use:bound];
}

- (void)dispatchThreadgroups:(MTLSize)threadgroupsPerGrid
       threadsPerThreadgroup:(MTLSize)threadsPerThreadgroup {
  constexpr const char* method =
      "-[MTLComputeCommandEncoder dispatchThreadgroups:threadsPerThreadgroup:]";
  [self requireOpen:method];
  require_dispatch(static_cast<bool>(kernel_), threadgroupsPerGrid, threadsPerThreadgroup, method);
  [buffer_ append:dispatch_command(kernel_, bindings_, threadgroupsPerGrid, threadsPerThreadgroup,
                                   index_)];
}

- (void)endEncoding {
  [self requireOpen:"-[MTLCommandEncoder endEncoding]"];
  ended_ = YES;
  [buffer_ endEncoder:index_ label:label_];
}

@end
