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

/// Sees to it that no file which is opened later gets the number of a standard stream that the
/// program was started without, and then what is written to that. Writing to such a stream fails.
void fill_missing_streams();

/// Writes `data` at once, as it is. Throws BrokenPipe, or Error if it can't be written (a full
/// disk, say).
void write_output(std::string_view data);

/// Writes text for people, which may quote what files and drivers say: as text::printable_lines()
/// makes it. Throws as write_output() does.
void print_text(std::string_view text);

/// Writes what a model has made up: as it is, but to a terminal as print_text() does. Throws as
/// write_output() does.
void write_generated(std::string_view text);

}  // namespace cbr::tool
