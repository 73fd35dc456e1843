// A benchmark's result as a file.
#pragma once

#include <string>

#include "bench/bench_result.h"

namespace cbr::bench {

/// The result as JSON text that docs/reference/bench-result.schema.json describes. Ends with a line
/// break. Bytes of names that are not UTF-8 are replaced.
[[nodiscard]] std::string result_json(const BenchResult& result);

}  // namespace cbr::bench
