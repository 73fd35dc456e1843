// UTF-8 that is checked, or arrives in pieces.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cbr::decode {

/// The offset of the first byte of `text` that is not part of valid UTF-8, or nothing.
[[nodiscard]] std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// Turns bytes that arrive in pieces into whole characters. A character cut by the end of a piece
/// waits for its rest. Bytes that can never become a character are replaced by U+FFFD, one for
/// each maximal broken sequence, as Unicode recommends.
class Utf8Stream {
 public:
  /// Adds bytes and returns the text that is now complete. Always valid UTF-8.
  [[nodiscard]] std::string push(std::string_view bytes);
  /// Ends the text: returns U+FFFD if a character was cut short, else nothing. The stream is
  /// then empty, as when new.
  [[nodiscard]] std::string finish();

 private:
  std::string pending_;  // the beginning of one character, at most three bytes
};

}  // namespace cbr::decode
