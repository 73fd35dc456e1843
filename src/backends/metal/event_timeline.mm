#include "backends/metal/event_timeline.h"

#include <algorithm>

#include <cbr/errors.h>
#include <cbr/options.h>

#include "backends/metal/autorelease_pool.h"

namespace cbr::metal {

void signal_by_host(const EventPoint& point) noexcept {
  if (![point.event respondsToSelector:@selector(setSignaledValue:)]) return;
  const id<MTLSharedEvent> event = (id<MTLSharedEvent>)point.event;
  if (event.signaledValue < point.value) event.signaledValue = point.value;
}

EventTimeline::EventTimeline(id<MTLDevice> device, std::uint32_t queue_count)
    : device_(device),
      queue_count_(queue_count),
      entries_((max_ring_size + queue_count - 1) / queue_count) {}

EventTimeline::~EventTimeline() {
  // Whoever waited last may be a thread that has none.
  const AutoreleasePool pool;
  entries_.clear();
}

void EventTimeline::add_slot(SlotIndex slot) {
  const std::size_t place = place_of(slot);
  Entry& entry = entries_[place];
  if (entry.event == nil) {
    entry.event = [device_ newSharedEvent];
    if (entry.event == nil) throw BackendError("-[MTLDevice newSharedEvent] returned nil");
  }
  extent_.store(std::max(extent_.load(std::memory_order_relaxed), place + 1),
                std::memory_order_release);
}

EventPoint EventTimeline::awaited(Serial serial) const {
  const std::size_t extent = extent_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < extent; ++i) {
    const Entry& entry = entries_[i];
    if (entry.last.load(std::memory_order_acquire) != serial.value()) continue;
    if (entry.event.signaledValue >= serial.value()) return {};
    return {entry.event, serial.value()};
  }
  // Its slot has gone on since, or is gone.
  return {};
}

}  // namespace cbr::metal
