// The embedded kernels as Metal gets them.
#include "metal_kernels/kernel_sources.h"

#include <algorithm>
#include <string>
#include <vector>

#import <Metal/Metal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metal_fake/metal_test.h"

namespace cbr::metal_fake {
namespace {

class KernelSources : public MetalTest {};

TEST_F(KernelSources, AreThoseOfTheWorkloads) {
  std::vector<std::string> names;
  for (const auto& kernel : metal::kernel_sources()) names.emplace_back(kernel.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("synthetic", "advance", "attention", "embed",
                                                   "find_best", "matvec", "rms_norm", "rope_store",
                                                   "silu_multiply"));
}

TEST_F(KernelSources, MakeLibrariesWithTheFunctionOfTheirName) {
  for (const auto& kernel : metal::kernel_sources()) {
    // The fake runs a registered function where a library's source has its name.
    register_kernel(std::string(kernel.name), [](const Dispatch&) {});
    @autoreleasepool {
      NSError* error = nil;
      id<MTLLibrary> library =
          [device() newLibraryWithSource:[NSString stringWithUTF8String:kernel.msl.data()]
                                 options:nil
                                   error:&error];
      ASSERT_NE(library, nil) << kernel.name;
      NSString* const name = [NSString stringWithUTF8String:std::string(kernel.name).c_str()];
      EXPECT_NE([library newFunctionWithName:name], nil) << kernel.name;
    }
  }
}

}  // namespace
}  // namespace cbr::metal_fake
