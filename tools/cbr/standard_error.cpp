#include "standard_error.h"

#include <cstdio>

#include <fmt/format.h>

#include "text/printable.h"

namespace cbr::tool {

void print_error(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  fmt::print(stderr, "cbr: {}\n", text::printable_line(text));
}

void print_note(std::string_view text) {
  print_error(fmt::format("note: {}", text));
}

}  // namespace cbr::tool
