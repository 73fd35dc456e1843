// Unicode normalization form C.
#pragma once

#include <string>
#include <string_view>

namespace cbr::decode {

/// Returns valid UTF-8 in normalization form C. Takes O(n log n) time. Throws InputError if `text`
/// is not valid UTF-8.
[[nodiscard]] std::string to_nfc(std::string_view text);

}  // namespace cbr::decode
