// A ring on the fake of Metal, and what it said.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#import <Metal/Metal.h>

#include <cbr/metal.h>
#include <cbr/ring.h>

#include "metal_fake/control.h"

namespace cbr::metal {

inline id<MTLCommandBuffer> native(const Lease& lease) {
  return (__bridge id<MTLCommandBuffer>)command_buffer(lease);
}
inline id<MTL4CommandBuffer> native4(const Lease& lease) {
  return (__bridge id<MTL4CommandBuffer>)command_buffer4(lease);
}

/// An encoder that does nothing, under a label.
template <typename Buffer>
void encode(Buffer buffer, NSString* label = @"nothing") {
  @autoreleasepool {
    const auto encoder = [buffer computeCommandEncoder];
    encoder.label = label;
    [encoder endEncoding];
  }
}

/// Lines that a ring's backend wrote.
struct Warnings {
  std::vector<std::string> lines;
  BackendOptions options() {
    BackendOptions options;
    options.on_warning = [this](const std::string& line) { lines.push_back(line); };
    return options;
  }
};

/// What a failed ticket says.
template <typename Exception>
std::string failure_of(const Ticket& ticket) {
  try {
    ticket.wait();
  } catch (const Exception& error) {
    return error.what();
  }
  return {};
}

}  // namespace cbr::metal
