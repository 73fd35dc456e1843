#include "html_table.h"

namespace cbr::python {
namespace {

/// The first cell names the row, so it is left-aligned as names are.
std::string row_of(const std::vector<std::string>& cells, std::string_view tag) {
  std::string row = "<tr>";
  bool is_first = true;
  for (const std::string& cell : cells) {
    row.append("<").append(tag).append(is_first ? " style=\"text-align:left\">" : ">");
    row.append(html_text(cell)).append("</").append(tag).append(">");
    is_first = false;
  }
  return row + "</tr>\n";
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#x27;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

HtmlTable::HtmlTable(const std::vector<std::string>& headings) : rows_(row_of(headings, "th")) {}

void HtmlTable::add_row(const std::vector<std::string>& cells) {
  rows_ += row_of(cells, "td");
}

std::string HtmlTable::text() const {
  return "<table>\n" + rows_ + "</table>\n";
}

}  // namespace cbr::python
