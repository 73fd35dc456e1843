// Characters of UTF-8, as utf8proc knows them. Pure logic; its users link utf8proc.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <utf8proc.h>

namespace cbr::utf8 {

struct Character {
  char32_t code = 0;
  /// How many it takes, 1 to 4.
  std::size_t bytes = 0;
};

/// The character that `text` begins with; nothing if it is empty or does not begin with UTF-8.
[[nodiscard]] inline std::optional<Character> first_character(std::string_view text) {
  utf8proc_int32_t code = -1;
  const utf8proc_ssize_t bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  if (bytes <= 0) return std::nullopt;
  return Character{.code = static_cast<char32_t>(code), .bytes = static_cast<std::size_t>(bytes)};
}

/// How many characters the text has; nothing if it is not UTF-8.
[[nodiscard]] inline std::optional<std::size_t> count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const std::optional<Character> character = first_character(text);
    if (!character) return std::nullopt;
    text.remove_prefix(character->bytes);
  }
  return count;
}

/// Whether a terminal might do something else with it than show it: Unicode's C0 and C1.
[[nodiscard]] inline bool is_control(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code)) == UTF8PROC_CATEGORY_CC;
}

/// Whether it ends a line somewhere: the controls, and Unicode's line and paragraph separators.
[[nodiscard]] inline bool breaks_line(char32_t code) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

/// Whether readers see nothing of it, or take it for something else: all controls, characters that
/// only steer the others (zero width, writing direction, soft hyphen, mark of byte order), and
/// every space but the plain one.
[[nodiscard]] inline bool is_invisible(char32_t code) {
  // Of the characters that choose between two looks of the one before them, emoji are full.
  if (code >= 0xFE00 && code <= 0xFE0F) return false;
  const auto signed_code = static_cast<utf8proc_int32_t>(code);
  const bool is_other_space =
      utf8proc_category(signed_code) == UTF8PROC_CATEGORY_ZS && code != U' ';
  return is_other_space || breaks_line(code) ||
         utf8proc_category(signed_code) == UTF8PROC_CATEGORY_CF ||
         utf8proc_get_property(signed_code)->ignorable;
}

}  // namespace cbr::utf8
