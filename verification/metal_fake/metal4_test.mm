// What Metal 4 promises, kept by the fake.
#include "metal_fake/metal4_test.h"

#include <mutex>
#include <thread>
#include <vector>

#import <Metal/Metal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"

namespace cbr::metal_fake {
namespace {

using ::testing::ElementsAre;

class Metal4 : public Metal4Test {};

TEST_F(Metal4, RunsADispatchOnTheAddressesOfATable) {
  @autoreleasepool {
    Step step(device());
    step.record(3);
    const Feedback feedback = step.commit_and_wait(queue4());
    EXPECT_EQ(step.number(), 3U);
    EXPECT_FALSE(feedback.failed);
    EXPECT_GT(feedback.start, 0.0);
    EXPECT_GE(feedback.end, feedback.start);
  }
}

TEST_F(Metal4, ABufferAndItsAllocatorAreUsedAgain) {
  @autoreleasepool {
    Step step(device());
    for (int i = 0; i < 50; ++i) {
      @autoreleasepool {
        [step.allocator reset];
        step.record(1);
        (void)step.commit_and_wait(queue4());
      }
    }
    EXPECT_EQ(step.number(), 50U);
    EXPECT_EQ(completed_buffers(), 50U);
  }
}

TEST_F(Metal4, ABufferMayBeginAgainOnceItIsCommitted) {
  @autoreleasepool {
    Step step(device());
    id<MTL4CommandAllocator> other = [device() newCommandAllocator];
    hold();
    step.record(1);
    step.commit(queue4());
    [step.commands beginCommandBufferWithAllocator:other];
    [step.commands endCommandBuffer];
    step.commit(queue4());
    release();
    wait_until_idle();
    EXPECT_EQ(step.number(), 1U);
    EXPECT_EQ(completed_buffers(), 2U);
  }
}

TEST_F(Metal4, WhatIsNotCommittedIsForgotten) {
  @autoreleasepool {
    Step step(device());
    step.record(100);
    [step.allocator reset];
    step.record(1);
    (void)step.commit_and_wait(queue4());
    EXPECT_EQ(step.number(), 1U);
  }
}

TEST_F(Metal4, ADispatchTakesTheTableAsItIs) {
  @autoreleasepool {
    Step step(device());
    id<MTLBuffer> elsewhere = numbers_on(device());
    step.record(1);
    [step.table setAddress:elsewhere.gpuAddress atIndex:0];
    (void)step.commit_and_wait(queue4());
    EXPECT_EQ(step.number(), 1U);
    EXPECT_EQ(first_number(elsewhere), 0U);
  }
}

TEST_F(Metal4, AResidencySetOfTheQueueServesAllItsBuffers) {
  @autoreleasepool {
    Step step(device());
    id<MTLResidencySet> residency = step.residency;
    MTLResidencySetDescriptor* none = [[MTLResidencySetDescriptor alloc] init];
    NSError* error = nil;
    step.residency = [device() newResidencySetWithDescriptor:none error:&error];
    [queue4() addResidencySet:residency];
    step.record(1);
    (void)step.commit_and_wait(queue4());
    EXPECT_EQ(step.number(), 1U);
  }
}

TEST_F(Metal4, OneCommitRunsItsBuffersInOrder) {
  @autoreleasepool {
    Step first(device());
    Step second(device());
    first.record(1);
    second.record(2);
    const id<MTL4CommandBuffer> both[] = {first.commands, second.commands};
    [queue4() commit:both count:2];
    wait_until_idle();
    EXPECT_EQ(first.number(), 1U);
    EXPECT_EQ(second.number(), 2U);
    EXPECT_EQ(completed_buffers(), 1U);
  }
}

TEST_F(Metal4, AFaultCountsTheEncodersOfAllBuffersOfACommit) {
  @autoreleasepool {
    Step first(device());
    Step second(device());
    first.record(1);
    second.record(2);
    fail_next({.code = MTL4CommandQueueErrorTimeout, .encoder = 1});
    const id<MTL4CommandBuffer> both[] = {first.commands, second.commands};
    [queue4() commit:both count:2];
    wait_until_idle();
    EXPECT_EQ(first.number(), 1U);
    EXPECT_EQ(second.number(), 0U);
  }
}

TEST_F(Metal4, AnAddressMayBeInsideABuffer) {
  @autoreleasepool {
    Step step(device());
    [step.table setAddress:step.numbers.gpuAddress + 4 atIndex:0];
    step.record(1);
    (void)step.commit_and_wait(queue4());
    EXPECT_EQ(step.number(), 0U);
    EXPECT_EQ(static_cast<const std::uint32_t*>(step.numbers.contents)[1], 1U);
  }
}

TEST_F(Metal4, EveryFeedbackHandlerRunsOnTheDriversThread) {
  @autoreleasepool {
    __block int calls = 0;
    __block std::thread::id thread;
    Step step(device());
    step.record(1);
    MTL4CommitOptions* options = [[MTL4CommitOptions alloc] init];
    for (int i = 0; i < 2; ++i) {
      [options addFeedbackHandler:^(id<MTL4CommitFeedback> /*feedback*/) {
        ++calls;
        thread = std::this_thread::get_id();
      }];
    }
    const id<MTL4CommandBuffer> buffers[] = {step.commands};
    [queue4() commit:buffers count:1 options:options];
    wait_until_idle();
    EXPECT_EQ(calls, 2);
    EXPECT_NE(thread, std::this_thread::get_id());
  }
}

TEST_F(Metal4, AQueuesEventFollowsAllEarlierWork) {
  @autoreleasepool {
    Step step(device());
    id<MTLSharedEvent> event = [device() newSharedEvent];
    set_completion_group(4);
    hold();
    step.record(1);
    step.commit(queue4());
    [queue4() signalEvent:event value:5];
    EXPECT_EQ(event.signaledValue, 0U);
    release();
    while (event.signaledValue < 5) std::this_thread::yield();
    EXPECT_EQ(step.number(), 1U);
    // What the value promises: the step's objects are free.
    [step.allocator reset];
  }
}

TEST_F(Metal4, AQueueWaitsForAnEvent) {
  @autoreleasepool {
    Step step(device());
    Step other(device());
    id<MTL4CommandQueue> other_queue = [device() newMTL4CommandQueue];
    id<MTLSharedEvent> event = [device() newSharedEvent];
    [queue4() waitForEvent:event value:1];
    step.record(1);
    step.commit(queue4());
    other.record(1);
    (void)other.commit_and_wait(other_queue);
    EXPECT_EQ(step.number(), 0U);
    [other_queue signalEvent:event value:1];
    wait_until_idle();
    EXPECT_EQ(step.number(), 1U);
  }
}

TEST_F(Metal4, FailsWithEveryCode) {
  @autoreleasepool {
    Step step(device());
    for (const std::int64_t code :
         {MTL4CommandQueueErrorTimeout, MTL4CommandQueueErrorNotPermitted,
          MTL4CommandQueueErrorOutOfMemory, MTL4CommandQueueErrorDeviceRemoved,
          MTL4CommandQueueErrorAccessRevoked, MTL4CommandQueueErrorInternal}) {
      fail_next({.code = code, .description = "broken on purpose"});
      [step.allocator reset];
      step.record(1);
      const Feedback feedback = step.commit_and_wait(queue4());
      EXPECT_TRUE(feedback.failed);
      EXPECT_EQ(feedback.code, code);
      EXPECT_EQ(feedback.domain, "MTL4CommandQueueErrorDomain");
      EXPECT_EQ(feedback.description, "broken on purpose");
    }
    EXPECT_EQ(step.number(), 0U);
  }
}

TEST_F(Metal4, HangsAndLosesItsDevice) {
  @autoreleasepool {
    Step step(device());
    hang_next();
    step.record(1);
    __block NSInteger code = 0;
    MTL4CommitOptions* options = [[MTL4CommitOptions alloc] init];
    [options addFeedbackHandler:^(id<MTL4CommitFeedback> feedback) {
      @autoreleasepool {
        code = feedback.error.code;
      }
    }];
    const id<MTL4CommandBuffer> buffers[] = {step.commands};
    [queue4() commit:buffers count:1 options:options];
    while (hung_buffers() == 0) std::this_thread::yield();
    end_hang();
    wait_until_idle();
    EXPECT_EQ(code, MTL4CommandQueueErrorTimeout);
    remove_device();
    [step.allocator reset];
    step.record(1);
    EXPECT_EQ(step.commit_and_wait(queue4()).code, MTL4CommandQueueErrorDeviceRemoved);
  }
}

TEST_F(Metal4, TellsAnyTimesOnce) {
  @autoreleasepool {
    Step step(device());
    tell_times(3.5, -1);
    step.record(1);
    const Feedback lying = step.commit_and_wait(queue4());
    EXPECT_EQ(lying.start, 3.5);
    EXPECT_EQ(lying.end, -1);
    [step.allocator reset];
    step.record(1);
    const Feedback next = step.commit_and_wait(queue4());
    EXPECT_GE(next.end, next.start);
  }
}

TEST_F(Metal4, ReturnsNil) {
  @autoreleasepool {
    return_nil(Creation::queue);
    EXPECT_EQ([device() newMTL4CommandQueue], nil);
    return_nil(Creation::allocator);
    EXPECT_EQ([device() newCommandAllocator], nil);
    return_nil(Creation::command_buffer);
    EXPECT_EQ([device() newCommandBuffer], nil);
    NSError* error = nil;
    return_nil(Creation::residency_set);
    MTLResidencySetDescriptor* set = [[MTLResidencySetDescriptor alloc] init];
    EXPECT_EQ([device() newResidencySetWithDescriptor:set error:&error], nil);
    EXPECT_NE(error, nil);
    error = nil;
    return_nil(Creation::argument_table);
    MTL4ArgumentTableDescriptor* descriptor = [[MTL4ArgumentTableDescriptor alloc] init];
    EXPECT_EQ([device() newArgumentTableWithDescriptor:descriptor error:&error], nil);
    EXPECT_NE(error, nil);
    Step step(device());
    [step.commands beginCommandBufferWithAllocator:step.allocator];
    return_nil(Creation::encoder);
    EXPECT_EQ([step.commands computeCommandEncoder], nil);
  }
}

}  // namespace
}  // namespace cbr::metal_fake
