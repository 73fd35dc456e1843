// A comparison for a program to read.
#pragma once

#include <optional>
#include <string>

#include "bench/compare.h"

namespace cbr::bench {

/// The comparison as JSON text, as docs/reference/cli.md describes it, with what a gate makes of it
/// where `fail_below` is given, in per cent. Ends with a line break. Bytes of names that are not
/// UTF-8 are replaced.
[[nodiscard]] std::string compare_json(const CompareReport& report,
                                       std::optional<double> fail_below);

}  // namespace cbr::bench
