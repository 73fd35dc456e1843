#include "decode/byte_alphabet.h"

#include <array>
#include <cstdint>

#include <utf8proc.h>

namespace cbr::decode {
namespace {

// Every byte's character. Bytes that are printable in Latin-1 stand for themselves; the others
// take the characters from U+0100 on, in order.
constexpr std::array<std::uint16_t, 256> make_alphabet() {
  std::array<std::uint16_t, 256> characters{};
  std::uint16_t next = 0x100;
  for (std::uint16_t byte = 0; byte < 256; ++byte) {
    const bool is_printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = is_printable ? byte : next++;
  }
  return characters;
}

constexpr std::array<std::uint16_t, 256> alphabet = make_alphabet();
constexpr std::size_t alphabet_end = 0x144;  // one past the alphabet's last character

constexpr std::array<std::int16_t, alphabet_end> make_inverse() {
  std::array<std::int16_t, alphabet_end> bytes{};
  for (std::int16_t& byte : bytes) byte = -1;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    bytes[alphabet[byte]] = static_cast<std::int16_t>(byte);
  }
  return bytes;
}

constexpr std::array<std::int16_t, alphabet_end> inverse = make_inverse();

}  // namespace

std::string bytes_of_entry(std::string_view entry) {
  std::string bytes;
  std::string_view rest = entry;
  while (!rest.empty()) {
    utf8proc_int32_t character = -1;
    const utf8proc_ssize_t length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(rest.data()),
                         static_cast<utf8proc_ssize_t>(rest.size()), &character);
    const bool is_known =
        length > 0 && static_cast<std::size_t>(character) < alphabet_end && inverse[character] >= 0;
    if (!is_known) return std::string(entry);
    bytes += static_cast<char>(inverse[character]);
    rest.remove_prefix(static_cast<std::size_t>(length));
  }
  return bytes;
}

std::string entry_of_byte(unsigned char byte) {
  std::array<utf8proc_uint8_t, 4> encoded{};
  const utf8proc_ssize_t length = utf8proc_encode_char(alphabet[byte], encoded.data());
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

}  // namespace cbr::decode
