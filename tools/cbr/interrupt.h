// Ctrl-C as a flag that loops look at.
#pragma once

#include <atomic>

namespace cbr::tool {

/// From now on the first Ctrl-C (SIGINT) or SIGTERM sets interrupted() and does nothing else, so
/// that work in flight can end in order. A second one ends the program at once. To be called by
/// what looks at the flag, once nothing before it can wait for a user's file.
void catch_interrupts();

/// True once Ctrl-C was pressed.
[[nodiscard]] const std::atomic<bool>& interrupted() noexcept;

}  // namespace cbr::tool
