// Text in aligned columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cbr::bench {

/// How many columns of a terminal a UTF-8 text takes, for text whose characters are one column
/// wide.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// A table whose first column is aligned left and whose others are aligned right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header);

  /// Adds a row. Cells that are missing at the end stay empty; surplus cells are dropped.
  void add_row(std::vector<std::string> cells);

  /// All rows, one a line, the header first and a rule under it. Ends with a line break.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace cbr::bench
