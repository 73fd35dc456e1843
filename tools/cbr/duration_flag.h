// Flags that take durations.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

namespace cbr::tool {

/// The duration in `text`, a number with its unit: "8.2ms", "300us", "300µs", "250ns" or "1s".
/// Throws InputError that names the flag and the value unless it is one from 0 to an hour.
[[nodiscard]] std::chrono::nanoseconds parse_duration(std::string_view flag, std::string_view text);

/// Adds a flag for a duration. The parser throws InputError as parse_duration() does.
CLI::Option* add_duration_flag(CLI::App& app, const std::string& flag,
                               std::chrono::nanoseconds& target, const std::string& help);

}  // namespace cbr::tool
