// Arguments that nothing was expecting.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace cbr::tool {

/// Says which argument of a parsed command line nothing was expecting, and what may have been
/// meant. One line; the parser's own text lists all of them, in odd order.
[[nodiscard]] std::string describe_surplus(const CLI::App& app);

}  // namespace cbr::tool
