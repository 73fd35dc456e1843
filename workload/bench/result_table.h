// A benchmark's result for a person to read.
#pragma once

#include <string>

#include "bench/bench_result.h"

namespace cbr::bench {

/// What was measured on what, a table with a row for each ring size, where the GPU's idle time
/// went, and the verdict. Simulated times are marked as such. Ends with a line break.
[[nodiscard]] std::string result_table(const BenchResult& result);

}  // namespace cbr::bench
