// Acquire, submit and recycle allocate nothing in steady state: every allocation is counted.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/submit_policy.h>

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

struct Variant {
  const char* name;
  RingOptions options;
  std::uint32_t queues = 1;
};

std::vector<Variant> variants() {
  std::vector<Variant> all{
      {"ring 1", {.ring_size = 1}},
      {"ring 2", {.ring_size = 2}},
      {"ring 3", {.ring_size = 3}},
      {"without statistics", {.ring_size = 3, .track_statistics = false}},
      {"spin", {.ring_size = 3, .wait_strategy = WaitStrategy::spin}},
      {"hybrid", {.ring_size = 3, .wait_strategy = WaitStrategy::hybrid, .spin_limit = 1us}},
      {"observer", {.ring_size = 3, .observer = std::make_shared<Observer>()}},
      {"without watchdog", {.ring_size = 3, .hang_warning_ms = 0}},
  };
  for (const std::uint32_t queues : {1U, 4U}) {
    for (const auto strategy : {AllocationStrategy::round_robin, AllocationStrategy::least_busy,
                                AllocationStrategy::priority}) {
      all.push_back({"strategy", {.ring_size = 8, .allocation_strategy = strategy}, queues});
    }
  }
  return all;
}

TEST(Allocation, SteadyStateAllocatesNothing) {
  for (const Variant& variant : variants()) {
    CommandBufferRing ring(simulated::make_gpu(variant.queues), variant.options);
    allocations_in(ring, 50);
    EXPECT_EQ(allocations_in(ring, 1000), 0U)
        << variant.name << ", " << variant.queues << " queues, "
        << to_string(variant.options.allocation_strategy);
  }
}

TEST(Allocation, ASequenceThatIsUsedOnAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 3});
  Sequence sequence = ring.sequence();
  const auto steps = [&](int count) {
    const std::size_t before = allocations;
    for (int i = 0; i < count; ++i) {
      Lease first = sequence.acquire();
      Lease second = sequence.acquire();
      std::move(second).submit();  // is held, until the first is submitted
      std::move(first).submit();
    }
    ring.drain();
    return allocations - before;
  };
  steps(50);
  EXPECT_EQ(steps(1000), 0U);
}

TEST(Allocation, KeepingAnObjectAliveAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 3});
  const auto object = std::make_shared<int>(0);
  const auto steps = [&](int count) {
    const std::size_t before = allocations;
    for (int i = 0; i < count; ++i) {
      Lease lease = ring.acquire();
      lease.keep_alive(object);
      const Ticket ticket = std::move(lease).submit();
      ticket.wait();
    }
    return allocations - before;
  };
  // Until each pooled record has had an object once.
  while (steps(100) != 0) {
  }
  EXPECT_EQ(steps(1000), 0U);
}

TEST(Allocation, ASubmitPolicyAllocatesNothing) {
  const std::size_t before = allocations;
  SubmitPolicy policy({.max_commands = 10, .max_age = 1ms, .ramp = 2});
  for (int i = 0; i < 1000; ++i) {
    if (policy.add(1, 100) || policy.due(TimePoint(i * 1us))) policy.submitted();
  }
  EXPECT_GT(policy.statistics().submissions, 0U);
  EXPECT_EQ(allocations, before);
}

TEST(Allocation, TheCounterCounts) {
  const std::size_t before = allocations;
  // Called by name, since a compiler may leave out a new-expression.
  ::operator delete(::operator new(1));
  EXPECT_EQ(allocations, before + 1);
}

}  // namespace
}  // namespace cbr
