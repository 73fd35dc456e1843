// Flags that take numbers within limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

namespace cbr::tool {

/// The number in `text`, if that is one and nothing else.
[[nodiscard]] std::optional<double> decimal_of(std::string_view text);

/// The whole number in `text`. Throws InputError that names the flag, the value and the limits
/// unless it is one from `least` to `most`.
[[nodiscard]] std::uint32_t parse_whole(std::string_view flag, std::string_view text,
                                        std::uint32_t least, std::uint32_t most);

/// Whole numbers with commas between them, each given once. Throws InputError like parse_whole.
[[nodiscard]] std::vector<std::uint32_t> parse_whole_list(std::string_view flag,
                                                          std::string_view text,
                                                          std::uint32_t least, std::uint32_t most);

/// The same, where "1-8" stands for all numbers from 1 to 8.
[[nodiscard]] std::vector<std::uint32_t> parse_whole_ranges(std::string_view flag,
                                                            std::string_view text,
                                                            std::uint32_t least,
                                                            std::uint32_t most);

/// The number in `text`, from `least` to `most`. Throws InputError like parse_whole.
[[nodiscard]] double parse_decimal(std::string_view flag, std::string_view text, double least,
                                   double most);

/// Adds a flag for a whole number; `target` holds the default. The parser throws InputError for a
/// value outside the limits.
CLI::Option* add_whole_flag(CLI::App& app, const std::string& flag, std::uint32_t& target,
                            std::uint32_t least, std::uint32_t most, const std::string& help);

/// The same for a number with decimals.
CLI::Option* add_decimal_flag(CLI::App& app, const std::string& flag, double& target, double least,
                              double most, const std::string& help);

}  // namespace cbr::tool
