// The text of a file: which characters it may have, and where they stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cbr::config {

/// A place in a text, counted from 1. Columns count characters.
struct Place {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

/// What makes a text unreadable.
class YamlError : public std::runtime_error {
 public:
  YamlError(Place where, const std::string& text) : std::runtime_error(text), where_(where) {}
  [[nodiscard]] Place where() const { return where_; }

 private:
  Place where_;
};

/// A character that readers do not see, or take for a plain space, where YAML does not.
struct UnseenCharacter {
  Place where;
  char32_t code = 0;
};

[[nodiscard]] bool has_unseen(std::string_view text);

/// "the character U+00A0 (no-break space) stands here; expected …"
[[nodiscard]] std::string describe(const UnseenCharacter& character);

/// Finds lines and columns. Refers to the text that it was made of.
class SourceText {
 public:
  /// Throws YamlError at the first byte that is not UTF-8, and at the first control character that
  /// YAML does not allow: the YAML library takes one of them for the end. Text in UTF-16 is called
  /// that.
  explicit SourceText(std::string_view text);

  /// All of it, without the mark of byte order that editors put first.
  [[nodiscard]] std::string_view text() const { return text_; }
  /// The place of a byte. Both are counted from 0; what lies beyond the end has the end's place.
  [[nodiscard]] Place place_of(std::size_t line, std::size_t byte) const;
  /// A line with its number, counted from 1; empty if there is none.
  [[nodiscard]] std::string_view line(std::uint32_t number) const;
  /// The first unseen character from a byte on, both counted from 0, before the end of line
  /// `last_line`, counted from 1.
  [[nodiscard]] std::optional<UnseenCharacter> find_unseen(std::size_t line, std::size_t byte,
                                                           std::uint32_t last_line) const;

 private:
  std::string_view text_;
  std::vector<std::size_t> line_starts_ = {0};
  /// How many characters stand before each byte and the end.
  std::vector<std::uint32_t> characters_before_;
};

}  // namespace cbr::config
