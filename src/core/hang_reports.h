// What the watchdog looks at: work that doesn't end, and threads that wait for long.
#pragma once

#include <chrono>

#include "core/ring_context.h"

namespace cbr::detail {

/// Reports to the ring's log what is in flight or held for longer than
/// RingOptions::hang_warning_ms, again each time that has doubled, and who waits for a slot as
/// long, where waits are logged. Returns how long there is nothing to report at the earliest. May
/// throw std::bad_alloc: then some of it is reported at the next look.
[[nodiscard]] std::chrono::nanoseconds report_hangs(RingContext& ring) CBR_EXCLUDES(ring.state);

}  // namespace cbr::detail
