// Acquire, submit and recycle allocate nothing in steady state: every allocation is counted.
#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;  // NOLINT(cppcoreguidelines-no-malloc)
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace cbr {
namespace {

using namespace std::chrono_literals;

std::size_t allocations_in(CommandBufferRing& ring, int cycles) {
  const std::size_t before = allocations;
  Ticket previous;
  for (int i = 0; i < cycles; ++i) {
    Lease lease = ring.acquire();
    simulated::record(lease, {.execute = 1us});
    Ticket ticket = std::move(lease).submit();
    if (previous.valid()) previous.wait();
    previous = std::move(ticket);
    if (i % 5 == 0) ring.acquire().discard();
  }
  ring.drain();
  return allocations - before;
}

TEST(Allocation, SteadyStateAllocatesNothing) {
  for (const std::uint32_t ring_size : {1U, 2U, 3U, 8U}) {
    for (const bool statistics : {true, false}) {
      CommandBufferRing ring(simulated::make_gpu(),
                             {.ring_size = ring_size, .track_statistics = statistics});
      allocations_in(ring, 10);
      EXPECT_EQ(allocations_in(ring, 1000), 0U) << "ring size " << ring_size;
    }
  }
}

TEST(Allocation, TheCounterCounts) {
  const std::size_t before = allocations;
  // Called by name, since a compiler may leave out a new-expression.
  ::operator delete(::operator new(1));
  EXPECT_EQ(allocations, before + 1);
}

}  // namespace
}  // namespace cbr
