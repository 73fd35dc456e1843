// A slot on Metal 3.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#import <Metal/Metal.h>

#include "backends/metal/command_slot.h"

namespace cbr::metal {

/// Makes the command buffers of a slot, and keeps one that was made ahead. Any thread may call.
class BufferSource {
 public:
  BufferSource(id<MTLCommandQueue> queue, MTLCommandBufferDescriptor* descriptor,
               const std::string& label);
  BufferSource(const BufferSource&) = delete;
  BufferSource& operator=(const BufferSource&) = delete;
  ~BufferSource();

  /// The buffer made ahead, or a new one. Nil if Metal gives none.
  [[nodiscard]] id<MTLCommandBuffer> take() NS_RETURNS_RETAINED;
  /// Makes a buffer ahead unless there is one. May block while the queue has its maximum.
  void make_ahead();
  /// No buffer is wanted any more.
  void close();

 private:
  [[nodiscard]] id<MTLCommandBuffer> make() const NS_RETURNS_RETAINED;

  id<MTLCommandQueue> queue_;
  MTLCommandBufferDescriptor* descriptor_;
  NSString* label_;
  std::mutex mutex_;
  id<MTLCommandBuffer> ahead_ = nil;
  bool closed_ = false;
};

class BufferMaker;

/// A fresh MTLCommandBuffer for each lease, since one can't be encoded into again once it was
/// committed.
class Metal3Slot final : public CommandSlot {
 public:
  /// `maker` makes buffers ahead; may be null.
  Metal3Slot(id<MTLCommandQueue> queue, MTLCommandBufferDescriptor* descriptor,
             HandlerContext context, std::shared_ptr<BufferMaker> maker);
  ~Metal3Slot() override;

  void* begin(RecordingNumber recording) override;
  bool commit() override;
  bool discard() noexcept override;

 private:
  std::shared_ptr<const HandlerContext> context_;
  std::shared_ptr<BufferSource> source_;
  std::shared_ptr<BufferMaker> maker_;
  id<MTLCommandBuffer> buffer_ = nil;
};

}  // namespace cbr::metal
