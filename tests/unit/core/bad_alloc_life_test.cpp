// Allocations that fail while a ring is made, reset, lost, or at its end, and what its completion
// threads do meanwhile: as in bad_alloc_test.cpp, nothing is lost.
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "unit/core/starved_bench.h"

namespace cbr::test {
namespace {

TEST(BadAlloc, ARingThatCantBeMadeLeavesItsBackendFree) {
  const std::array<RingOptions, 4> variants{
      RingOptions{.ring_size = 3},
      RingOptions{.ring_size = 4,
                  .allocation_strategy = AllocationStrategy::priority,
                  .reserved_slots = {1, 0, 0},
                  .hang_warning_ms = 0,
                  .name = "a name that is longer than what a string has room for"},
      RingOptions{.ring_size = 2, .wait_strategy = WaitStrategy::hybrid},
      RingOptions{.ring_size = 0},
  };
  for (const RingOptions& options : variants) {
    fail_each_allocation([&](Attempt& attempt) {
      const std::shared_ptr<Backend> backend =
          std::make_shared<AllocatingBackend>(simulated::make_gpu());
      std::optional<CommandBufferRing> ring;
      bool refused = false;
      const bool made = attempt([&] {
        try {
          ring.emplace(backend, with_sink(options));
        } catch (const InvalidOption&) {
          refused = true;
        }
      });
      EXPECT_EQ(refused, made && options.ring_size == 0);
      EXPECT_EQ(ring.has_value(), made && !refused);
      ring.reset();
      EXPECT_EQ(backend.use_count(), 1);
      ring.emplace(backend, with_sink({.ring_size = 1}));
      ring->acquire().discard();
    });
  }
}

TEST(BadAlloc, AResetThatFailsChangesNothing) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench;
    const std::shared_ptr<Backend> fresh =
        std::make_shared<AllocatingBackend>(simulated::make_gpu());
    const Ticket ticket = bench.submit();
    Lease lease = bench.ring().acquire();
    const bool done = attempt([&] { bench.ring().reset(fresh); });
    EXPECT_EQ(fresh.use_count() > 1, done);
    if (done) {
      EXPECT_TRUE(ticket.done());
      EXPECT_THROW((void)std::move(lease).submit(), InvalidUsage);
      EXPECT_EQ(bench.ring().statistics().total_acquisitions, 0U);
      for (int i = 0; i < 6; ++i) bench.submit().wait();
      bench.end();
      EXPECT_EQ(fresh.use_count(), 1);
    } else {
      std::move(lease).submit().wait();
      bench.expect_whole();
      // The other backend is nobody's.
      CommandBufferRing(fresh, {.ring_size = 1}).acquire().discard();
    }
  });
}

TEST(BadAlloc, TheEndOfARingEndsEverything) {
  fail_each_allocation([](Attempt& attempt) {
    const auto object = std::make_shared<int>(0);
    std::atomic<int> calls = 0;
    {
      Bench bench({.ring_size = 6});
      std::vector<Ticket> tickets;
      (void)bench.submit({.execute = 10us, .fault = Fault::fail_execution});
      tickets.push_back(bench.submit());
      tickets.back().on_complete(counting(calls));
      Lease keeping = bench.ring().acquire();
      keeping.keep_alive(object);
      tickets.push_back(std::move(keeping).submit());
      Sequence sequence = bench.ring().sequence();
      Lease first = sequence.acquire();
      first.keep_alive(object);
      Lease second = sequence.acquire();
      second.keep_alive(object);
      tickets.push_back(std::move(second).submit());
      tickets.back().on_complete(counting(calls));
      Lease other = bench.ring().acquire({.label = "a label"});
      EXPECT_TRUE(attempt([&] { bench.end(); }));
      for (const Ticket& ticket : tickets) EXPECT_TRUE(ticket.done());
      EXPECT_EQ(calls, 2);
      EXPECT_EQ(object.use_count(), 2) << "the lease's";
      EXPECT_THROW((void)std::move(other).submit(), InvalidUsage);
      first.discard();
      EXPECT_THROW((void)sequence.acquire(), InvalidUsage);
    }
    EXPECT_EQ(object.use_count(), 1);
  });
}

TEST(BadAlloc, WhatOutlivesTheRingIsSafe) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 4});
    const auto object = std::make_shared<int>(0);
    std::atomic<int> calls = 0;
    const Ticket ticket = bench.submit();
    CallbackHandle handle = ticket.on_complete(counting(calls));
    Sequence sequence = bench.ring().sequence();
    Lease first = sequence.acquire();
    Lease second = bench.ring().acquire();
    std::optional<Lease> third = bench.ring().acquire();
    bench.end();
    const bool thrown = !attempt([&] {
      second.keep_alive(object);
      expect_refused<InvalidUsage>([&] { (void)std::move(second).submit(); });
      expect_refused<InvalidUsage>([&] { (void)sequence.acquire(); });
      ticket.on_complete(counting(calls));
      ticket.wait();
      EXPECT_FALSE(handle.cancel());
      first.discard();
      third.reset();
    });
    EXPECT_TRUE(thrown || calls == 2);
    // The bench asks that nothing of the ring is left.
    second.discard();
    EXPECT_EQ(object.use_count(), 1);
  });
}

// A device that is lost.

TEST(BadAlloc, ALossReachesEveryone) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 4});
    const auto object = std::make_shared<int>(0);
    std::atomic<int> calls = 0;
    bench.gpu->pause();
    std::vector<Ticket> tickets{bench.submit(), bench.submit()};
    tickets.back().on_complete(counting(calls));
    Sequence sequence = bench.ring().sequence();
    Lease first = sequence.acquire();
    Lease second = sequence.acquire();
    second.keep_alive(object);
    tickets.push_back(std::move(second).submit());
    auto waiting = std::async(std::launch::async,
                              [&] { EXPECT_THROW((void)bench.ring().acquire(), DeviceLost); });
    while (bench.ring().statistics().wait_events == 0) std::this_thread::yield();
    bench.gpu->lose_device();
    attempt([&] {
      expect_refused<DeviceLost>([&] { bench.ring().drain(); });
      expect_refused<DeviceLost>([&] { tickets.front().wait(); });
      expect_refused<DeviceLost>([&] { (void)std::move(first).submit(); });
      expect_refused<DeviceLost>([&] { (void)bench.ring().try_acquire(); });
    });
    for (const Ticket& ticket : tickets) EXPECT_THROW(ticket.wait(), DeviceLost);
    waiting.get();
    first.discard();
    EXPECT_THROW((void)bench.ring().acquire(), DeviceLost);
    bench.end();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(object.use_count(), 1);
  });
}

// The ring's own threads. A callback has the allocations of its thread fail.

TEST(BadAlloc, ACompletionThreadGoesOn) {
  const std::array<std::function<void()>, 2> ends{
      [] {},
      [] { throw std::runtime_error("a text that is longer than what a string has room for"); }};
  for (const auto& end : ends) {
    fail_each_allocation([&](Attempt& attempt) {
      Bench bench;
      const Ticket first = bench.submit();
      const Ticket second = bench.submit();
      std::promise<bool> failed;
      first.on_complete([&](const Ticket& /*ticket*/) {
        fail_allocations(attempt.succeed(), attempt.fail());
        end();
      });
      second.on_complete([&](const Ticket& /*ticket*/) { failed.set_value(stop_failing()); });
      auto result = failed.get_future();
      ASSERT_EQ(result.wait_for(long_enough), std::future_status::ready);
      attempt.set_failed(result.get());
      bench.expect_whole();
    });
  }
}

TEST(BadAlloc, ACompletionThreadOutlivesAnExecutorThatThrows) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench;
    const Ticket first = bench.submit();
    const Ticket second = bench.submit();
    std::atomic<int> ended = 0;
    std::atomic<bool> refused = false;
    std::coroutine_handle<> left;
    await(
        first,
        [&](std::coroutine_handle<> coroutine) {
          left = coroutine;
          fail_allocations(attempt.succeed(), attempt.fail());
          throw std::runtime_error("a text that is longer than what a string has room for");
        },
        ended, refused);
    std::promise<bool> failed;
    second.on_complete([&](const Ticket& /*ticket*/) { failed.set_value(stop_failing()); });
    auto result = failed.get_future();
    ASSERT_EQ(result.wait_for(long_enough), std::future_status::ready);
    attempt.set_failed(result.get());
    EXPECT_EQ(ended, 0);
    left.destroy();
    bench.expect_whole();
  });
}

}  // namespace
}  // namespace cbr::test
