// What the tests of the Metal backend share: rings on the fake of Metal, and its little work.
#pragma once

#include <memory>
#include <optional>
#include <string>

#import <Metal/Metal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/metal.h>
#include <cbr/ring.h>

#include "backends/metal/autorelease_pool.h"
#include "metal_fake/metal_test.h"

namespace cbr::test {

/// The bases check that nothing is left over: rings and devices of a test are its own locals.
class MetalBackend : public metal_fake::MetalTest {
 protected:
  void SetUp() override {
    MetalTest::SetUp();
    pool_.emplace();
  }
  void TearDown() override {
    pool_.reset();
    MetalTest::TearDown();
  }

  static id<MTLCommandBuffer> buffer(const Lease& lease) {
    return (__bridge id<MTLCommandBuffer>)metal::command_buffer(lease);
  }
  static id<MTL4CommandBuffer> buffer4(const Lease& lease) {
    return (__bridge id<MTL4CommandBuffer>)metal::command_buffer4(lease);
  }

  /// Records an encoder of this label.
  static void encode(const Lease& lease, NSString* label = nil) {
    @autoreleasepool {
      id<MTLComputeCommandEncoder> encoder = [buffer(lease) computeCommandEncoder];
      encoder.label = label;
      [encoder endEncoding];
    }
  }

  static CommandBufferRing ring_on(const std::shared_ptr<metal::Device>& device,
                                   std::uint32_t ring_size,
                                   const metal::BackendOptions& options = {}) {
    return CommandBufferRing(metal::make_backend(device, options), {.ring_size = ring_size});
  }

  /// The text of the Expected that the call throws.
  template <typename Expected, typename Call>
  static std::string thrown(const Call& call) {
    try {
      call();
    } catch (const Expected& error) {
      return error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "another exception: " << error.what();
      return {};
    }
    ADD_FAILURE() << "no exception";
    return {};
  }

 private:
  /// For what the tests themselves call.
  std::optional<metal::AutoreleasePool> pool_;
};

}  // namespace cbr::test
