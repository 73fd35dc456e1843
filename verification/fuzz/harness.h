// What libFuzzer calls, and what each harness says instead.
#pragma once

#include <string_view>

namespace cbr::fuzz {

/// Puts an input that the fuzzer drew before the reader that the harness is named after. Each
/// harness defines it.
void check(std::string_view input);

/// Ends the process, which the fuzzer takes for a finding, unless `holds`.
void require(bool holds, const char* what);

}  // namespace cbr::fuzz
