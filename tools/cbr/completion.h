// Scripts that make shells complete the command line.
#pragma once

#include <string>

#include "command_tree.h"

namespace cbr::tool {

/// Each returns the whole script for the program that `root` describes.
[[nodiscard]] std::string bash_completion(const CommandNode& root);
[[nodiscard]] std::string zsh_completion(const CommandNode& root);
[[nodiscard]] std::string fish_completion(const CommandNode& root);

}  // namespace cbr::tool
