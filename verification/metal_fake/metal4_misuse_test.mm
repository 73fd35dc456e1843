// Each rule of Metal 4 that the fake enforces: breaking it ends the process.
#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"
#include "metal_fake/metal4_test.h"

namespace cbr::metal_fake {
namespace {

class Metal4Misuse : public Metal4Test {};

TEST_F(Metal4Misuse, ResetBeforeCompletion) {
  EXPECT_DEATH(
      @autoreleasepool {
        hold();
        Step step(device());
        step.record(1);
        step.commit(queue4());
        [step.allocator reset];
      },
      "reset before command buffers recorded with this allocator have completed");
}

TEST_F(Metal4Misuse, ResetWhileRecording) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        [step.allocator reset];
      },
      "reset while a command buffer records with this allocator");
}

TEST_F(Metal4Misuse, TwoRecordingsOnOneAllocator) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        Step other(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        [other.commands beginCommandBufferWithAllocator:step.allocator];
      },
      "the command allocator already serves another recording");
}

TEST_F(Metal4Misuse, OneAllocatorAfterTheOtherRecordingIsFine) {
  @autoreleasepool {
    Step step(device());
    Step other(device());
    [step.commands beginCommandBufferWithAllocator:step.allocator];
    [step.commands endCommandBuffer];
    [other.commands beginCommandBufferWithAllocator:step.allocator];
    [other.commands endCommandBuffer];
    @autoreleasepool {
      // A dropped recording gives the allocator back, too.
      id<MTL4CommandBuffer> dropped = [device() newCommandBuffer];
      [dropped beginCommandBufferWithAllocator:step.allocator];
    }
    [step.allocator reset];
  }
}

TEST_F(Metal4Misuse, BeginWhileBegun) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        [step.commands beginCommandBufferWithAllocator:[device() newCommandAllocator]];
      },
      "begin a command buffer that is already recording");
}

TEST_F(Metal4Misuse, EndWithoutBegin) {
  EXPECT_DEATH(
      @autoreleasepool { [[device() newCommandBuffer] endCommandBuffer]; },
      "end a command buffer that is not recording");
}

TEST_F(Metal4Misuse, EndWithAnOpenEncoder) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        id<MTL4ComputeCommandEncoder> encoder = [step.commands computeCommandEncoder];
        [step.commands endCommandBuffer];
        [encoder endEncoding];
      },
      "end command buffer with an encoder that has not ended");
}

TEST_F(Metal4Misuse, EncodeWithoutBegin) {
  EXPECT_DEATH(
      @autoreleasepool { (void)[[device() newCommandBuffer] computeCommandEncoder]; },
      "encoding into a command buffer that is not recording");
}

TEST_F(Metal4Misuse, EncodeAfterEnd) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        step.record(1);
        (void)[step.commands computeCommandEncoder];
      },
      "encoding into a command buffer that is not recording");
}

TEST_F(Metal4Misuse, TwoEncodersAtOnce) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        (void)[step.commands computeCommandEncoder];
        (void)[step.commands computeCommandEncoder];
      },
      "A command encoder is already encoding to this command buffer");
}

TEST_F(Metal4Misuse, EncodingAfterEndEncoding) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        id<MTL4ComputeCommandEncoder> encoder = [step.commands computeCommandEncoder];
        [encoder endEncoding];
        [encoder setComputePipelineState:step.add];
      },
      "encoding after endEncoding");
}

TEST_F(Metal4Misuse, DroppedEncoderThatDidNotEnd) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        @autoreleasepool {
          (void)[step.commands computeCommandEncoder];
        }
      },
      "Command encoder released without endEncoding");
}

TEST_F(Metal4Misuse, CommitWithoutEnd) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.commands beginCommandBufferWithAllocator:step.allocator];
        step.commit(queue4());
      },
      "commit a command buffer that has not ended");
}

TEST_F(Metal4Misuse, SecondCommitOfOneRecording) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        step.record(1);
        step.commit(queue4());
        step.commit(queue4());
      },
      "commit a command buffer that was not recorded since it was last committed");
}

TEST_F(Metal4Misuse, CommitAfterTheAllocatorWasReset) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        step.record(1);
        [step.allocator reset];
        step.commit(queue4());
      },
      "commit a command buffer whose command allocator was reset");
}

TEST_F(Metal4Misuse, AllocatorFreedBeforeCompletion) {
  EXPECT_DEATH(
      @autoreleasepool {
        hold();
        Step step(device());
        @autoreleasepool {
          step.record(1);
        }
        step.commit(queue4());
        step.commands = nil;
        step.allocator = nil;
      },
      "command allocator destroyed before work recorded from it has completed");
}

TEST_F(Metal4Misuse, ResourceFreedBeforeCompletion) {
  EXPECT_DEATH(
      @autoreleasepool {
        hold();
        Step step(device());
        step.record(1);
        step.commit(queue4());
        step.numbers = nil;
      },
      "MTLBuffer dealloc.*still required to be alive by a command buffer");
}

TEST_F(Metal4Misuse, PipelineFreedBeforeCompletion) {
  EXPECT_DEATH(
      @autoreleasepool {
        hold();
        Step step(device());
        step.record(1);
        step.commit(queue4());
        step.add = nil;
      },
      "still required to be alive by a command buffer");
}

TEST_F(Metal4Misuse, MemoryThatIsNotResident) {
  constexpr const char* words = "memory that no committed residency set .* contains";
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.residency removeAllocation:step.numbers];
        [step.residency commit];
        step.record(1);
        step.commit(queue4());
      },
      words);
  // Added, but not committed.
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        id<MTLBuffer> late = numbers_on(device());
        [step.table setAddress:late.gpuAddress atIndex:0];
        [step.residency addAllocation:late];
        step.record(1);
        step.commit(queue4());
      },
      words);
}

TEST_F(Metal4Misuse, AddressInNoBuffer) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.table setAddress:4096 atIndex:0];
        step.record(1);
      },
      "an address of the argument table is in no buffer");
}

TEST_F(Metal4Misuse, IndexPastTheArgumentTable) {
  EXPECT_DEATH(
      @autoreleasepool {
        Step step(device());
        [step.table setAddress:step.numbers.gpuAddress atIndex:2];
      },
      "bindingIndex must be < maxBufferBindCount");
}

TEST_F(Metal4Misuse, CommitOfNothing) {
  EXPECT_DEATH(
      @autoreleasepool {
        const id<MTL4CommandBuffer> buffers[] = {[device() newCommandBuffer]};
        [queue4() commit:buffers count:0];
      },
      "count must be > 0");
}

TEST_F(Metal4Misuse, NoEvent) {
  id<MTLSharedEvent> none = nil;
  EXPECT_DEATH([queue4() signalEvent:none value:1], "event must not be nil");
}

}  // namespace
}  // namespace cbr::metal_fake
