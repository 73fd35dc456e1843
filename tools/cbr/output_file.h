// A file that is either written whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace cbr::tool {

/// Checks, before hours of work, that a file can be written: its folder exists and allows it, and
/// the path is no folder itself. `flag` stands in the message. Throws InputError.
void require_writable(std::string_view flag, const std::filesystem::path& path);

/// Writes the file under another name in the same folder and then renames it, so that no reader
/// ever sees half of it. Throws Error if that fails; an older file is then as it was.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace cbr::tool
