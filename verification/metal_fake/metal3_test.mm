// What Metal 3 promises, kept by the fake.
#include <atomic>
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

class Metal3 : public MetalTest {
 protected:
  /// A committed buffer that appends `mark` to marks() when it executes.
  id<MTLCommandBuffer> buffer_marking(std::uint32_t mark) {
    if (note_ == nil) {
      register_kernel("note", [this](const Dispatch& dispatch) {
        marks_.push_back(dispatch.buffer<std::uint32_t>(0)[0]);
      });
      note_ = pipeline_on(device(), "note");
    }
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
    [encoder setComputePipelineState:note_];
    [encoder setBytes:&mark length:sizeof mark atIndex:0];
    [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
    [encoder endEncoding];
    return commands;
  }
  [[nodiscard]] const std::vector<std::uint32_t>& marks() const { return marks_; }

  void TearDown() override {
    note_ = nil;
    MetalTest::TearDown();
  }

 private:
  std::vector<std::uint32_t> marks_;
  id<MTLComputePipelineState> note_ = nil;
};

TEST_F(Metal3, RunsADispatchOnABuffer) {
  @autoreleasepool {
    id<MTLBuffer> numbers = numbers_on(device());
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    encode_add(commands, numbers, 5);
    EXPECT_EQ(commands.status, MTLCommandBufferStatusNotEnqueued);
    EXPECT_EQ(commands.GPUEndTime, 0.0);
    [commands commit];
    [commands waitUntilCompleted];
    EXPECT_EQ(commands.status, MTLCommandBufferStatusCompleted);
    EXPECT_EQ(commands.error, nil);
    EXPECT_GT(commands.GPUStartTime, 0.0);
    EXPECT_GE(commands.GPUEndTime, commands.GPUStartTime);
    EXPECT_EQ(first_number(numbers), 5U);
    EXPECT_EQ(executed_dispatches(), 1U);
    EXPECT_EQ(completed_buffers(), 1U);
  }
}

TEST_F(Metal3, BindsABufferFromItsOffset) {
  @autoreleasepool {
    std::size_t seen = 0;
    std::size_t threads = 0;
    register_kernel("look", [&](const Dispatch& dispatch) {
      seen = dispatch.buffer<std::byte>(3).size();
      threads = dispatch.threads();
    });
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
    [encoder setComputePipelineState:pipeline_on(device(), "look")];
    [encoder setBuffer:numbers_on(device()) offset:100 atIndex:3];
    [encoder dispatchThreadgroups:MTLSizeMake(2, 3, 1) threadsPerThreadgroup:MTLSizeMake(8, 1, 2)];
    [encoder endEncoding];
    [commands commit];
    [commands waitUntilCompleted];
    EXPECT_EQ(seen, 156U);
    EXPECT_EQ(threads, 96U);
  }
}

TEST_F(Metal3, ExecutesInCommitOrder) {
  @autoreleasepool {
    hold();
    [buffer_marking(1) commit];
    [buffer_marking(2) commit];
    [buffer_marking(3) commit];
    release();
    wait_until_idle();
    EXPECT_THAT(marks(), ElementsAre(1, 2, 3));
  }
}

TEST_F(Metal3, EnqueueReservesTheOrder) {
  @autoreleasepool {
    id<MTLCommandBuffer> first = buffer_marking(1);
    id<MTLCommandBuffer> second = buffer_marking(2);
    [first enqueue];
    EXPECT_EQ(first.status, MTLCommandBufferStatusEnqueued);
    [second commit];
    EXPECT_EQ(second.status, MTLCommandBufferStatusCommitted);
    [first commit];
    [second waitUntilCompleted];
    EXPECT_THAT(marks(), ElementsAre(1, 2));
  }
}

TEST_F(Metal3, ADroppedBufferGivesUpItsPlace) {
  @autoreleasepool {
    id<MTLCommandBuffer> last = nil;
    @autoreleasepool {
      [buffer_marking(1) enqueue];
      last = buffer_marking(2);
      [last commit];
    }
    [last waitUntilCompleted];
    EXPECT_THAT(marks(), ElementsAre(2));
  }
}

TEST_F(Metal3, HandlersRunOnTheDriversThreadBeforeTheWaitReturns) {
  @autoreleasepool {
    __block std::vector<MTLCommandBufferStatus> seen;
    __block std::thread::id thread;
    id<MTLCommandBuffer> commands = buffer_marking(1);
    [commands addScheduledHandler:^(id<MTLCommandBuffer> buffer) {
      seen.push_back(buffer.status);
    }];
    [commands addCompletedHandler:^(id<MTLCommandBuffer> buffer) {
      seen.push_back(buffer.status);
      thread = std::this_thread::get_id();
    }];
    [commands addCompletedHandler:^(id<MTLCommandBuffer> buffer) {
      seen.push_back(buffer.status);
    }];
    [commands commit];
    [commands waitUntilCompleted];
    EXPECT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[1], MTLCommandBufferStatusCompleted);
    EXPECT_EQ(seen[2], MTLCommandBufferStatusCompleted);
    EXPECT_NE(thread, std::this_thread::get_id());
  }
}

TEST_F(Metal3, AHandlerHasNoPool) {
  const std::uint64_t before = autoreleases_without_pool();
  @autoreleasepool {
    id<MTLCommandBuffer> commands = buffer_marking(1);
    [commands addCompletedHandler:^(id<MTLCommandBuffer> buffer) {
      (void)buffer.commandQueue;
    }];
    [commands commit];
    [commands waitUntilCompleted];
  }
  EXPECT_EQ(autoreleases_without_pool(), before + 1);
  // The queue lives until the driver's thread ends: not this test's leak.
  forgive_leaks();
}

TEST_F(Metal3, AHandlerMayCommitAndIsHeldNoLock) {
  @autoreleasepool {
    __block int handled = 0;
    id<MTLCommandBuffer> second = buffer_marking(2);
    id<MTLCommandBuffer> first = buffer_marking(1);
    [first addCompletedHandler:^(id<MTLCommandBuffer> /*buffer*/) {
      [second commit];
      ++handled;
    }];
    [second addCompletedHandler:^(id<MTLCommandBuffer> /*buffer*/) {
      ++handled;
    }];
    [first commit];
    [first waitUntilCompleted];
    [second waitUntilCompleted];
    EXPECT_EQ(handled, 2);
    EXPECT_THAT(marks(), ElementsAre(1, 2));
  }
}

TEST_F(Metal3, ADroppedBufferFiresItsHandlerUncommitted) {
  __block int status = -1;
  @autoreleasepool {
    id<MTLCommandBuffer> commands = buffer_marking(1);
    [commands addCompletedHandler:^(id<MTLCommandBuffer> buffer) {
      status = static_cast<int>(buffer.status);
    }];
  }
  wait_until_idle();
  EXPECT_EQ(status, MTLCommandBufferStatusNotEnqueued);
  EXPECT_TRUE(marks().empty());

  set_dropped_buffers_fire_handlers(false);
  status = -1;
  @autoreleasepool {
    [buffer_marking(1) addCompletedHandler:^(id<MTLCommandBuffer> buffer) {
      status = static_cast<int>(buffer.status);
    }];
  }
  wait_until_idle();
  EXPECT_EQ(status, -1);
}

TEST_F(Metal3, TheQueueBlocksAtItsMaximum) {
  @autoreleasepool {
    id<MTLCommandQueue> small = [device() newCommandQueueWithMaxCommandBufferCount:2];
    id<MTLCommandBuffer> first = [small commandBuffer];
    // Counts although it is not committed.
    id<MTLCommandBuffer> second = [small commandBuffer];
    std::atomic<bool> created = false;
    std::thread creator([&] {
      @autoreleasepool {
        (void)[small commandBuffer];
        created = true;
      }
    });
    while (waiting_creations() == 0) std::this_thread::yield();
    EXPECT_FALSE(created);
    [first commit];
    creator.join();
    EXPECT_TRUE(created);
    EXPECT_EQ(blocked_creations(), 1U);
    EXPECT_EQ(peak_uncompleted_buffers(), 2U);
    [second commit];
    [second waitUntilCompleted];
  }
}

TEST_F(Metal3, ADroppedBufferNoLongerCountsAtTheMaximum) {
  @autoreleasepool {
    id<MTLCommandQueue> small = [device() newCommandQueueWithMaxCommandBufferCount:1];
    for (int i = 0; i < 5; ++i) {
      @autoreleasepool {
        (void)[small commandBufferWithUnretainedReferences];
      }
    }
    EXPECT_EQ(peak_uncompleted_buffers(), 1U);
    EXPECT_EQ(blocked_creations(), 0U);
  }
}

TEST_F(Metal3, ABufferKeepsItsResourcesUnlessToldNotTo) {
  @autoreleasepool {
    hold();
    id<MTLCommandBuffer> commands = [queue() commandBuffer];
    EXPECT_TRUE(commands.retainedReferences);
    @autoreleasepool {
      encode_add(commands, numbers_on(device()), 1);
      [commands commit];
    }
    EXPECT_EQ(live_objects("FakeBuffer"), 1);
    release();
    [commands waitUntilCompleted];
    EXPECT_EQ(live_objects("FakeBuffer"), 0);

    MTLCommandBufferDescriptor* descriptor = [[MTLCommandBufferDescriptor alloc] init];
    descriptor.retainedReferences = NO;
    EXPECT_FALSE([queue() commandBufferWithDescriptor:descriptor].retainedReferences);
    EXPECT_FALSE([queue() commandBufferWithUnretainedReferences].retainedReferences);
  }
}

TEST_F(Metal3, AnEventIsSignalledAndHoldsWorkUp) {
  @autoreleasepool {
    id<MTLSharedEvent> go = [device() newSharedEvent];
    id<MTLSharedEvent> done = [device() newSharedEvent];
    id<MTLCommandBuffer> waiting = [queue() commandBuffer];
    [waiting encodeWaitForEvent:go value:3];
    [waiting encodeSignalEvent:done value:7];
    [waiting commit];
    // Another queue goes on meanwhile.
    id<MTLCommandQueue> other = [device() newCommandQueue];
    id<MTLCommandBuffer> free = [other commandBuffer];
    [free commit];
    [free waitUntilCompleted];
    EXPECT_EQ(done.signaledValue, 0U);
    go.signaledValue = 3;
    [waiting waitUntilCompleted];
    EXPECT_EQ(done.signaledValue, 7U);
  }
}

TEST_F(Metal3, AWaitInTheMiddleHoldsWhatFollows) {
  @autoreleasepool {
    id<MTLSharedEvent> reached = [device() newSharedEvent];
    id<MTLSharedEvent> go = [device() newSharedEvent];
    id<MTLBuffer> numbers = numbers_on(device());
    id<MTLCommandBuffer> waiting = [queue() commandBuffer];
    encode_add(waiting, numbers, 1);
    [waiting encodeSignalEvent:reached value:1];
    [waiting encodeWaitForEvent:go value:1];
    encode_add(waiting, numbers, 10);
    [waiting commit];
    while (reached.signaledValue < 1) std::this_thread::yield();
    // The GPU gets to this only when it can't go on with the other.
    id<MTLCommandBuffer> later = [[device() newCommandQueue] commandBuffer];
    [later commit];
    [later waitUntilCompleted];
    EXPECT_EQ(first_number(numbers), 1U);
    go.signaledValue = 1;
    [waiting waitUntilCompleted];
    EXPECT_EQ(first_number(numbers), 11U);
  }
}

TEST_F(Metal3, ALibraryHasTheFunctionsOfItsSource) {
  @autoreleasepool {
    NSError* error = nil;
    id<MTLLibrary> library =
        [device() newLibraryWithSource:@"kernel void add(...) kernel void adder("
                               options:nil
                                 error:&error];
    EXPECT_NE([library newFunctionWithName:@"add"], nil);
    // In the source, but no kernel of the test.
    EXPECT_EQ([library newFunctionWithName:@"adder"], nil);
    register_kernel("ad", [](const Dispatch&) {});
    EXPECT_EQ([library newFunctionWithName:@"ad"], nil);
    EXPECT_EQ([device() newLibraryWithSource:@"" options:nil error:&error], nil);
    EXPECT_NE(error, nil);
  }
}

TEST_F(Metal3, PrivateMemoryIsNotTheCpus) {
  @autoreleasepool {
    id<MTLBuffer> hidden = [device() newBufferWithLength:16 options:MTLResourceStorageModePrivate];
    EXPECT_EQ(hidden.contents, nullptr);
    EXPECT_NE(hidden.gpuAddress, 0U);
    EXPECT_EQ(hidden.length, 16U);
  }
}

}  // namespace
}  // namespace cbr::metal_fake
