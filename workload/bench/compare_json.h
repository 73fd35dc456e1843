// A comparison for a program to read.
#pragma once

#include <optional>
#include <string>

#include "bench/compare.h"
#include "bench/gate.h"

namespace cbr::bench {

/// The comparison as JSON text, as docs/reference/cli.md describes it, with the gate where there is
/// one. Ends with a line break. Bytes of names that are not UTF-8 are replaced.
[[nodiscard]] std::string compare_json(const CompareReport& report,
                                       const std::optional<Gate>& gate);

}  // namespace cbr::bench
