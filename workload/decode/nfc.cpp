#include "decode/nfc.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include <fmt/format.h>
#include <utf8proc.h>

#include <cbr/errors.h>

namespace cbr::decode {
namespace {

constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
constexpr std::size_t longest_decomposition = 32;

[[noreturn]] void fail(utf8proc_ssize_t error) {
  throw InputError(fmt::format("text: cannot be normalized: {}", utf8proc_errmsg(error)));
}

std::vector<utf8proc_int32_t> decompose(std::string_view text) {
  std::vector<utf8proc_int32_t> characters;
  characters.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t character = -1;
    const utf8proc_ssize_t bytes =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                         static_cast<utf8proc_ssize_t>(text.size()), &character);
    if (bytes < 0) fail(bytes);
    text.remove_prefix(static_cast<std::size_t>(bytes));
    std::array<utf8proc_int32_t, longest_decomposition> parts{};
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(character, parts.data(), parts.size(), options, nullptr);
    if (count < 0) fail(count);
    characters.insert(characters.end(), parts.begin(), parts.begin() + count);
  }
  return characters;
}

// Puts each run of combining marks in the order of their classes. The library does this with
// exchanges of neighbours, which takes hours for a megabyte of marks.
void order_marks(std::vector<utf8proc_int32_t>& characters) {
  const auto class_of = [](utf8proc_int32_t character) {
    return utf8proc_get_property(character)->combining_class;
  };
  const auto is_starter = [&](utf8proc_int32_t character) { return class_of(character) == 0; };
  auto begin = characters.begin();
  while (begin != characters.end()) {
    begin = std::find_if_not(begin, characters.end(), is_starter);
    const auto end = std::find_if(begin, characters.end(), is_starter);
    if (end - begin > 1) std::ranges::stable_sort(begin, end, {}, class_of);
    begin = end;
  }
}

}  // namespace

std::string to_nfc(std::string_view text) {
  // ASCII is in form C already. Most text is, and this costs a fraction of the full pass.
  const bool is_ascii = std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<signed char>(c) >= 0; });
  if (is_ascii) return std::string(text);
  std::vector<utf8proc_int32_t> characters = decompose(text);
  order_marks(characters);
  // The text is written over the characters, and ends in a zero.
  const auto count = static_cast<utf8proc_ssize_t>(characters.size());
  characters.push_back(0);
  const utf8proc_ssize_t length = utf8proc_reencode(characters.data(), count, options);
  if (length < 0) fail(length);
  return {reinterpret_cast<const char*>(characters.data()), static_cast<std::size_t>(length)};
}

}  // namespace cbr::decode
