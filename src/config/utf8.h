// Characters of UTF-8. Pure logic.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace cbr::config {

struct Character {
  char32_t code = 0;
  /// How many it takes, 1 to 4.
  std::size_t bytes = 0;
};

/// The character that `text` begins with; nothing if it is empty or does not begin with UTF-8.
[[nodiscard]] std::optional<Character> first_character(std::string_view text);

/// How many characters the text has; nothing if it is not UTF-8.
[[nodiscard]] std::optional<std::size_t> count_characters(std::string_view text);

/// Whether a terminal might do something else with it than show it: Unicode's C0 and C1.
[[nodiscard]] constexpr bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

/// Whether it ends a line somewhere: the controls, and Unicode's line and paragraph separators.
[[nodiscard]] constexpr bool breaks_line(char32_t code) {
  return is_control(code) || code == 0x2028 || code == 0x2029;
}

}  // namespace cbr::config
