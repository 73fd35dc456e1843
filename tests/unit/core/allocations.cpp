#include "unit/core/allocations.h"

#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

namespace cbr::test {
namespace {

struct Plan {
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

  std::size_t succeed = all;
  std::size_t fail = 0;
  std::size_t failed = 0;
};
thread_local Plan plan;

void note_allocation() {
  ++allocation_count;
  if (plan.succeed == Plan::all) return;
  if (plan.succeed > 0) {
    --plan.succeed;
    return;
  }
  if (plan.failed == plan.fail) return;
  ++plan.failed;
  throw std::bad_alloc();
}

}  // namespace

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
