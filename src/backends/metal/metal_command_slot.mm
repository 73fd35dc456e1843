#include "backends/metal/metal_command_slot.h"

namespace cbr::metal {

EventPoints CommandSlot::take_waits(std::span<const TimelinePoint> waits) {
  for (const TimelinePoint& wait : waits) {
    // The ring has asked for its device.
    const auto& timeline = static_cast<const EventTimeline&>(*wait.timeline);
    EventPoint point = timeline.awaited(wait.serial);
    if (point.event != nil) waits_.push_back(std::move(point));
  }
  return std::exchange(waits_, {});
}

EventPoints CommandSlot::take_signals(SlotIndex slot, Serial serial) {
  if (timeline_ != nullptr) signals_.push_back(timeline_->point(slot, serial));
  return std::exchange(signals_, {});
}

}  // namespace cbr::metal
