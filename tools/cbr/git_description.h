// Which commit the program was built from.
#pragma once

#include <string_view>

namespace cbr::tool {

/// What `git describe` said of the sources: "v0.1.0-12-gdc4ac84", or a commit alone. Empty where
/// there was no repository. Its source is written by the build, by cmake/GitDescription.cmake.
[[nodiscard]] std::string_view git_description() noexcept;

}  // namespace cbr::tool
