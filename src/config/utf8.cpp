#include "config/utf8.h"

#include <utf8proc.h>

namespace cbr::config {

std::optional<Character> first_character(std::string_view text) {
  utf8proc_int32_t code = -1;
  const utf8proc_ssize_t bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  if (bytes <= 0) return std::nullopt;
  return Character{.code = static_cast<char32_t>(code), .bytes = static_cast<std::size_t>(bytes)};
}

std::optional<std::size_t> count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const std::optional<Character> character = first_character(text);
    if (!character) return std::nullopt;
    text.remove_prefix(character->bytes);
  }
  return count;
}

}  // namespace cbr::config
