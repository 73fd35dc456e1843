// "-" in the place of a file's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/printable.h"

namespace cbr::tool {

/// What stands for standard input in messages.
inline constexpr const char* standard_input_name = "/dev/stdin";

/// Whether a file's name stands for standard input or output.
[[nodiscard]] inline bool is_standard(std::string_view name) {
  return name == "-";
}

/// What a file that is read is called in messages. It may be "-".
[[nodiscard]] inline std::string input_name(const std::string& name) {
  return is_standard(name) ? standard_input_name : text::printable_path(name);
}

/// Takes standard input for a flag or argument. Throws InputError if another one has it already:
/// what was read can't be read again.
void claim_standard_input(std::string_view flag);

/// Takes standard input and reads it to its end. Blocks; Ctrl-C ends the program as long as nothing
/// catches it. Throws InputError as claim_standard_input() does, if there are more than `most`
/// bytes, or if it can't be read.
[[nodiscard]] std::string read_standard_input(std::string_view flag, std::uint64_t most);

}  // namespace cbr::tool
