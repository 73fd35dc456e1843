// The alphabet in which byte-level tokenizers write bytes: one printable character for each byte.
#pragma once

#include <string>
#include <string_view>

namespace cbr::decode {

/// The bytes that a vocabulary entry stands for. An entry with a character outside the alphabet
/// stands for its own UTF-8 bytes. `entry` must be valid UTF-8.
[[nodiscard]] std::string bytes_of_entry(std::string_view entry);

/// The alphabet's character for one byte, as UTF-8.
[[nodiscard]] std::string entry_of_byte(unsigned char byte);

}  // namespace cbr::decode
