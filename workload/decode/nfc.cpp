#include "decode/nfc.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <utf8proc.h>

#include <cbr/errors.h>

namespace cbr::decode {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

}  // namespace

std::string to_nfc(std::string_view text) {
  // ASCII is in form C already. Most text is, and this costs a fraction of the full pass.
  const bool is_ascii = std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<signed char>(c) >= 0; });
  if (is_ascii) return std::string(text);
  utf8proc_uint8_t* memory = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &memory,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(memory);
  if (length < 0) {
    throw InputError(fmt::format("text: cannot be normalized: {}", utf8proc_errmsg(length)));
  }
  return {reinterpret_cast<const char*>(memory), static_cast<std::size_t>(length)};
}

}  // namespace cbr::decode
