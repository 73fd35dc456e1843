// Results to standard output, with failures noticed.
#pragma once

#include <stdexcept>
#include <string_view>

namespace cbr::tool {

/// Whoever read standard output has gone: `cbr bench | head -1`. No error worth a message.
class BrokenPipe : public std::runtime_error {
 public:
  BrokenPipe() : std::runtime_error("standard output was closed") {}
};

/// Makes writes to a closed pipe fail, rather than end the program with work in flight.
void ignore_broken_pipes();

/// Writes `text` at once. Throws BrokenPipe, or Error if it can't be written (a full disk, say).
void write_output(std::string_view text);

}  // namespace cbr::tool
