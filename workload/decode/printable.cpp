#include "decode/printable.h"

#include <limits>
#include <optional>

#include <fmt/format.h>

#include "text/utf8.h"

namespace cbr::decode {
namespace {

std::string escape(std::string_view text, std::size_t longest) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= longest) return out + "...";
    const std::optional<utf8::Character> character = utf8::first_character(text);
    const std::size_t taken = character ? character->bytes : 1;
    if (character && !utf8::breaks_line(character->code)) {
      out += text.substr(0, taken);
    } else {
      for (const char byte : text.substr(0, taken)) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  return escape(text, 120);
}

std::string in_quotes(std::string_view text) {
  return '"' + printable(text) + '"';
}

std::string printable_path(const std::filesystem::path& path) {
  return escape(path.string(), std::numeric_limits<std::size_t>::max());
}

}  // namespace cbr::decode
