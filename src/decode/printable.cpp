#include "decode/printable.h"

#include <cstdint>
#include <limits>

#include <fmt/format.h>
#include <utf8proc.h>

namespace cbr::decode {
namespace {

bool breaks_line(utf8proc_int32_t codepoint) {
  const utf8proc_category_t category = utf8proc_category(codepoint);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

std::string escape(std::string_view text, std::size_t longest) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= longest) return out + "...";
    utf8proc_int32_t codepoint = -1;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    const utf8proc_ssize_t length =
        utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &codepoint);
    const std::size_t taken = length > 0 ? static_cast<std::size_t>(length) : 1;
    if (length > 0 && !breaks_line(codepoint)) {
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
