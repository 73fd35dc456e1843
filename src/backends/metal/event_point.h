// Values of events.
#pragma once

#include <cstdint>
#include <vector>

#import <Metal/Metal.h>

namespace cbr::metal {

/// A value of an event, to wait for or to signal. Keeps the event.
struct EventPoint {
  id<MTLEvent> event = nil;
  std::uint64_t value = 0;
};

using EventPoints = std::vector<EventPoint>;

/// Signals an event from the host, if it is a shared one and has not come so far. The others are
/// the GPU's alone. Whoever else signals the same event at the same time may see its value sink.
void signal_by_host(const EventPoint& point) noexcept;

}  // namespace cbr::metal
