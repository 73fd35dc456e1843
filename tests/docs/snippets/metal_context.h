// What the Objective-C++ of the pages takes for granted, on the fake of Metal.
#pragma once

#include <memory>
#include <utility>

#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include <cbr/metal.h>
#include <cbr/ring.h>

#include "metal_fake/control.h"

/// metal-cpp, as far as the pages use it: names for Metal's own objects.
namespace MTL {
class Device;
class CommandQueue {
 public:
  Device* device() { return (__bridge Device*)((__bridge id<MTLCommandQueue>)(void*)this).device; }
};
class CommandBuffer {
 public:
  // NOLINTNEXTLINE(readability-identifier-naming): metal-cpp's name
  CommandQueue* commandQueue() {
    return (__bridge CommandQueue*)((__bridge id<MTLCommandBuffer>)(void*)this).commandQueue;
  }
};
}  // namespace MTL

/// MLX, as far as the pages use it: one stream, whose encoder has a command buffer.
namespace mlx::core {
struct Device {
  enum class DeviceType { cpu, gpu };
  static constexpr DeviceType gpu = DeviceType::gpu;
  Device(DeviceType) {}  // NOLINT(google-explicit-constructor): MLX's
};
struct Stream {};
inline Stream default_stream(Device) {
  return {};
}
namespace metal {
struct CommandEncoder {
  MTL::CommandBuffer* get_command_buffer() { return (__bridge MTL::CommandBuffer*)buffer; }
  id<MTLCommandBuffer> buffer = nil;
};
inline CommandEncoder& get_command_encoder(Stream) {
  static CommandEncoder encoder;
  return encoder;
}
}  // namespace metal
}  // namespace mlx::core

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

/// A program that uses MLX, which has encoded something.
class Mlx : public Metal {
 protected:
  Mlx() { mlx::core::metal::get_command_encoder({}).buffer = [queue commandBuffer]; }
  ~Mlx() override { mlx::core::metal::get_command_encoder({}).buffer = nil; }
};

}  // namespace cbr::docs
