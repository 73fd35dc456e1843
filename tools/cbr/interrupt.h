// Ctrl-C as a flag that loops look at.
#pragma once

#include <atomic>

namespace cbr::tool {

/// Lets signals end the program where it is process 1, as it is in a container without an init: the
/// kernel gives that process none of the signals' usual courses. To be called first of all.
void end_on_signals_as_init();

/// From now on the first Ctrl-C (SIGINT) or SIGTERM sets interrupted() and does nothing else, so
/// that work in flight can end in order. A second one, of either, ends the program at once, as
/// process 1 too. To be called by what looks at the flag, once nothing before it can wait for a
/// user's file.
void catch_interrupts();

/// True once Ctrl-C was pressed.
[[nodiscard]] const std::atomic<bool>& interrupted() noexcept;

}  // namespace cbr::tool
