// What a test can make go wrong on Metal 3.
#include <mutex>
#include <thread>
#include <vector>

#import <Metal/Metal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"
#include "metal_fake/metal_test.h"

namespace cbr::metal_fake {
namespace {

using ::testing::ElementsAre;

class Metal3Injection : public MetalTest {
 protected:
  /// A committed buffer whose handler notes `mark`.
  id<MTLCommandBuffer> commit_noting(int mark) {
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    [commands addCompletedHandler:^(id<MTLCommandBuffer> /*buffer*/) {
      const std::lock_guard lock(mutex_);
      completed_.push_back(mark);
    }];
    [commands commit];
    return commands;
  }
  std::vector<int> completed() {
    const std::lock_guard lock(mutex_);
    return completed_;
  }

 private:
  std::mutex mutex_;
  std::vector<int> completed_;
};

TEST_F(Metal3Injection, CompletesOutOfOrder) {
  @autoreleasepool {
    hold();
    set_completion_group(2);
    std::vector<id<MTLCommandBuffer>> buffers;
    for (int i = 0; i < 5; ++i) buffers.push_back(commit_noting(i));
    release();
    wait_until_idle();
    EXPECT_THAT(completed(), ElementsAre(1, 0, 3, 2, 4));
    // It started in order all the same.
    EXPECT_LE(buffers[0].GPUStartTime, buffers[1].GPUStartTime);
    EXPECT_GE(buffers[0].GPUEndTime, buffers[1].GPUEndTime);
  }
}

TEST_F(Metal3Injection, AnEventOvertakesWithItsCompletion) {
  @autoreleasepool {
    hold();
    set_completion_group(2);
    id<MTLSharedEvent> event = [device() newSharedEvent];
    std::uint64_t seen = 0;
    // Runs when the first has been executed, but has not completed.
    std::uint64_t seen_between = 99;
    register_kernel(
        "look", [&seen_between, event](const Dispatch&) { seen_between = event.signaledValue; });
    id<MTLCommandBuffer> first = [queue() commandBuffer];
    [first encodeSignalEvent:event value:1];
    [first commit];
    id<MTLCommandBuffer> second = [queue() commandBuffer];
    __block MTLCommandBufferStatus status_of_first = MTLCommandBufferStatusNotEnqueued;
    id<MTLComputeCommandEncoder> encoder = [second computeCommandEncoder];
    [encoder setComputePipelineState:pipeline_on(device(), "look")];
    [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
    [encoder endEncoding];
    [second encodeSignalEvent:event value:2];
    [second addCompletedHandler:^(id<MTLCommandBuffer> /*buffer*/) {
      status_of_first = first.status;
    }];
    [second commit];
    release();
    wait_until_idle();
    seen = event.signaledValue;
    EXPECT_EQ(seen_between, 0U);
    // The value says that the second is done; the first was not.
    EXPECT_EQ(seen, 2U);
    EXPECT_LT(status_of_first, MTLCommandBufferStatusCompleted);
    EXPECT_EQ(first.status, MTLCommandBufferStatusCompleted);
  }
}

TEST_F(Metal3Injection, HeldWorkStartsStepByStep) {
  @autoreleasepool {
    hold();
    id<MTLCommandBuffer> first = commit_noting(1);
    id<MTLCommandBuffer> second = commit_noting(2);
    step();
    [first waitUntilCompleted];
    // Queues take turns, and a signal is not held: after two of them the second would have started.
    id<MTL4CommandQueue> other = [device() newMTL4CommandQueue];
    id<MTLSharedEvent> event = [device() newSharedEvent];
    for (const std::uint64_t value : {1U, 2U}) {
      [other signalEvent:event value:value];
      while (event.signaledValue < value) std::this_thread::yield();
    }
    EXPECT_EQ(second.status, MTLCommandBufferStatusCommitted);
    step();
    [second waitUntilCompleted];
  }
}

TEST_F(Metal3Injection, FailsWithEveryCode) {
  @autoreleasepool {
    for (const std::int64_t code :
         {MTLCommandBufferErrorInternal, MTLCommandBufferErrorTimeout,
          MTLCommandBufferErrorPageFault, MTLCommandBufferErrorAccessRevoked,
          MTLCommandBufferErrorNotPermitted, MTLCommandBufferErrorOutOfMemory,
          MTLCommandBufferErrorInvalidResource, MTLCommandBufferErrorMemoryless,
          MTLCommandBufferErrorDeviceRemoved, MTLCommandBufferErrorStackOverflow}) {
      fail_next({.code = code, .description = "broken on purpose"});
      id<MTLCommandBuffer> failed = commit_noting(1);
      [failed waitUntilCompleted];
      EXPECT_EQ(failed.status, MTLCommandBufferStatusError);
      EXPECT_EQ(failed.error.code, code);
      EXPECT_TRUE([failed.error.domain isEqualToString:MTLCommandBufferErrorDomain]);
      EXPECT_STREQ(failed.error.localizedDescription.UTF8String, "broken on purpose");
      EXPECT_EQ(failed.error.userInfo[MTLCommandBufferEncoderInfoErrorKey], nil);
      id<MTLCommandBuffer> next = commit_noting(2);
      [next waitUntilCompleted];
      EXPECT_EQ(next.status, MTLCommandBufferStatusCompleted);
    }
  }
}

TEST_F(Metal3Injection, FailsTheBufferThatWasMeant) {
  @autoreleasepool {
    fail_next({.code = MTLCommandBufferErrorPageFault}, 2);
    std::vector<MTLCommandBufferStatus> statuses;
    for (int i = 0; i < 4; ++i) {
      id<MTLCommandBuffer> commands = commit_noting(i);
      [commands waitUntilCompleted];
      statuses.push_back(commands.status);
    }
    EXPECT_THAT(statuses,
                ElementsAre(MTLCommandBufferStatusCompleted, MTLCommandBufferStatusCompleted,
                            MTLCommandBufferStatusError, MTLCommandBufferStatusCompleted));
  }
}

TEST_F(Metal3Injection, TellsWhichEncoderFailedIfAsked) {
  @autoreleasepool {
    MTLCommandBufferDescriptor* descriptor = [[MTLCommandBufferDescriptor alloc] init];
    descriptor.errorOptions = MTLCommandBufferErrorOptionEncoderExecutionStatus;
    fail_next({.code = MTLCommandBufferErrorTimeout, .encoder = 1});
    id<MTLBuffer> numbers = numbers_on(device());
    id<MTLCommandBuffer> commands = [queue() commandBufferWithDescriptor:descriptor];
    for (NSString* label in @[ @"first", @"second", @"third" ]) {
      id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
      encoder.label = label;
      [encoder setComputePipelineState:pipeline_on(device(), "add")];
      [encoder setBuffer:numbers offset:0 atIndex:0];
      const std::uint32_t one = 1;
      [encoder setBytes:&one length:sizeof one atIndex:1];
      [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1)
              threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
      [encoder endEncoding];
    }
    [commands commit];
    [commands waitUntilCompleted];
    NSArray<id<MTLCommandBufferEncoderInfo>>* const infos =
        commands.error.userInfo[MTLCommandBufferEncoderInfoErrorKey];
    ASSERT_EQ(infos.count, 3U);
    EXPECT_EQ(infos[0].errorState, MTLCommandEncoderErrorStateCompleted);
    EXPECT_EQ(infos[1].errorState, MTLCommandEncoderErrorStateFaulted);
    EXPECT_EQ(infos[2].errorState, MTLCommandEncoderErrorStatePending);
    EXPECT_STREQ(infos[1].label.UTF8String, "second");
    // Only what comes before the failure ran.
    EXPECT_EQ(first_number(numbers), 1U);
  }
}

TEST_F(Metal3Injection, HangsUntilTheTestEndsIt) {
  @autoreleasepool {
    hang_next();
    id<MTLCommandBuffer> hung = commit_noting(1);
    id<MTLCommandBuffer> behind = commit_noting(2);
    while (hung.status < MTLCommandBufferStatusScheduled) std::this_thread::yield();
    EXPECT_EQ(behind.status, MTLCommandBufferStatusCommitted);
    EXPECT_TRUE(completed().empty());
    end_hang();
    [behind waitUntilCompleted];
    EXPECT_EQ(hung.error.code, MTLCommandBufferErrorTimeout);
    EXPECT_EQ(behind.status, MTLCommandBufferStatusCompleted);
  }
}

TEST_F(Metal3Injection, ARemovedDeviceFailsEverything) {
  @autoreleasepool {
    hold();
    id<MTLCommandBuffer> before = commit_noting(1);
    remove_device();
    [before waitUntilCompleted];
    EXPECT_EQ(before.error.code, MTLCommandBufferErrorDeviceRemoved);
    id<MTLCommandBuffer> after = commit_noting(2);
    [after waitUntilCompleted];
    EXPECT_EQ(after.error.code, MTLCommandBufferErrorDeviceRemoved);
  }
}

TEST_F(Metal3Injection, ARemovedDeviceEndsAHang) {
  @autoreleasepool {
    hang_next();
    id<MTLCommandBuffer> hung = commit_noting(1);
    while (hung.status < MTLCommandBufferStatusScheduled) std::this_thread::yield();
    remove_device();
    [hung waitUntilCompleted];
    EXPECT_EQ(hung.error.code, MTLCommandBufferErrorDeviceRemoved);
  }
}

TEST_F(Metal3Injection, TakesItsTime) {
  using std::chrono::microseconds;
  @autoreleasepool {
    set_time_per_dispatch(microseconds(300));
    set_time_per_buffer(microseconds(500));
    id<MTLBuffer> numbers = numbers_on(device());
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    encode_add(commands, numbers, 1);
    encode_add(commands, numbers, 1);
    [commands commit];
    [commands waitUntilCompleted];
    EXPECT_GE(commands.GPUEndTime - commands.GPUStartTime, 1.1e-3 - 1e-9);
  }
}

TEST_F(Metal3Injection, TellsAnyTimesOnce) {
  @autoreleasepool {
    tell_times(3.5, -1);
    id<MTLCommandBuffer> lying = commit_noting(1);
    [lying waitUntilCompleted];
    EXPECT_EQ(lying.GPUStartTime, 3.5);
    EXPECT_EQ(lying.GPUEndTime, -1);
    id<MTLCommandBuffer> next = commit_noting(2);
    [next waitUntilCompleted];
    EXPECT_GE(next.GPUEndTime, next.GPUStartTime);
  }
}

TEST_F(Metal3Injection, ReturnsNil) {
  @autoreleasepool {
    return_nil(Creation::device);
    EXPECT_EQ(MTLCreateSystemDefaultDevice(), nil);
    EXPECT_EQ(MTLCreateSystemDefaultDevice(), device());
    return_nil(Creation::device);
    EXPECT_EQ(MTLCopyAllDevices().count, 0U);
    EXPECT_EQ(MTLCopyAllDevices()[0], device());
    return_nil(Creation::queue, 2, 1);
    EXPECT_NE([device() newCommandQueue], nil);
    EXPECT_EQ([device() newCommandQueue], nil);
    EXPECT_EQ([device() newCommandQueueWithMaxCommandBufferCount:4], nil);
    EXPECT_NE([device() newCommandQueue], nil);
    return_nil(Creation::command_buffer);
    EXPECT_EQ([queue() commandBuffer], nil);
    return_nil(Creation::encoder);
    EXPECT_EQ([[queue() commandBuffer] computeCommandEncoder], nil);
    return_nil(Creation::event);
    EXPECT_EQ([device() newSharedEvent], nil);
    return_nil(Creation::buffer);
    EXPECT_EQ(numbers_on(device()), nil);
    NSError* error = nil;
    return_nil(Creation::library);
    EXPECT_EQ([device() newLibraryWithSource:@"add" options:nil error:&error], nil);
    EXPECT_NE(error, nil);
    error = nil;
    id<MTLFunction> add = [[device() newLibraryWithSource:@"add" options:nil
                                                    error:&error] newFunctionWithName:@"add"];
    return_nil(Creation::pipeline);
    EXPECT_EQ([device() newComputePipelineStateWithFunction:add error:&error], nil);
    EXPECT_NE(error, nil);
  }
}

TEST_F(Metal3Injection, ASignalIsLost) {
  @autoreleasepool {
    id<MTLSharedEvent> event = [device() newSharedEvent];
    lose_next_signal();
    for (std::uint64_t value : {1, 2}) {
      EXPECT_EQ(event.signaledValue, 0U);
      id<MTLCommandBuffer> commands = [queue() commandBuffer];
      [commands encodeSignalEvent:event value:value];
      [commands commit];
      [commands waitUntilCompleted];
    }
    EXPECT_EQ(event.signaledValue, 2U);
  }
}

TEST_F(Metal3Injection, ASignalIsLate) {
  @autoreleasepool {
    id<MTLSharedEvent> event = [device() newSharedEvent];
    hold_signals();
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    [commands encodeSignalEvent:event value:3];
    [commands commit];
    [commands waitUntilCompleted];
    EXPECT_EQ(event.signaledValue, 0U);
    release_signals();
    EXPECT_EQ(event.signaledValue, 3U);
  }
}

TEST_F(Metal3Injection, AnEventOfOneDeviceIsSignalledAndHoldsWorkUp) {
  @autoreleasepool {
    id<MTLEvent> event = [device() newEvent];
    EXPECT_EQ(event.device, device());
    id<MTLSharedEvent> shared = [device() newSharedEvent];
    EXPECT_EQ(shared.device, nil);
    id<MTLCommandBuffer> waiting = [[device() newCommandQueue] commandBuffer];
    [waiting encodeWaitForEvent:event value:1];
    [waiting encodeSignalEvent:shared value:1];
    [waiting commit];
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    [commands commit];
    [commands waitUntilCompleted];
    EXPECT_EQ(shared.signaledValue, 0U);
    commands = [queue() commandBuffer];
    [commands encodeSignalEvent:event value:1];
    [commands commit];
    [waiting waitUntilCompleted];
    EXPECT_EQ(shared.signaledValue, 1U);
  }
}

}  // namespace
}  // namespace cbr::metal_fake
