// Text from a file or a user, made safe to put in a one-line error message.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cbr::decode {

/// Returns `text` on one line: control characters, line separators and bytes that are not UTF-8
/// become \xNN, and what is longer than about 120 bytes ends in "...".
[[nodiscard]] std::string printable(std::string_view text);

/// As printable(), between double quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// A path for an error message: on one line, never shortened.
[[nodiscard]] std::string printable_path(const std::filesystem::path& path);

}  // namespace cbr::decode
