// Which places a ring takes of its queues' maximum of command buffers.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "backends/metal/metal_device.h"

namespace cbr::metal {

/// Of Metal 3: with more uncompleted buffers than its maximum, a queue makes a thread wait with no
/// limit, and for ever if it holds them itself. So a ring has no more slots than fit. Functions may
/// be called by any thread.
class QueueRoom {
 public:
  /// `waits`: that a slot may have a command buffer that waits before its own.
  QueueRoom(std::shared_ptr<const DeviceImpl> device, std::string ring_name, bool make_ahead,
            bool waits)
      : device_(std::move(device)),
        ring_name_(std::move(ring_name)),
        make_ahead_(make_ahead),
        waits_(waits) {}

  /// The ring is to have so many slots. Throws InvalidOption if they don't fit.
  void resize(std::uint32_t ring_size);
  /// A submission is to wait, and any may from now on. Throws InvalidOption if that doesn't fit.
  void let_wait();

 private:
  void require(std::uint32_t ring_size, bool waits) const;

  const std::shared_ptr<const DeviceImpl> device_;
  const std::string ring_name_;
  const bool make_ahead_;
  std::mutex mutex_;
  // All below is guarded by mutex_.
  std::uint32_t ring_size_ = 0;
  bool waits_;
};

}  // namespace cbr::metal
