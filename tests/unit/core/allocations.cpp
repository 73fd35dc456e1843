#include "unit/core/allocations.h"

#include <cstdlib>
#include <new>
#include <utility>

namespace cbr::test {
namespace {

thread_local AllocationPlan plan;

/// As good as is needed here, and quick (SplitMix64).
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t value = state += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

void note_allocation() {
  ++allocation_count;
  if (plan.one_in != 0 && next_random(plan.random) % plan.one_in == 0) {
    ++*plan.failures;
    throw std::bad_alloc();
  }
  if (plan.succeed == AllocationPlan::all) return;
  if (plan.succeed > 0) {
    --plan.succeed;
    return;
  }
  if (plan.failed == plan.fail) return;
  ++plan.failed;
  throw std::bad_alloc();
}

}  // namespace

PlannedAllocations::PlannedAllocations(const AllocationPlan& inner)
    : outer_(std::exchange(plan, inner)) {}

PlannedAllocations::~PlannedAllocations() {
  plan = outer_;
}

void fail_allocations(std::size_t succeed, std::size_t fail) {
  plan = {.succeed = succeed, .fail = fail};
}

bool stop_failing() {
  return std::exchange(plan, {}).failed > 0;
}

void allocate() {
  // By name, since a compiler may leave out a new-expression.
  ::operator delete(::operator new(1));
}

}  // namespace cbr::test

// NOLINTBEGIN(cppcoreguidelines-no-malloc)
void* operator new(std::size_t size) {
  cbr::test::note_allocation();
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  cbr::test::note_allocation();
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)
