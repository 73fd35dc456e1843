// One queue of a device, and how many slots it has.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#import <Metal/Metal.h>

namespace cbr::metal {

/// A queue blocks, without a timeout, whoever makes a command buffer while as many as its maximum
/// have not completed. Slots are counted here so that rings stay below, and back-pressure is the
/// ring's. Any thread may call.
class NativeQueue {
 public:
  /// `handle` is an id<MTLCommandQueue> or an id<MTL4CommandQueue>. `maximum` 0: without a limit.
  NativeQueue(id<NSObject> handle, std::uint32_t maximum) : handle_(handle), maximum_(maximum) {}
  NativeQueue(const NativeQueue&) = delete;
  NativeQueue& operator=(const NativeQueue&) = delete;

  [[nodiscard]] id<NSObject> handle() const noexcept { return handle_; }

  /// Counts `buffers` more for the ring named `ring`. Throws InvalidOption if they are too many.
  void reserve(std::uint32_t buffers, const std::string& ring);
  void release(std::uint32_t buffers) noexcept;

 private:
  const id<NSObject> handle_;
  const std::uint32_t maximum_;
  std::mutex mutex_;
  std::uint32_t reserved_ = 0;
};

}  // namespace cbr::metal
