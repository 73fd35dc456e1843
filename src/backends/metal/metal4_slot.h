// A slot on Metal 4.
#pragma once

#include <memory>

#include "backends/metal/command_slot.h"
#include "backends/metal/metal4.h"

#ifdef CBR_METAL4_SDK

namespace cbr::metal {

/// An allocator and a command buffer, used again for every lease.
///
/// The allocator is reset when the slot is begun: all that was recorded from it has completed then.
class API_AVAILABLE(macos(26.0), ios(26.0)) Metal4Slot final : public CommandSlot {
 public:
  /// Throws BackendError.
  Metal4Slot(id<MTLDevice> device, id<MTL4CommandQueue> queue, HandlerContext context);
  ~Metal4Slot() override;

  void* begin(RecordingNumber recording) override;
  bool commit() override;
  bool discard() noexcept override;

 private:
  void create();

  id<MTLDevice> device_;
  id<MTL4CommandQueue> queue_;
  std::shared_ptr<const HandlerContext> context_;
  id<MTL4CommandAllocator> allocator_ = nil;
  id<MTL4CommandBuffer> buffer_ = nil;
  RecordingNumber recording_{};
};

}  // namespace cbr::metal

#endif
