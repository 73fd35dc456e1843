// What submissions of one device wait for on the GPU.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#import <Metal/Metal.h>

#include <cbr/backend.h>

#include "backends/metal/event_point.h"

namespace cbr::metal {

/// How far the work of one queue of a ring has come: a shared event for each slot, signalled with
/// the serial of each of the slot's submissions.
///
/// One event for the queue would be wrong. Metal promises the order in which command buffers of a
/// queue start, and not that in which they end: a later one that ends first would signal for an
/// earlier one that still runs. A slot's submissions come one after the other, so nobody but the
/// one that is under way ever signals its event; the host can do that in its place.
///
/// Functions may be called by any thread, but where they say otherwise.
class EventTimeline final : public QueueTimeline {
 public:
  /// Of `queue_count` queues' slots, each has those of one.
  EventTimeline(id<MTLDevice> device, std::uint32_t queue_count);
  EventTimeline(const EventTimeline&) = delete;
  EventTimeline& operator=(const EventTimeline&) = delete;
  ~EventTimeline() override;

  [[nodiscard]] const void* device() const noexcept override { return (__bridge void*)device_; }

  /// Makes the slot's event, which stays if the slot goes: another may come in its place. Throws
  /// BackendError. One thread at a time.
  void add_slot(SlotIndex slot);
  /// What the slot's submission of this serial is to signal.
  [[nodiscard]] EventPoint point(SlotIndex slot, Serial serial) const {
    return {entries_[place_of(slot)].event, serial.value()};
  }
  /// The submission is on its way: nothing may keep it from that any more. One thread at a time;
  /// nobody else knows of the submission yet.
  void note(SlotIndex slot, Serial serial) noexcept {
    entries_[place_of(slot)].last.store(serial.value(), std::memory_order_release);
  }
  /// What to wait for so as to wait for this submission. No event if it has ended.
  [[nodiscard]] EventPoint awaited(Serial serial) const;

 private:
  struct Entry {
    /// Written before `last` or `extent_` tells of it, and not again.
    id<MTLSharedEvent> event = nil;
    /// The serial of the slot's last submission.
    std::atomic<std::uint64_t> last = 0;
  };
  [[nodiscard]] std::size_t place_of(SlotIndex slot) const noexcept {
    return to_number(slot) / queue_count_;
  }

  const id<MTLDevice> device_;
  const std::uint32_t queue_count_;
  /// As many as there can be, so that one can be added while others are read.
  std::vector<Entry> entries_;
  /// Those beyond were never made.
  std::atomic<std::size_t> extent_ = 0;
};

}  // namespace cbr::metal
