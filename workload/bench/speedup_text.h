// How speed-ups are written for people.
#pragma once

#include <string>

#include "bench/paired_speedup.h"

namespace cbr::bench {

/// "1.04×", or with three decimals where two would hide on which side of 1 the interval lies.
[[nodiscard]] std::string speedup_text(const Speedup& speedup);

/// "1.01–1.07" with as many decimals as speedup_text, or "–" without an interval.
[[nodiscard]] std::string interval_text(const Speedup& speedup);

}  // namespace cbr::bench
