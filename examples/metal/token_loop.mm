// The usual loop on Metal: acquire with a timeout, encode, submit, and no wait. The GPU adds up
// while the CPU encodes the next steps.
//
// Build it with the library (docs/guide/metal.md), or by hand:
//   c++ -std=c++20 -fobjc-arc token_loop.mm -lcbr_metal -lcbr \
//     -framework Metal -framework Foundation -framework CoreGraphics
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>

#import <Metal/Metal.h>

#include <cbr/metal.h>
#include <cbr/ring.h>

namespace {

constexpr int num_tokens = 100;
constexpr std::chrono::seconds timeout(5);
constexpr NSUInteger count = 256;

NSString* const source = @"#include <metal_stdlib>\n"
                          "kernel void accumulate(device const uint* input [[buffer(0)]],\n"
                          "                       device uint* output [[buffer(1)]],\n"
                          "                       uint i [[thread_position_in_grid]]) {\n"
                          "  output[i] += input[i];\n"
                          "}\n";

int run() {
  // Metal's own objects: as MLX, say, has them already.
  id<MTLDevice> device = MTLCreateSystemDefaultDevice();
  id<MTLCommandQueue> queue = [device newCommandQueue];
  NSError* error = nil;
  id<MTLLibrary> library = [device newLibraryWithSource:source options:nil error:&error];
  id<MTLFunction> function = [library newFunctionWithName:@"accumulate"];
  if (function == nil) {
    std::fprintf(stderr, "no Metal device, or the kernel does not compile\n");
    return 1;
  }
  id<MTLComputePipelineState> pipeline = [device newComputePipelineStateWithFunction:function
                                                                               error:&error];
  const NSUInteger bytes = count * sizeof(std::uint32_t);
  id<MTLBuffer> input_buffer = [device newBufferWithLength:bytes
                                                   options:MTLResourceStorageModeShared];
  id<MTLBuffer> output_buffer = [device newBufferWithLength:bytes
                                                    options:MTLResourceStorageModeShared];
  auto* const input = static_cast<std::uint32_t*>(input_buffer.contents);
  auto* const output = static_cast<std::uint32_t*>(output_buffer.contents);
  for (NSUInteger i = 0; i < count; ++i) {
    input[i] = static_cast<std::uint32_t>(i);
    output[i] = 0;
  }
  const MTLSize threadgroups = MTLSizeMake(4, 1, 1);
  const MTLSize threads = MTLSizeMake(count / 4, 1, 1);

  cbr::CommandBufferRing ring(
      cbr::metal::make_backend(cbr::metal::Device::wrap({.queue = (__bridge void*)queue})),
      {.ring_size = 3, .timeout = timeout});

  // Typical inference loop
  for (int i = 0; i < num_tokens; i++) {
    @autoreleasepool {
      // 1. Acquire the next slot of the ring, and its buffer
      cbr::Lease lease = ring.acquire();
      id<MTLCommandBuffer> cmd_buffer =
          (__bridge id<MTLCommandBuffer>)cbr::metal::command_buffer(lease);

      // 2. Encode commands
      id<MTLComputeCommandEncoder> encoder = [cmd_buffer computeCommandEncoder];
      [encoder setComputePipelineState:pipeline];
      [encoder setBuffer:input_buffer offset:0 atIndex:0];
      [encoder setBuffer:output_buffer offset:0 atIndex:1];
      [encoder dispatchThreadgroups:threadgroups threadsPerThreadgroup:threads];
      [encoder endEncoding];

      // 3. Commit (non-blocking, returns immediately)
      std::move(lease).submit();
    }
  }
  // 4. Wait once, for the results
  ring.drain();

  for (NSUInteger i = 0; i < count; ++i) {
    if (output[i] == num_tokens * i) continue;
    std::fprintf(stderr, "output[%lu] is %u, not %lu\n", static_cast<unsigned long>(i), output[i],
                 static_cast<unsigned long>(num_tokens * i));
    return 1;
  }
  const auto statistics = ring.statistics();
  std::printf("%llu tokens through %u slots, %llu waits for a slot; the results are right\n",
              static_cast<unsigned long long>(statistics.completions), ring.ring_size(),
              static_cast<unsigned long long>(statistics.wait_events));
  return 0;
}

}  // namespace

int main() {
  @autoreleasepool {
    try {
      return run();
    } catch (const std::exception& failure) {
      // A timeout among them: cbr::AcquireTimeout is a std::runtime_error.
      std::fprintf(stderr, "%s\n", failure.what());
      return 1;
    }
  }
}
