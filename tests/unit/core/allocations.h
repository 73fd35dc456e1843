// Allocations of a test program, counted and made to fail. allocations.cpp replaces operator new:
// the program links it.
#pragma once

#include <atomic>
#include <cstddef>

namespace cbr::test {

/// How many there have been, on all threads.
inline std::atomic<std::size_t> allocation_count = 0;

/// From now on, allocations of this thread throw std::bad_alloc after the first `succeed`: `fail`
/// of them, and those behind them succeed again.
void fail_allocations(std::size_t succeed, std::size_t fail);
/// Ends that. Returns whether any has failed.
bool stop_failing();

/// An allocation, whatever the compiler thinks of it.
void allocate();

}  // namespace cbr::test
