// The machine that a benchmark runs on.
#pragma once

#include "bench/bench_result.h"

namespace cbr::bench {

/// Reads what the system tells about itself. What it doesn't tell is "unknown" or 0. Never throws
/// for that.
[[nodiscard]] SystemInfo read_system_info();

/// The time now, UTC, as in "2030-01-31T12:00:00Z".
[[nodiscard]] std::string utc_timestamp();

}  // namespace cbr::bench
