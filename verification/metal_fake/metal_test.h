// What tests of the fake share: a device, a queue, a kernel that adds, and the check for leaks.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"

namespace cbr::metal_fake {

// These two return what is not in a pool, so that a test can see its end.
NS_RETURNS_RETAINED inline id<MTLComputePipelineState> pipeline_on(id<MTLDevice> device,
                                                                   const std::string& kernel) {
  NSString* const name = [NSString stringWithUTF8String:kernel.c_str()];
  NSError* error = nil;
  id<MTLLibrary> library = [device newLibraryWithSource:name options:nil error:&error];
  return [device newComputePipelineStateWithFunction:[library newFunctionWithName:name]
                                               error:&error];
}

NS_RETURNS_RETAINED inline id<MTLBuffer> numbers_on(id<MTLDevice> device) {
  return [device newBufferWithLength:256 options:MTLResourceStorageModeShared];
}

inline std::uint32_t first_number(id<MTLBuffer> numbers) {
  return *static_cast<const std::uint32_t*>(numbers.contents);
}

/// Encodes numbers[0] += amount.
inline void encode_add(id<MTLCommandBuffer> commands, id<MTLBuffer> numbers, std::uint32_t amount) {
  id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
  [encoder setComputePipelineState:pipeline_on(commands.device, "add")];
  [encoder setBuffer:numbers offset:0 atIndex:0];
  [encoder setBytes:&amount length:sizeof amount atIndex:1];
  [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
  [encoder endEncoding];
}

/// Ends with the fake as it began, and fails if an object is left over.
class MetalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    reset();
    live_before_ = live_objects();
    without_pool_before_ = autoreleases_without_pool();
    register_kernel("add", [](const Dispatch& dispatch) {
      dispatch.buffer<std::uint32_t>(0)[0] += dispatch.buffer<std::uint32_t>(1)[0];
    });
    @autoreleasepool {
      device_ = MTLCreateSystemDefaultDevice();
      queue_ = [device_ newCommandQueue];
    }
  }

  void TearDown() override {
    queue_ = nil;
    device_ = nil;
    reset();
    if (!forgiven_) {
      EXPECT_EQ(live_objects(), live_before_);
      EXPECT_EQ(autoreleases_without_pool(), without_pool_before_);
    }
  }

  [[nodiscard]] id<MTLDevice> device() const { return device_; }
  [[nodiscard]] id<MTLCommandQueue> queue() const { return queue_; }

  /// For a test that autoreleases on the driver's thread on purpose.
  void forgive_leaks() { forgiven_ = true; }

 private:
  bool forgiven_ = false;
  std::unordered_map<std::string, std::int64_t> live_before_;
  std::uint64_t without_pool_before_ = 0;
  id<MTLDevice> device_ = nil;
  id<MTLCommandQueue> queue_ = nil;
};

}  // namespace cbr::metal_fake
