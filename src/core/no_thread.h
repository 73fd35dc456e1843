// What to say where the system has no thread for the library.
#pragma once

#include <system_error>

namespace cbr::detail {

/// Gives what `start` does, a thread. Throws std::system_error as it does, with a text that says
/// what could not be had: the system's own is "Resource temporarily unavailable" and no more.
template <typename Start>
auto or_explain(const Start& start) {
  try {
    return start();
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(),
                            "can't start a thread for the ring (see ulimit -u and -v, and the "
                            "container's limit of processes)");
  }
}

}  // namespace cbr::detail
