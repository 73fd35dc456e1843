// Tables for notebooks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cbr::python {

/// The text with what HTML would take for its own replaced.
[[nodiscard]] std::string html_text(std::string_view text);

/// A table of texts, which are escaped.
class HtmlTable {
 public:
  explicit HtmlTable(const std::vector<std::string>& headings);
  void add_row(const std::vector<std::string>& cells);
  /// `<table>...</table>`
  [[nodiscard]] std::string text() const;

 private:
  std::string rows_;
};

}  // namespace cbr::python
