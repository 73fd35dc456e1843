// A comparison for a person to read.
#pragma once

#include <string>

#include "bench/compare.h"

namespace cbr::bench {

/// "+3.2 %", with a proper minus sign for a loss.
[[nodiscard]] std::string percent_text(double percent);

/// The warnings, a row for each metric of each ring size, and how to take the judgements. Ends with
/// a line break.
[[nodiscard]] std::string compare_table(const CompareReport& report);

}  // namespace cbr::bench
