// Small texts that tools leave in place of large files.
#pragma once

#include <optional>
#include <string_view>

namespace cbr::decode {

/// What `text` is, and how to get the file, if it stands in for a file that was never fetched: a
/// pointer of Git LFS, git-annex or Xet. Nothing for any other text. Reads like the end of a
/// sentence that begins with the file's name.
[[nodiscard]] std::optional<std::string_view> describe_stand_in(std::string_view text);

}  // namespace cbr::decode
