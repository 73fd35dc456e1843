// A ring on a GPU whose calls allocate, and calls of it in which allocations fail.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "unit/core/allocating_backend.h"
#include "unit/core/allocations.h"

namespace cbr::test {

using namespace std::chrono_literals;

/// More than anything takes that isn't stuck.
inline constexpr auto long_enough = 30s;

/// One try of a call in which allocations of this thread fail.
class Attempt {
 public:
  Attempt(std::size_t succeed, std::size_t fail) : succeed_(succeed), fail_(fail) {}

  /// True if `call` did its work, false if it threw std::bad_alloc.
  template <typename Call>
  bool operator()(const Call& call) {
    bool worked = false;
    try {
      fail_allocations(succeed_, fail_);
      call();
      worked = true;
    } catch (const std::bad_alloc&) {
      worked = false;
    } catch (...) {
      failed_ = stop_failing();
      throw;
    }
    failed_ = stop_failing();
    EXPECT_TRUE(worked || failed_) << "there was enough memory";
    return worked;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t succeed() const { return succeed_; }
  [[nodiscard]] std::size_t fail() const { return fail_; }
  /// For calls on other threads.
  void set_failed(bool failed) { failed_ = failed; }

 private:
  std::size_t succeed_;
  std::size_t fail_;
  bool failed_ = false;
};

/// Runs the scenario with each of its allocations failing in turn: one alone, and some in a row, so
/// that what is done about the first fails as well.
template <typename Scenario>
void fail_each_allocation(const Scenario& scenario) {
  for (const std::size_t fail : {1U, 4U}) {
    for (std::size_t succeed = 0;; ++succeed) {
      SCOPED_TRACE("allocation " + std::to_string(succeed) + ", of which " + std::to_string(fail) +
                   " fail");
      Attempt attempt(succeed, fail);
      scenario(attempt);
      if (testing::Test::HasFailure() || !attempt.failed()) break;
      ASSERT_LT(succeed, 500U) << "it never gets done";
    }
  }
}

/// Counts, and asks that what begins ends.
class CountingObserver final : public Observer {
 public:
  void on_acquire(const AcquireEvent& /*event*/) noexcept override { ++acquired; }
  void on_submit(const SubmitEvent& event) noexcept override {
    ++submitted;
    if (event.serial.value() == 0) return;
    ++sent;
    std::uint64_t last = last_serial;
    while (last < event.serial.value() &&
           !last_serial.compare_exchange_weak(last, event.serial.value())) {
    }
  }
  void on_complete(const CompleteEvent& /*event*/) noexcept override { ++completed; }
  void on_discard(SlotIndex /*slot*/) noexcept override { ++discarded; }

  std::atomic<std::uint64_t> acquired = 0;
  std::atomic<std::uint64_t> submitted = 0;
  /// Those that reached the driver, and the highest of their serials where there is one queue.
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> last_serial = 0;
  std::atomic<std::uint64_t> completed = 0;
  std::atomic<std::uint64_t> discarded = 0;
};

/// As a program's sink does, which makes a string or so.
inline void write_line(const LogMessage& /*message*/) {
  allocate();
}

inline RingOptions with_sink(RingOptions options) {
  options.log_sink = write_line;
  return options;
}

inline void expect_equations(const RingStatistics& statistics) {
  EXPECT_EQ(statistics.total_acquisitions, statistics.total_releases + statistics.leased);
  EXPECT_EQ(statistics.total_releases, statistics.submissions + statistics.discarded);
  EXPECT_EQ(statistics.submissions,
            statistics.completions + statistics.failures + statistics.in_flight);
  EXPECT_LE(statistics.timeout_events, statistics.wait_events);
}

/// A ring on a GPU whose calls allocate.
class Bench {
 public:
  explicit Bench(RingOptions options = {.ring_size = 3}, std::uint32_t queues = 1)
      : gpu(simulated::make_gpu(queues)),
        backend(std::make_shared<AllocatingBackend>(gpu)),
        observer(std::make_shared<CountingObserver>()) {
    options = with_sink(std::move(options));
    options.observer = observer;
    ring_.emplace(backend, std::move(options));
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    gpu->release();
    end();
    EXPECT_EQ(backend.use_count(), 1) << "something of the ring is left";
  }

  CommandBufferRing& ring() { return *ring_; }
  std::optional<CommandBufferRing>& optional_ring() { return ring_; }
  void end() { ring_.reset(); }

  [[nodiscard]] Ticket submit(const simulated::Plan& plan = {.execute = 10us}) {
    Lease lease = ring().acquire();
    simulated::record(lease, plan);
    return std::move(lease).submit();
  }
  /// Nothing is leased, in flight or waited for: every slot can be had, twice over, and no serial
  /// was left out.
  void expect_whole() {
    ring().drain();
    for (int round = 0; round < 2; ++round) {
      const RingStatistics statistics = ring().statistics();
      expect_equations(statistics);
      EXPECT_EQ(statistics.leased, 0U);
      EXPECT_EQ(statistics.in_flight, 0U);
      std::vector<Lease> leases;
      for (std::uint32_t i = 0; i < ring().ring_size(); ++i) {
        std::optional<Lease> lease = ring().try_acquire();
        ASSERT_TRUE(lease) << "slot " << i << " of " << ring().ring_size() << " is lost";
        leases.push_back(*std::move(lease));
      }
      EXPECT_FALSE(ring().try_acquire());
      for (Lease& lease : leases) {
        if (round == 0) {
          lease.discard();
        } else {
          std::move(lease).submit();
        }
      }
      ring().drain();
    }
    EXPECT_EQ(observer->acquired, observer->submitted + observer->discarded);
    EXPECT_EQ(observer->submitted, observer->completed);
    if (ring().queue_count() == 1) {
      EXPECT_EQ(observer->last_serial, observer->sent);
    }
  }

  const std::shared_ptr<simulated::Gpu> gpu;
  const std::shared_ptr<Backend> backend;
  const std::shared_ptr<CountingObserver> observer;

 private:
  std::optional<CommandBufferRing> ring_;
};

/// Whether the work has ended, well or not, and not of the wait's own failure.
inline void expect_ends(const Ticket& ticket) {
  try {
    EXPECT_TRUE(ticket.wait_for(long_enough));
  } catch (const std::exception&) {
    EXPECT_NE(ticket.error(), nullptr);
  }
  EXPECT_TRUE(ticket.done());
}
/// Too large to be kept without an allocation.
inline std::function<void(const Ticket&)> counting(std::atomic<int>& calls) {
  const std::array<char, 64> ballast{};
  return [&calls, ballast](const Ticket& /*ticket*/) { calls += ballast.empty() ? 0 : 1; };
}

/// Within an attempt: the call is refused so, unless there is no memory to say it.
template <typename Refusal, typename Call>
void expect_refused(const Call& call) {
  try {
    call();
  } catch (const Refusal&) {
    return;
  }
  ADD_FAILURE() << "it was not refused";
}

/// Waits until callbacks have brought the counter there, and asks that they bring it no further:
/// one more callback is the last of its ticket, or runs when the ticket has ended.
inline void expect_count(const Ticket& ticket, const std::atomic<int>& counter, int count) {
  std::promise<void> promise;
  ticket.on_complete([&](const Ticket& /*ticket*/) { promise.set_value(); });
  ticket.wait();
  promise.get_future().wait();
  // A callback that is given to a ticket that has just ended runs at once, maybe before the others.
  const auto limit = std::chrono::steady_clock::now() + long_enough;
  while (counter < count && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_EQ(counter, count);
}
// NOLINTBEGIN(cppcoreguidelines-avoid-reference-coroutine-parameters)
struct Detached {
  // NOLINTNEXTLINE(readability-identifier-naming): the language asks for this name.
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

inline Detached await(Ticket ticket, std::optional<Executor> executor, std::atomic<int>& ended,
                      std::atomic<bool>& refused) {
  try {
    if (executor) {
      co_await ticket.resume_on(*executor);
    } else {
      co_await ticket;
    }
  } catch (const std::bad_alloc&) {
    // The awaiter could not be made.
    refused = true;
  }
  ++ended;
}
// NOLINTEND(cppcoreguidelines-avoid-reference-coroutine-parameters)

}  // namespace cbr::test
