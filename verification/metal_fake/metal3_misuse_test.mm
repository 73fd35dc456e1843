// Each rule of Metal 3 that the fake enforces: breaking it ends the process, in Metal's words where
// they are known.
#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"
#include "metal_fake/metal_test.h"

namespace cbr::metal_fake {
namespace {

class Metal3Misuse : public MetalTest {
 protected:
  id<MTLCommandBuffer> committed() {
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    [commands commit];
    return commands;
  }
};

TEST_F(Metal3Misuse, SecondCommit) {
  EXPECT_DEATH(
      @autoreleasepool { [committed() commit]; }, "commit an already committed command buffer");
}

TEST_F(Metal3Misuse, CommitWithAnOpenEncoder) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLCommandBuffer> commands = [queue() commandBuffer];
        id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
        [commands commit];
        [encoder endEncoding];
      },
      "commit command buffer with uncommitted encoder");
}

TEST_F(Metal3Misuse, CompletedHandlerAfterCommit) {
  EXPECT_DEATH(
      @autoreleasepool {
        [committed() addCompletedHandler:^(id<MTLCommandBuffer> /*buffer*/){
        }];
      },
      "Completed handler provided after commit call");
}

TEST_F(Metal3Misuse, ScheduledHandlerAfterCommit) {
  EXPECT_DEATH(
      @autoreleasepool {
        [committed() addScheduledHandler:^(id<MTLCommandBuffer> /*buffer*/){
        }];
      },
      "Scheduled handler provided after commit call");
}

TEST_F(Metal3Misuse, EncoderAfterCommit) {
  EXPECT_DEATH(
      @autoreleasepool { (void)[committed() computeCommandEncoder]; },
      "encoding into an already committed command buffer");
}

TEST_F(Metal3Misuse, EventAfterCommit) {
  EXPECT_DEATH(
      @autoreleasepool { [committed() encodeSignalEvent:[device() newSharedEvent] value:1]; },
      "encodeSignalEvent.*encoding into an already committed command buffer");
}

TEST_F(Metal3Misuse, EnqueueAfterCommit) {
  EXPECT_DEATH(
      @autoreleasepool { [committed() enqueue]; }, "enqueue an already committed command buffer");
}

TEST_F(Metal3Misuse, TwoEncodersAtOnce) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLCommandBuffer> commands = [queue() commandBuffer];
        (void)[commands computeCommandEncoder];
        (void)[commands computeCommandEncoder];
      },
      "A command encoder is already encoding to this command buffer");
}

TEST_F(Metal3Misuse, EventBesideAnOpenEncoder) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLCommandBuffer> commands = [queue() commandBuffer];
        (void)[commands computeCommandEncoder];
        [commands encodeSignalEvent:[device() newSharedEvent] value:1];
      },
      "a command encoder is encoding to this command buffer");
}

TEST_F(Metal3Misuse, EncodingAfterEndEncoding) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLComputeCommandEncoder> encoder = [[queue() commandBuffer] computeCommandEncoder];
        [encoder endEncoding];
        [encoder setComputePipelineState:pipeline_on(device(), "add")];
      },
      "encoding after endEncoding");
}

TEST_F(Metal3Misuse, DroppedEncoderThatDidNotEnd) {
  EXPECT_DEATH(
      @autoreleasepool { (void)[[queue() commandBuffer] computeCommandEncoder]; },
      "Command encoder released without endEncoding");
}

TEST_F(Metal3Misuse, DispatchWithoutPipeline) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLComputeCommandEncoder> encoder = [[queue() commandBuffer] computeCommandEncoder];
        [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1)
                threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
      },
      "a compute pipeline state must be set");
}

TEST_F(Metal3Misuse, DispatchOfTooManyThreads) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLComputeCommandEncoder> encoder = [[queue() commandBuffer] computeCommandEncoder];
        [encoder setComputePipelineState:pipeline_on(device(), "add")];
        [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1)
                threadsPerThreadgroup:MTLSizeMake(1025, 1, 1)];
      },
      "maxTotalThreadsPerThreadgroup");
}

TEST_F(Metal3Misuse, OffsetPastTheBuffer) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLComputeCommandEncoder> encoder = [[queue() commandBuffer] computeCommandEncoder];
        [encoder setBuffer:numbers_on(device()) offset:256 atIndex:0];
      },
      "offset must be < \\[buffer length\\]");
}

TEST_F(Metal3Misuse, TooManyBytes) {
  EXPECT_DEATH(
      @autoreleasepool {
        const std::vector<char> bytes(4097);
        id<MTLComputeCommandEncoder> encoder = [[queue() commandBuffer] computeCommandEncoder];
        [encoder setBytes:bytes.data() length:bytes.size() atIndex:0];
      },
      "length must be > 0 and <= 4096");
}

TEST_F(Metal3Misuse, WaitBeforeCommit) {
  EXPECT_DEATH(
      @autoreleasepool { [[queue() commandBuffer] waitUntilCompleted]; },
      "waitUntilCompleted on a command buffer that is not committed");
}

TEST_F(Metal3Misuse, WaitInsideAHandler) {
  EXPECT_DEATH(
      @autoreleasepool {
        id<MTLCommandBuffer> other = committed();
        id<MTLCommandBuffer> commands = [queue() commandBuffer];
        [commands addCompletedHandler:^(id<MTLCommandBuffer> /*buffer*/) {
          [other waitUntilCompleted];
        }];
        [commands commit];
        [commands waitUntilCompleted];
      },
      "waitUntilCompleted inside a handler");
}

TEST_F(Metal3Misuse, ResourceFreedWhileAnUnretainedBufferUsesIt) {
  EXPECT_DEATH(
      @autoreleasepool {
        hold();
        id<MTLCommandBuffer> commands = [queue() commandBufferWithUnretainedReferences];
        id<MTLBuffer> numbers = numbers_on(device());
        id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
        [encoder setBuffer:numbers offset:0 atIndex:0];
        [encoder endEncoding];
        [commands commit];
        numbers = nil;
      },
      "MTLBuffer dealloc.*still required to be alive by a command buffer");
}

TEST_F(Metal3Misuse, PipelineFreedWhileAnUnretainedBufferUsesIt) {
  EXPECT_DEATH(
      @autoreleasepool {
        hold();
        id<MTLCommandBuffer> commands = [queue() commandBufferWithUnretainedReferences];
        id<MTLComputePipelineState> pipeline = pipeline_on(device(), "add");
        id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
        [encoder setComputePipelineState:pipeline];
        [encoder endEncoding];
        [commands commit];
        pipeline = nil;
      },
      "still required to be alive by a command buffer");
}

TEST_F(Metal3Misuse, FreeingAResourceAfterCompletionIsFine) {
  @autoreleasepool {
    id<MTLCommandBuffer> commands = [queue() commandBufferWithUnretainedReferences];
    @autoreleasepool {
      id<MTLBuffer> numbers = numbers_on(device());
      id<MTLComputePipelineState> pipeline = pipeline_on(device(), "add");
      id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
      [encoder setComputePipelineState:pipeline];
      [encoder setBuffer:numbers offset:0 atIndex:0];
      [encoder setBuffer:numbers offset:0 atIndex:1];
      [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1)
              threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
      [encoder endEncoding];
      [commands commit];
      [commands waitUntilCompleted];
    }
    EXPECT_EQ(live_objects("FakeBuffer"), 0);
    EXPECT_EQ(live_objects("FakePipeline"), 0);
    EXPECT_EQ(commands.status, MTLCommandBufferStatusCompleted);
  }
}

TEST_F(Metal3Misuse, FreeingAResourceAfterTheBufferWasDroppedIsFine) {
  @autoreleasepool {
    id<MTLBuffer> numbers = [device() newBufferWithLength:256 options:MTLResourceStorageModeShared];
    @autoreleasepool {
      id<MTLCommandBuffer> commands = [queue() commandBufferWithUnretainedReferences];
      id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
      [encoder setBuffer:numbers offset:0 atIndex:0];
      [encoder endEncoding];
    }
    numbers = nil;
    EXPECT_EQ(live_objects("FakeBuffer"), 0);
  }
}

TEST_F(Metal3Misuse, AQueueForNoBuffers) {
  EXPECT_DEATH((void)[device() newCommandQueueWithMaxCommandBufferCount:0],
               "maxCommandBufferCount must be > 0");
}

TEST_F(Metal3Misuse, Metal4OnAnOlderSystem) {
  set_macos_version(15);
  EXPECT_DEATH((void)[device() newMTL4CommandQueue], "unrecognized selector");
  EXPECT_DEATH((void)[device() newCommandAllocator], "unrecognized selector");
  EXPECT_DEATH((void)[device() newCommandBuffer], "unrecognized selector");
}

TEST_F(Metal3Misuse, NoEvent) {
  id<MTLSharedEvent> none = nil;
  EXPECT_DEATH(
      @autoreleasepool { [[queue() commandBuffer] encodeWaitForEvent:none value:1]; },
      "event must not be nil");
}

TEST_F(Metal3Misuse, EventOfAnotherDevice) {
  EXPECT_DEATH(
      @autoreleasepool {
        // The system's device is one object as long as somebody has it: this makes another.
        id<MTLDevice> other = [[(Class)[(NSObject*)device() class] alloc] init];
        id<MTLEvent> event = [other newEvent];
        [[queue() commandBuffer] encodeSignalEvent:event value:1];
      },
      "the event belongs to another device");
}

}  // namespace
}  // namespace cbr::metal_fake
