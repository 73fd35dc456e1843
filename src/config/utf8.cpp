#include "config/utf8.h"

#include <array>

namespace cbr::config {
namespace {

/// The least code that needs this many bytes; what has more of them than it needs is not UTF-8.
constexpr std::array<char32_t, 5> least_code = {0, 0, 0x80, 0x800, 0x10000};

std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if ((first & 0xE0U) == 0xC0U) return 2;
  if ((first & 0xF0U) == 0xE0U) return 3;
  if ((first & 0xF8U) == 0xF0U) return 4;
  return 0;
}

}  // namespace

std::optional<Character> first_character(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = length_of(first);
  if (length == 0 || length > text.size()) return std::nullopt;
  // The bits that the first byte has for the code.
  char32_t code = length == 1 ? first : first & (0x7FU >> length);
  for (const char each : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(each);
    if ((byte & 0xC0U) != 0x80U) return std::nullopt;
    code = (code << 6U) | (byte & 0x3FU);
  }
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < least_code.at(length) || code > 0x10FFFF || is_surrogate) return std::nullopt;
  return Character{.code = code, .bytes = length};
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
