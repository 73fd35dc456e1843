// What `cbr doctor` says of Metal.
#pragma once

#include <string>

namespace cbr::tool {

/// Lines, each with its end. Opens the system's device where Metal is compiled in.
[[nodiscard]] std::string describe_metal();

}  // namespace cbr::tool
