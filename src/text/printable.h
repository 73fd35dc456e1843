// What comes from outside - files, drivers, arguments, the environment - made fit to be shown. All
// that is foreign and reaches a terminal goes through here. Pure logic; its users link utf8proc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "text/utf8.h"

namespace cbr::text {

/// How many bytes of a text are enough to know it by.
inline constexpr std::size_t longest_shown = 120;

namespace detail {

inline constexpr std::string_view digits = "0123456789abcdef";

inline void append_hex(std::string& out, std::uint32_t number, int count) {
  while (count-- > 0) out += digits[(number >> (4U * static_cast<std::uint32_t>(count))) & 15U];
}

/// `bytes` are the character's, or one that is none.
inline void append_escaped(std::string& out, std::string_view bytes,
                           const std::optional<utf8::Character>& character) {
  if (!character || character->code < 0x80) {
    switch (bytes.front()) {
      case '\n':
        out += "\\n";
        return;
      case '\r':
        out += "\\r";
        return;
      case '\t':
        out += "\\t";
        return;
      default:
        out += "\\x";
        append_hex(out, static_cast<unsigned char>(bytes.front()), 2);
        return;
    }
  }
  const bool is_long = character->code > 0xFFFF;
  out += is_long ? "\\U" : "\\u";
  append_hex(out, character->code, is_long ? 8 : 4);
}

/// Copies `text`, with every byte that is not UTF-8 and every character that `hides` escaped.
template <typename Hides>
std::string escape(std::string_view text, std::size_t longest, const Hides& hides) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= longest) return out + "...";
    const std::optional<utf8::Character> character = utf8::first_character(text);
    const std::string_view bytes = text.substr(0, character ? character->bytes : 1);
    if (character && !hides(character->code)) {
      out += bytes;
    } else {
      append_escaped(out, bytes, character);
    }
    text.remove_prefix(bytes.size());
  }
  return out;
}

}  // namespace detail

/// `text` on one line: what a reader would not see, or what moves a terminal's cursor, and bytes
/// that are not UTF-8 become \n, \x1b or \u202e, and what is longer than about `longest` bytes ends
/// in "...". What has been made printable once stays as it is.
[[nodiscard]] inline std::string printable(std::string_view text,
                                           std::size_t longest = longest_shown) {
  return detail::escape(text, longest, utf8::is_invisible);
}

/// As printable(), between double quotes; those inside have a backslash.
[[nodiscard]] inline std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char byte : printable(text)) {
    if (byte == '"') out += '\\';
    out += byte;
  }
  return out + '"';
}

/// On one line and never shortened: a whole message.
[[nodiscard]] inline std::string printable_line(std::string_view text) {
  return printable(text, std::numeric_limits<std::size_t>::max());
}

/// The name of a file: on one line, never shortened. That of none, which nobody would see, is "".
[[nodiscard]] inline std::string printable_path(const std::filesystem::path& path) {
  return path.empty() ? "\"\"" : printable_line(path.string());
}

/// Text of several lines, such as a table: only what moves the cursor otherwise than line breaks
/// and tabs do is escaped, and bytes that are not UTF-8.
[[nodiscard]] inline std::string printable_lines(std::string_view text) {
  return detail::escape(text, std::numeric_limits<std::size_t>::max(), [](char32_t code) {
    return utf8::is_control(code) && code != U'\n' && code != U'\t';
  });
}

}  // namespace cbr::text
