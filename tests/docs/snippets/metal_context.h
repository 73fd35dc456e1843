// What the Objective-C++ of the pages takes for granted, on the fake of Metal.
#pragma once

#include <memory>
#include <utility>

#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include <cbr/metal.h>
#include <cbr/ring.h>

#include "metal_fake/control.h"

/// As metal-cpp names them: objects that nobody here looks into.
namespace MTL {
class CommandBuffer;
class CommandQueue;
class Device;
}  // namespace MTL

namespace cbr::docs {

/// A block that brings all it needs.
class Nothing : public testing::Test {};

/// A program with Metal's own objects.
class Metal : public Nothing {
 protected:
  id<MTLDevice> gpu = MTLCreateSystemDefaultDevice();
  id<MTLCommandQueue> queue = [gpu newCommandQueue];
  int num_tokens = 10;
};

/// A program with events of its own.
class MetalEvents : public Metal {
 protected:
  MetalEvents() { uploaded.signaledValue = 7; }
  id<MTLSharedEvent> uploaded = [gpu newSharedEvent];
  id<MTLSharedEvent> rendered = [gpu newSharedEvent];
  std::shared_ptr<metal::Device> device = metal::Device::open();
  CommandBufferRing ring{metal::make_backend(device)};
};

/// A program that uses metal-cpp.
class MetalCpp : public Metal {
 protected:
  MTL::Device* mtl_device = (__bridge MTL::Device*)gpu;
  MTL::CommandQueue* mtl_queue = (__bridge MTL::CommandQueue*)queue;
  CommandBufferRing ring{metal::make_backend(metal::Device::open())};
};

}  // namespace cbr::docs
