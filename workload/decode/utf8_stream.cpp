#include "decode/utf8_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include <utf8proc.h>

#include "text/utf8.h"

namespace cbr::decode {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Bytes of the character at the front of `text`; 0 if there is no valid one.
std::size_t character_length(std::string_view text) {
  const std::optional<utf8::Character> character = utf8::first_character(text);
  return character ? character->bytes : 0;
}

// Whether more bytes could make `part` one character. The lead byte tells the length, and the
// lowest and the highest continuation byte between them satisfy every range that a second byte
// may be held to.
bool is_beginning(std::string_view part) {
  const auto lead = static_cast<unsigned char>(part.front());
  const std::size_t length = utf8proc_utf8class[lead] > 0 ? utf8proc_utf8class[lead] : 0;
  if (part.size() >= length) return false;
  return std::ranges::any_of(std::array{'\x80', '\xBF'}, [&](char filler) {
    std::string candidate(part);
    candidate.resize(length, filler);
    return character_length(candidate) == length;
  });
}

// Bytes of the longest broken sequence at the front of `text` that one replacement stands for.
std::size_t broken_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && is_beginning(text.substr(0, length + 1))) ++length;
  return length;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::size_t length = character_length(text.substr(offset));
    if (length == 0) return offset;
    offset += length;
  }
  return std::nullopt;
}

std::string Utf8Stream::push(std::string_view bytes) {
  const std::string joined = std::exchange(pending_, {}).append(bytes);
  std::string_view rest = joined;
  std::string text;
  while (!rest.empty()) {
    std::size_t taken = character_length(rest);
    if (taken > 0) {
      text += rest.substr(0, taken);
    } else if (is_beginning(rest)) {
      pending_ = rest;
      break;
    } else {
      taken = broken_length(rest);
      text += replacement;
    }
    rest.remove_prefix(taken);
  }
  return text;
}

std::string Utf8Stream::finish() {
  return std::exchange(pending_, {}).empty() ? std::string() : std::string(replacement);
}

}  // namespace cbr::decode
