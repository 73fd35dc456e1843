// What Metal 3 promises, kept by the fake.
#include <atomic>
#include <thread>

#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"
#include "metal_fake/metal_test.h"

namespace cbr::metal_fake {
namespace {

class Metal3 : public MetalTest {};

TEST_F(Metal3, RunsADispatchOnABuffer) {
  @autoreleasepool {
    id<MTLBuffer> numbers = numbers_on(device());
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    encode_add(commands, numbers, 5);
    [commands commit];
    [commands waitUntilCompleted];
    EXPECT_EQ(commands.status, MTLCommandBufferStatusCompleted);
    EXPECT_EQ(commands.error, nil);
    EXPECT_GT(commands.GPUStartTime, 0.0);
    EXPECT_GE(commands.GPUEndTime, commands.GPUStartTime);
    EXPECT_EQ(first_number(numbers), 5U);
  }
}

TEST_F(Metal3, ExecutesInCommitOrder) {
  @autoreleasepool {
    std::vector<std::uint32_t> order;
    register_kernel("note", [&order](const Dispatch& dispatch) {
      order.push_back(dispatch.buffer<std::uint32_t>(0)[0]);
    });
    id<MTLComputePipelineState> note = pipeline_on(device(), "note");
    hold();
    id<MTLCommandBuffer> last = nil;
    for (std::uint32_t i = 0; i < 10; ++i) {
      last = [queue() commandBuffer];
      id<MTLComputeCommandEncoder> encoder = [last computeCommandEncoder];
      [encoder setComputePipelineState:note];
      [encoder setBytes:&i length:sizeof i atIndex:0];
      [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1)
              threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
      [encoder endEncoding];
      [last commit];
    }
    release();
    [last waitUntilCompleted];
    EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  }
}

}  // namespace
}  // namespace cbr::metal_fake
