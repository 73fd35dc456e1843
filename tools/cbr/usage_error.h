// What is wrong with a command line, for who typed it.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace cbr::tool {

/// Says in one line which argument is wrong, what is needed or may have been meant, and which help
/// to look at. The parser's own texts count arguments, and list what it didn't expect in odd order.
[[nodiscard]] std::string describe_usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace cbr::tool
