// What the Metal 4 tests of the fake share: a queue, and a step that adds to a number.
#pragma once

#include <future>

#include "metal_fake/metal_test.h"

namespace cbr::metal_fake {

/// What a commit reported.
struct Feedback {
  bool failed = false;
  NSInteger code = 0;
  std::string domain;
  std::string description;
  double start = 0;
  double end = 0;
};

/// A command buffer, its allocator, and what its dispatch needs. Nothing retains them but this.
struct Step {
  explicit Step(id<MTLDevice> device)
      : allocator([device newCommandAllocator]),
        commands([device newCommandBuffer]),
        numbers(numbers_on(device)),
        amount(numbers_on(device)),
        add(pipeline_on(device, "add")) {
    MTL4ArgumentTableDescriptor* const descriptor = [[MTL4ArgumentTableDescriptor alloc] init];
    descriptor.maxBufferBindCount = 2;
    NSError* error = nil;
    table = [device newArgumentTableWithDescriptor:descriptor error:&error];
    [table setAddress:numbers.gpuAddress atIndex:0];
    [table setAddress:amount.gpuAddress atIndex:1];
    MTLResidencySetDescriptor* const set = [[MTLResidencySetDescriptor alloc] init];
    residency = [device newResidencySetWithDescriptor:set error:&error];
    [residency addAllocation:numbers];
    [residency addAllocation:amount];
    [residency commit];
  }

  /// Records number += by.
  void record(std::uint32_t by) {
    *static_cast<std::uint32_t*>(amount.contents) = by;
    [commands beginCommandBufferWithAllocator:allocator];
    [commands useResidencySet:residency];
    id<MTL4ComputeCommandEncoder> encoder = [commands computeCommandEncoder];
    [encoder setComputePipelineState:add];
    [encoder setArgumentTable:table];
    // Metal 4 orders nothing by itself: neither this step after the last, nor what follows.
    [encoder barrierAfterQueueStages:MTLStageDispatch
                        beforeStages:MTLStageDispatch
                   visibilityOptions:MTL4VisibilityOptionDevice];
    [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
    [encoder barrierAfterEncoderStages:MTLStageDispatch
                   beforeEncoderStages:MTLStageDispatch
                     visibilityOptions:MTL4VisibilityOptionDevice];
    [encoder endEncoding];
    [commands endCommandBuffer];
  }

  void commit(id<MTL4CommandQueue> queue) const {
    const id<MTL4CommandBuffer> buffers[] = {commands};
    [queue commit:buffers count:1];
  }

  Feedback commit_and_wait(id<MTL4CommandQueue> queue) const {
    std::promise<Feedback> reported;
    auto* const promise = &reported;
    MTL4CommitOptions* const options = [[MTL4CommitOptions alloc] init];
    [options addFeedbackHandler:^(id<MTL4CommitFeedback> feedback) {
      Feedback result;
      @autoreleasepool {
        result.start = feedback.GPUStartTime;
        result.end = feedback.GPUEndTime;
        NSError* const error = feedback.error;
        result.failed = error != nil;
        if (result.failed) {
          result.code = error.code;
          result.domain = error.domain.UTF8String;
          result.description = error.localizedDescription.UTF8String;
        }
      }
      promise->set_value(result);
    }];
    const id<MTL4CommandBuffer> buffers[] = {commands};
    [queue commit:buffers count:1 options:options];
    return reported.get_future().get();
  }

  [[nodiscard]] std::uint32_t number() const { return first_number(numbers); }

  id<MTL4CommandAllocator> allocator;
  id<MTL4CommandBuffer> commands;
  id<MTLBuffer> numbers;
  id<MTLBuffer> amount;
  id<MTLComputePipelineState> add;
  id<MTL4ArgumentTable> table;
  id<MTLResidencySet> residency;
};

class Metal4Test : public MetalTest {
 protected:
  void SetUp() override {
    MetalTest::SetUp();
    @autoreleasepool {
      queue4_ = [device() newMTL4CommandQueue];
    }
  }
  void TearDown() override {
    queue4_ = nil;
    MetalTest::TearDown();
  }
  [[nodiscard]] id<MTL4CommandQueue> queue4() const { return queue4_; }

 private:
  id<MTL4CommandQueue> queue4_ = nil;
};

}  // namespace cbr::metal_fake
