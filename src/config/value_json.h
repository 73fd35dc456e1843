// A value of an option in JSON.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <cbr/config.h>

namespace cbr::config {

/// A boolean, number, string or array of numbers; "auto" where that is left to the ring.
[[nodiscard]] inline nlohmann::ordered_json json_of(const ConfigValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* numbers = std::get_if<std::vector<std::uint64_t>>(&value)) return *numbers;
  return "auto";
}

}  // namespace cbr::config
