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

/// Two of these join letters of many languages, and say how emoji go together.
bool is_unseen(char32_t code) {
  constexpr char32_t zero_width_non_joiner = 0x200C;
  constexpr char32_t zero_width_joiner = 0x200D;
  return utf8::is_invisible(code) && code != '\t' && code != '\n' && code != '\r' &&
         code != zero_width_non_joiner && code != zero_width_joiner;
}

std::string_view name_of(char32_t code) {
  switch (code) {
    case next_line:
      return "next line";
    case 0xA0:
      return "no-break space";
    case 0xAD:
      return "soft hyphen";
    case 0x200B:
      return "zero-width space";
    case 0x2028:
      return "line separator";
    case 0x2029:
      return "paragraph separator";
    case 0x202F:
      return "narrow no-break space";
    case 0x2060:
      return "word joiner";
    case 0x3000:
      return "ideographic space";
    case 0xFEFF:
      return "mark of byte order";
    default:
      break;
  }
  if ((code >= 0x2000 && code <= 0x200A) || code == 0x205F) return "a space of another width";
  return "invisible";
}

/// How text in UTF-16 begins, with a mark of byte order or without.
bool looks_like_utf16(std::string_view text) {
  if (text.size() < 2) return false;
  const bool has_mark = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  return has_mark || (text[0] == '\0') != (text[1] == '\0');
}

}  // namespace

bool has_unseen(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::optional<utf8::Character> character = utf8::first_character(text.substr(i));
    if (character && is_unseen(character->code)) return true;
    i += character ? character->bytes : 1;
  }
  return false;
}

std::string describe(const UnseenCharacter& character) {
  return fmt::format(
      "the character U+{:04X} ({}) stands here; expected a plain space, or quotes around a text "
      "that needs it",
      static_cast<std::uint32_t>(character.code), name_of(character.code));
}

SourceText::SourceText(std::string_view text) : text_(text) {
  if (looks_like_utf16(text)) {
    throw YamlError({}, "the file is in UTF-16; expected text in UTF-8");
  }
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

std::optional<UnseenCharacter> SourceText::find_unseen(std::size_t line, std::size_t byte,
                                                       std::uint32_t last_line) const {
  if (line >= line_starts_.size()) return std::nullopt;
  const std::size_t start = line_starts_[line];
  const std::size_t end = last_line < line_starts_.size() ? line_starts_[last_line] : text_.size();
  for (std::size_t i = start + byte; i < end;) {
    const std::optional<utf8::Character> character = utf8::first_character(text_.substr(i));
    if (character && is_unseen(character->code)) {
      // It may be in a later line than the first.
      const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), i);
      const auto found = static_cast<std::size_t>(next - line_starts_.begin()) - 1;
      return UnseenCharacter{.where = place_of(found, i - line_starts_[found]),
                             .code = character->code};
    }
    i += character ? character->bytes : 1;
  }
  return std::nullopt;
}

}  // namespace cbr::config
