#include "config/source_text.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "text/utf8.h"

namespace cbr::config {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr char32_t next_line = 0x85;

bool is_allowed(char32_t code) {
  return !utf8::is_control(code) || code == '\t' || code == '\n' || code == '\r' ||
         code == next_line;
}

}  // namespace

SourceText::SourceText(std::string_view text) : text_(text) {
  if (text_.starts_with(byte_order_mark)) text_.remove_prefix(byte_order_mark.size());
  characters_before_.reserve(text_.size() + 1);
  std::uint32_t characters = 0;
  for (std::size_t i = 0; i < text_.size(); ++characters) {
    const std::optional<utf8::Character> character = utf8::first_character(text_.substr(i));
    const std::size_t bytes = character ? character->bytes : 1;
    characters_before_.insert(characters_before_.end(), bytes, characters);
    if (!character || !is_allowed(character->code)) {
      characters_before_.push_back(characters);
      const Place place = place_of(line_starts_.size() - 1, i - line_starts_.back());
      throw YamlError(place,
                      character
                          ? fmt::format("the control character U+{:04X} stands here; expected text",
                                        static_cast<std::uint32_t>(character->code))
                          : fmt::format("the byte 0x{:02X} is not UTF-8; expected text in UTF-8",
                                        static_cast<unsigned char>(text_[i])));
    }
    i += bytes;
    if (character->code == '\n') line_starts_.push_back(i);
  }
  characters_before_.push_back(characters);
}

Place SourceText::place_of(std::size_t line, std::size_t byte) const {
  const std::size_t known_line = std::min(line, line_starts_.size() - 1);
  const std::size_t start = line_starts_[known_line];
  const std::size_t position = std::min(start + byte, text_.size());
  return {.line = static_cast<std::uint32_t>(known_line) + 1,
          .column = characters_before_[position] - characters_before_[start] + 1};
}

std::string_view SourceText::line(std::uint32_t number) const {
  if (number == 0 || number > line_starts_.size()) return {};
  const std::string_view rest = text_.substr(line_starts_[number - 1]);
  return rest.substr(0, rest.find('\n'));
}

}  // namespace cbr::config
