// What a submission waits for on the GPU that isn't the ring's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace cbr::detail {

/// For messages, which nobody may ever want: so it is not a text yet.
struct ForeignWaits {
  /// How many there are.
  std::size_t count = 0;
  /// What the first is: "semaphore". Lives as long as the process.
  const char* kind = "";
  /// Its handle.
  std::uint64_t first = 0;
  /// What it is to come to; empty if it only is or isn't.
  std::optional<std::uint64_t> value = {};
};

}  // namespace cbr::detail
