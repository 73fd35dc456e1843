// A soak run: rounds until the time is up, and a look at what the process takes meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "soak/target.h"

namespace cbr::soak {

struct SoakOptions {
  std::chrono::nanoseconds length{0};
  std::uint64_t seed = 0;
  /// Runs this round again and again, to find a failure anew.
  std::optional<std::uint64_t> round;
  /// How the user named the targets, for the line that tells how to run it again.
  std::string backend;
};

/// Runs rounds on the targets in turn. Writes progress to standard error, and the result, in one
/// line, to standard output. Returns true if all is well; what is not goes to standard error, with
/// how to find it anew. Ends the process if a round does not move on. Blocks.
[[nodiscard]] bool soak(const SoakOptions& options,
                        const std::vector<std::unique_ptr<Target>>& targets);

}  // namespace cbr::soak
