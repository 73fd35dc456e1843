// Acquire, submit and recycle allocate nothing in steady state: every allocation is counted.
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/submit_policy.h>

#include "unit/core/allocations.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using test::allocation_count;

/// How many times `steps` allocates, on whatever thread.
template <typename Steps>
std::size_t allocations_in(const Steps& steps) {
  const std::size_t before = allocation_count;
  steps();
  return allocation_count - before;
}

/// Runs `step` until it has found all that it needs, and shows that it then needs no more.
template <typename Step>
void expect_steady(const Step& step, int count = 1000) {
  for (int i = 0; i < 50; ++i) step();
  EXPECT_EQ(allocations_in([&] {
              for (int i = 0; i < count; ++i) step();
            }),
            0U);
}

Ticket submit(CommandBufferRing& ring) {
  Lease lease = ring.acquire();
  simulated::record(lease, {.execute = 1us});
  return std::move(lease).submit();
}

void run_cycles(CommandBufferRing& ring, int cycles) {
  Ticket previous;
  for (int i = 0; i < cycles; ++i) {
    Ticket ticket = submit(ring);
    if (previous.valid()) previous.wait();
    previous = std::move(ticket);
    if (i % 5 == 0) ring.acquire().discard();
  }
  ring.drain();
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
      {"block", {.ring_size = 3, .wait_strategy = WaitStrategy::block}},
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
    run_cycles(ring, 50);
    EXPECT_EQ(allocations_in([&] { run_cycles(ring, 1000); }), 0U)
        << variant.name << ", " << variant.queues << " queues, "
        << to_string(variant.options.allocation_strategy);
  }
}

TEST(Allocation, WaitingForASlotAllocatesNothing) {
  for (const auto strategy : {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::adaptive}) {
    CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 1, .wait_strategy = strategy});
    // The slot is in flight whenever one is asked for.
    expect_steady([&] { submit(ring); });
    EXPECT_GT(ring.statistics().wait_events, 1000U);
    ring.drain();
  }
}

TEST(Allocation, WaitingForTicketsAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(2), {.ring_size = 4});
  expect_steady([&] {
    const Ticket first = submit(ring);
    const Ticket second = submit(ring);
    (void)second.done();
    (void)second.wait_for(0ms);
    (void)second.wait_for(1ns);
    second.wait();
    EXPECT_TRUE(first.wait_for(1s));
    EXPECT_TRUE(first.wait_until(no_deadline));
    EXPECT_EQ(first.error(), nullptr);
    EXPECT_TRUE(first.gpu_interval());
    EXPECT_TRUE(first.gpu_end());
  });
}

/// A coroutine that is destroyed by whoever has its handle.
struct Steps {
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    Steps get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> coroutine;
};

/// Counts what one coroutine allocates that waits for each of its slots.
Steps run_asynchronously(CommandBufferRing& ring, std::atomic<std::size_t>& allocations,
                         std::atomic<bool>& ended) {
  std::size_t before = 0;
  for (int i = 0; i < 1050; ++i) {
    if (i == 50) before = allocation_count;
    Lease lease = co_await ring.acquire_async({.label = "a step"});
    simulated::record(lease, {.execute = 1us});
    std::move(lease).submit();
  }
  allocations = allocation_count - before;
  ended = true;
}

TEST(Allocation, AwaitingASlotAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 1});
  std::atomic<std::size_t> allocations = 0;
  std::atomic<bool> ended = false;
  const Steps steps = run_asynchronously(ring, allocations, ended);
  while (!ended) std::this_thread::yield();
  EXPECT_EQ(allocations, 0U);
  EXPECT_GT(ring.statistics().wait_events, 1000U);
  while (!steps.coroutine.done()) std::this_thread::yield();
  steps.coroutine.destroy();
}

TEST(Allocation, AskingForASlotWithACallbackAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 1});
  std::atomic<int> answered = 0;
  int asked = 0;
  expect_steady([&] {
    Lease lease = ring.acquire();
    AcquireHandle taken_back = ring.acquire_async({}, [](const AcquireResult&) {});
    ring.acquire_async({}, [&answered](AcquireResult result) {
      std::move(result).lease().discard();
      ++answered;
    });
    EXPECT_TRUE(taken_back.cancel());
    lease.discard();
    ++asked;
    while (answered != asked) std::this_thread::yield();
    // The request is back once nobody runs it any more, and the next finds it.
    while (ring.statistics().leased != 0) std::this_thread::yield();
  });
}

TEST(Allocation, TicketsThatAreKeptForAWhileAllocateNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 3});
  // As many as a ring of three makes room for, beside those under way.
  std::array<Ticket, 3> kept;
  std::size_t i = 0;
  expect_steady([&] {
    Ticket ticket = submit(ring);
    const Ticket copy = ticket;
    kept.at(i++ % kept.size()) = std::move(ticket);
  });
  // Many more, once there is room for them.
  std::vector<Ticket> many(100);
  for (Ticket& ticket : many) ticket = submit(ring);
  expect_steady([&] { many.at(i++ % many.size()) = submit(ring); });
}

TEST(Allocation, ASequenceThatIsUsedOnAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 3});
  Sequence sequence = ring.sequence();
  expect_steady([&] {
    Lease first = sequence.acquire();
    Lease second = sequence.acquire();
    const Ticket held = std::move(second).submit();  // until the first is submitted
    EXPECT_FALSE(held.wait_for(1ns));
    std::move(first).submit();
    held.wait();
    Lease given_up = sequence.acquire();
    Lease third = sequence.acquire();
    std::move(third).submit();
    given_up.discard();
  });
  ring.drain();
}

TEST(Allocation, WaitingForUpToFourSubmissionsAllocatesNothing) {
  const auto gpu = simulated::make_gpu(2);
  CommandBufferRing ring(gpu, {.ring_size = 8});
  CommandBufferRing other(gpu->another(), {.ring_size = 3});
  Sequence sequence = ring.sequence();
  Ticket last = submit(other);
  expect_steady([&] {
    const Ticket a = submit(ring);
    const Ticket b = submit(ring);
    last = other.acquire().submit({.after = {a, b, last, a}});
    // Held ones too.
    Lease first = sequence.acquire();
    const Ticket held = sequence.acquire().submit({.after = {last}});
    const Ticket after_held = other.acquire().submit({.after = {held, a}});
    std::move(first).submit();
    after_held.wait();
  });
  ring.drain();
}

TEST(Allocation, KeepingAnObjectAliveAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 3});
  const auto object = std::make_shared<int>(0);
  const auto submit_keeping = [&] {
    Lease lease = ring.acquire();
    lease.keep_alive(object);
    lease.keep_alive(object);
    return std::move(lease).submit();
  };
  {
    // Each of the ring's records has had its objects once.
    std::vector<Ticket> tickets;
    for (int i = 0; i < 6; ++i) tickets.push_back(submit_keeping());
  }
  expect_steady([&] {
    submit_keeping().wait();
    // The completion thread has let go of them.
    while (object.use_count() > 1) std::this_thread::yield();
    Lease lease = ring.acquire();
    lease.keep_alive(object);
    lease.discard();
  });
}

TEST(Allocation, CallbacksAllocateNothing) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 3});
  std::atomic<int> run = 0;
  const auto count = [&run](const Ticket& ticket) {
    EXPECT_TRUE(ticket.done());
    ++run;
  };
  int given = 0;
  const auto wait_for_all = [&] {
    while (run < given) std::this_thread::yield();
  };
  // Several at once, so that there is one to take while the thread still has the last in its hands.
  gpu->pause();
  std::array<Ticket, 3> tickets;
  for (Ticket& ticket : tickets) {
    ticket = submit(ring);
    for (int i = 0; i < 3; ++i, ++given) ticket.on_complete(count);
  }
  gpu->release();
  wait_for_all();
  expect_steady([&] {
    const Ticket ticket = submit(ring);
    ticket.on_complete(count);
    const CallbackHandle kept = ticket.on_complete(count);
    given += 2;
    wait_for_all();
    // At once, on this thread.
    ticket.on_complete(count);
    ++given;
  });
}

TEST(Allocation, TakingCallbacksBackAllocatesNothing) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 3});
  gpu->pause();
  const Ticket ticket = submit(ring);
  expect_steady([&] {
    CallbackHandle first = ticket.on_complete([](const Ticket& /*ticket*/) { ADD_FAILURE(); });
    CallbackHandle second = ticket.on_complete([](const Ticket& /*ticket*/) { ADD_FAILURE(); });
    EXPECT_TRUE(first.cancel());
    EXPECT_TRUE(second.cancel());
  });
  gpu->release();
  ticket.wait();
}

TEST(Allocation, ACycleWhoseCallbackIsTakenBackAllocatesNothing) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 3});
  expect_steady([&] {
    // Else the completion thread may be quicker.
    gpu->pause();
    const Ticket ticket = submit(ring);
    EXPECT_TRUE(ticket.on_complete([](const Ticket& /*ticket*/) { ADD_FAILURE(); }).cancel());
    gpu->release();
    ticket.wait();
  });
}

TEST(Allocation, WaitingForAnyOfATicketsRingAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(2), {.ring_size = 4});
  std::array<Ticket, 3> tickets;
  expect_steady([&] {
    for (Ticket& ticket : tickets) ticket = submit(ring);
    (void)wait_any_for(tickets, 0ms);
    (void)wait_any(tickets);
    EXPECT_TRUE(wait_any_for(tickets, 1s));
  });
}

TEST(Allocation, WaitingForAnyOfFourRingsAllocatesNothing) {
  std::vector<CommandBufferRing> rings;
  for (int i = 0; i < 4; ++i)
    rings.emplace_back(simulated::make_gpu(), RingOptions{.ring_size = 2});
  std::array<Ticket, 8> tickets;
  expect_steady(
      [&] {
        for (std::size_t i = 0; i < tickets.size(); ++i) tickets.at(i) = submit(rings[i % 4]);
        EXPECT_LT(wait_any(tickets), tickets.size());
        for (const Ticket& ticket : tickets) ticket.wait();
      },
      200);
}

TEST(Allocation, LookingAtTheRingAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 4});
  expect_steady([&] {
    for (int i = 0; i < 4; ++i) submit(ring);
    ring.drain();
    EXPECT_EQ(ring.statistics().in_flight, 0U);
    ring.reset_statistics();
    EXPECT_TRUE(ring.leaked().empty());
    EXPECT_EQ(ring.ring_size(), 4U);
  });
}

TEST(Allocation, OfSeveralQueuesTheStatisticsAllocateNothingButTheirList) {
  CommandBufferRing ring(simulated::make_gpu(2), {.ring_size = 4});
  const auto look = [&] {
    for (int i = 0; i < 4; ++i) submit(ring);
    ring.drain();
    EXPECT_EQ(ring.statistics().gpu_by_queue.size(), 2U);
    ring.reset_statistics();
    EXPECT_TRUE(ring.leaked().empty());
  };
  for (int i = 0; i < 50; ++i) look();
  EXPECT_EQ(allocations_in(look), 1U);
}

TEST(Allocation, FindingNoSlotAllocatesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 2});
  Lease first = ring.acquire();
  Lease second = ring.acquire();
  expect_steady([&] {
    first.set_label("a label");
    EXPECT_FALSE(ring.try_acquire());
    EXPECT_FALSE(ring.try_acquire({.timeout = 0ms}));
    EXPECT_FALSE(ring.try_acquire_for(1us));
  });
  first.discard();
  second.discard();
}

TEST(Allocation, ASubmitPolicyAllocatesNothing) {
  const std::size_t before = allocation_count;
  SubmitPolicy policy({.max_commands = 10, .max_age = 1ms, .ramp = 2});
  for (int i = 0; i < 1000; ++i) {
    if (policy.add(1, 100) || policy.due(TimePoint(i * 1us))) policy.submitted();
  }
  EXPECT_GT(policy.statistics().submissions, 0U);
  EXPECT_EQ(allocation_count, before);
}

TEST(Allocation, ASubmitPolicyThatLearnsAllocatesNothing) {
  const std::size_t before = allocation_count;
  SubmitPolicy policy({.gpu_time_budget = 1ms});
  for (int i = 0; i < 1000; ++i) {
    if (!policy.add(1, 100, 1, "label")) continue;
    policy.submitted();
    policy.measured(policy.submission(), GpuInterval{1us, 9us});
  }
  EXPECT_GT(policy.statistics().submissions, 0U);
  EXPECT_EQ(allocation_count, before);
}

TEST(Allocation, TheCounterCounts) {
  const std::size_t before = allocation_count;
  test::allocate();
  EXPECT_EQ(allocation_count, before + 1);
}

}  // namespace
}  // namespace cbr
