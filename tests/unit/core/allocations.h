// Allocations of a test program, counted and made to fail. allocations.cpp replaces operator new:
// the program links it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

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

/// Which allocations of a thread fail.
struct AllocationPlan {
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

  std::size_t succeed = all;
  std::size_t fail = 0;
  std::size_t failed = 0;
  /// One in so many fails, by chance; 0: none does.
  std::uint32_t one_in = 0;
  std::uint64_t random = 0;
  std::atomic<std::uint64_t>* failures = nullptr;
};

/// Another plan for this thread's allocations, as long as it lives.
class PlannedAllocations {
 public:
  explicit PlannedAllocations(const AllocationPlan& plan);
  PlannedAllocations(const PlannedAllocations&) = delete;
  PlannedAllocations& operator=(const PlannedAllocations&) = delete;
  ~PlannedAllocations();

 private:
  AllocationPlan outer_;
};

/// One in `one_in` allocations of this thread fails, by chance, as long as it lives. `failures`
/// counts them.
class FailAtRandom : public PlannedAllocations {
 public:
  FailAtRandom(std::uint64_t seed, std::uint32_t one_in, std::atomic<std::uint64_t>& failures)
      : PlannedAllocations({.one_in = one_in, .random = seed, .failures = &failures}) {}
};

/// All allocations of this thread succeed as long as it lives: for what a test does of its own
/// within a call whose allocations fail.
class FailNone : public PlannedAllocations {
 public:
  FailNone() : PlannedAllocations(AllocationPlan{}) {}
};

}  // namespace cbr::test
