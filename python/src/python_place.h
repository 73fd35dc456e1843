// The line of Python that called, as C++ names places.
#pragma once

#include <source_location>

namespace cbr::python {

/// The innermost Python line, for the ring's messages of leases that were dropped: without it they
/// would all name the same line of these bindings. `fallback` where no Python runs. Needs the GIL.
[[nodiscard]] std::source_location python_place(
    std::source_location fallback = std::source_location::current());

}  // namespace cbr::python
