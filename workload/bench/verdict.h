// What a benchmark showed, in one sentence.
#pragma once

#include <string>

#include "bench/bench_result.h"

namespace cbr::bench {

/// Says in one plain sentence what overlapping bought on this device: a gain, nothing measurable or
/// a loss. Decided by the 95 % intervals of `result.comparisons` alone: a gain is an interval
/// wholly over 1, a loss one wholly under it. Of the gains it names the smallest ring size, then
/// those larger ones that are in turn faster than it. Reads the device's name, the config, the runs
/// and the comparisons.
[[nodiscard]] std::string verdict(const BenchResult& result);

}  // namespace cbr::bench
