// What --output names: a file, which is either written whole or not at all, or whatever else stands
// there, which stays what it is.
#pragma once

#include <filesystem>
#include <string_view>

namespace cbr::tool {

/// Checks, before hours of work, that the output can be written: a file whose folder exists and
/// allows it, a pipe, a device such as /dev/null or /dev/tty, or an open descriptor such as
/// /dev/stdout or /dev/fd/3; a symbolic link stands for what it leads to. No folder, block device
/// or socket. `flag` stands in the message. Throws InputError.
void require_writable(std::string_view flag, const std::filesystem::path& path);

/// Writes `text` to what `path` leads to. A file is written under another name in the same folder
/// and then renamed, so that no reader ever sees half of it, and keeps its rights; if that fails,
/// an older one is as it was. One that can't be replaced (it has a second name, belongs to somebody
/// else, or is mounted by itself) is written in place, and so is what is no file. Blocks where a
/// pipe has no reader. Throws Error if it can't be written.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace cbr::tool
