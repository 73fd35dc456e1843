// What the program has to say beside its results.
#pragma once

#include <string_view>

namespace cbr::tool {

/// Prints "cbr: " and the text to standard error, in one line whatever is in it: messages quote
/// files, arguments and drivers.
void print_error(std::string_view text);

/// The same with "cbr: note: ".
void print_note(std::string_view text);

}  // namespace cbr::tool
