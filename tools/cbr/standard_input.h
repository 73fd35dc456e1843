// "-" in the place of a file's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cbr::tool {

/// What stands for standard input in messages.
inline constexpr const char* standard_input_name = "/dev/stdin";

/// Whether a file's name stands for standard input or output.
[[nodiscard]] inline bool is_standard(std::string_view name) {
  return name == "-";
}

/// Takes standard input for a flag or argument. Throws InputError if another one has it already:
/// what was read can't be read again.
void claim_standard_input(std::string_view flag);

/// Takes standard input and reads it to its end. Blocks; Ctrl-C ends the program as long as nothing
/// catches it. Throws InputError as claim_standard_input() does, if there are more than `most`
/// bytes, or if it can't be read.
[[nodiscard]] std::string read_standard_input(std::string_view flag, std::uint64_t most);

}  // namespace cbr::tool
