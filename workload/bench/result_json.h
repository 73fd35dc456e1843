// A benchmark's result as a file.
#pragma once

#include <string>

#include <cbr/gpu_activity.h>

#include "bench/bench_result.h"

namespace cbr::bench {

/// A cause's name as the file's others are: "slotWait".
[[nodiscard]] std::string key_of(GapCause cause);

/// The result as JSON text that docs/reference/bench-result.schema.json describes. Ends with a line
/// break. Bytes of names that are not UTF-8 are replaced.
[[nodiscard]] std::string result_json(const BenchResult& result);

}  // namespace cbr::bench
