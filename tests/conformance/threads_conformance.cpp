// Many threads on one ring: no slot twice, no wake-up lost, every count right.
#include <array>
#include <atomic>
#include <thread>

#include <cbr/fault_injection.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

class Threads : public RingConformance {
 protected:
  static constexpr int thread_count = 8;
  static constexpr int cycles = 150;

  /// Runs `cycle(lease, i)` `cycles` times on each thread, and fails if two threads hold one slot.
  template <typename Cycle>
  void run(const Cycle& cycle) {
    std::array<std::atomic<int>, 4> holders{};
    std::vector<std::thread> threads;
    threads.reserve(thread_count);
    for (int t = 0; t < thread_count; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < cycles; ++i) {
          Lease lease = ring_->acquire();
          auto& holder = holders[to_number(lease.slot())];
          EXPECT_EQ(holder.exchange(1), 0) << "two threads hold one slot";
          harness_->record(lease);
          holder = 0;
          cycle(std::move(lease), t + i);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    ring_->drain();
  }

  void expect_consistent() {
    const auto statistics = ring_->statistics();
    EXPECT_EQ(statistics.total_acquisitions, std::uint64_t(thread_count) * cycles);
    EXPECT_EQ(statistics.total_releases, statistics.total_acquisitions);
    EXPECT_EQ(statistics.submissions + statistics.discarded, statistics.total_releases);
    EXPECT_EQ(statistics.completions + statistics.failures, statistics.submissions);
    EXPECT_EQ(statistics.in_flight, 0U);
    EXPECT_EQ(statistics.leased, 0U);
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, Threads, all_backends(), backend_name);

TEST_P(Threads, SubmitFromEveryThread) {
  make_ring(3);
  run([](Lease lease, int) { std::move(lease).submit(); });
  expect_consistent();
  EXPECT_EQ(ring_->statistics().discarded, 0U);
}

TEST_P(Threads, WaitForEachTicket) {
  make_ring(2);
  run([this](Lease lease, int) {
    harness_->record(lease);
    Ticket ticket = std::move(lease).submit();
    ticket.wait();
    EXPECT_TRUE(ticket.gpu_interval().has_value());
  });
  expect_consistent();
}

TEST_P(Threads, MixSubmitsDiscardsAndPolls) {
  make_ring(3);
  run([this](Lease lease, int i) {
    switch (i % 4) {
      case 0:
        lease.discard();
        break;
      case 1:
        (void)std::move(lease).submit().wait_for(1us);
        break;
      case 2:
        std::move(lease).submit();
        EXPECT_LE(ring_->statistics().in_flight, 3U);
        break;
      default:
        std::move(lease).submit();
    }
  });
  expect_consistent();
}

TEST_P(Threads, OneSlotIsHandedAround) {
  make_ring(1);
  run([](Lease lease, int i) {
    if (i % 2 == 0) {
      std::move(lease).submit();
    } else {
      lease.discard();
    }
  });
  expect_consistent();
}

TEST_P(Threads, AShortTimeoutNeverLosesASlot) {
  make_ring(2);
  std::vector<std::thread> threads;
  threads.reserve(thread_count);
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < cycles; ++i) {
        auto lease = ring_->try_acquire_for(10us);
        if (!lease) continue;
        harness_->record(*lease);
        std::move(*lease).submit();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ring_->drain();
  // Both slots are still there.
  Lease first = ring_->acquire();
  Lease second = ring_->acquire();
  first.discard();
  second.discard();
  const auto statistics = ring_->statistics();
  EXPECT_EQ(statistics.completions, statistics.submissions);
  EXPECT_EQ(statistics.total_releases, statistics.total_acquisitions);
}

/// Everything at once, while calls fail at random.
TEST(ThreadsAndFaults, NoCountIsLost) {
  constexpr int thread_count = 6;
  constexpr int cycles = 120;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    const auto faults = inject_faults(
        simulated::make_gpu(2), {.seed = seed, .begin = 0.03, .submit = 0.03, .execution = 0.03});
    std::atomic<int> alive = 0;
    std::atomic<int> callbacks = 0;
    std::atomic<int> expected_callbacks = 0;
    RingStatistics statistics;
    {
      CommandBufferRing ring(validate(faults, [](std::string_view line) { ADD_FAILURE() << line; }),
                             {.ring_size = 4,
                              .allocation_strategy = AllocationStrategy::priority,
                              .log_sink = [](const LogMessage&) {}});
      const auto record = [&](Lease& lease) {
        simulated::record(lease, {.encode = 1us, .execute = 3us});
        ++alive;
        lease.keep_alive(std::shared_ptr<int>(new int, [&alive](const int* object) {
          delete object;
          --alive;
        }));
      };
      const auto step = [&](std::uint32_t i) {
        if (i % 3 != 0) {
          Lease lease = ring.acquire({.priority = Priority{i % 3}});
          record(lease);
          const Ticket ticket = std::move(lease).submit();
          ++expected_callbacks;
          ticket.on_complete([&](const Ticket&) { ++callbacks; });
          return;
        }
        // With a limit: threads that hold one part each must not wait for each other for ever.
        Sequence sequence = ring.sequence();
        Lease first = sequence.acquire({.timeout = 1ms});
        record(first);
        Lease second = sequence.acquire({.timeout = 1ms});
        record(second);
        const Ticket last = std::move(second).submit();
        std::move(first).submit();
        last.wait();
      };
      std::vector<std::thread> threads;
      threads.reserve(thread_count);
      for (std::uint32_t t = 0; t < thread_count; ++t) {
        threads.emplace_back([&, t] {
          for (std::uint32_t i = 0; i < cycles; ++i) {
            try {
              step(t + i);
            } catch (const Error&) {
              // As the plan, or the limit, wants.
              continue;
            }
          }
        });
      }
      std::atomic<bool> stop = false;
      std::thread resizer([&] {
        for (std::uint32_t i = 0; !stop; ++i) {
          ring.set_ring_size(2 + i * 5 % 7);
          std::this_thread::yield();
        }
      });
      for (auto& thread : threads) thread.join();
      stop = true;
      resizer.join();
      ring.drain();
      statistics = ring.statistics();
    }
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(callbacks, expected_callbacks);
    EXPECT_EQ(statistics.total_acquisitions, statistics.total_releases);
    EXPECT_EQ(statistics.total_releases, statistics.submissions + statistics.discarded);
    EXPECT_EQ(statistics.submissions, statistics.completions + statistics.failures);
    EXPECT_EQ(statistics.in_flight, 0U);
    EXPECT_EQ(statistics.leased, 0U);
    EXPECT_GT(faults->injected(Fault::fail_begin), 0U);
    EXPECT_GT(faults->injected(Fault::fail_submit), 0U);
    EXPECT_GT(faults->injected(Fault::fail_execution), 0U);
  }
}

}  // namespace
}  // namespace cbr::test
