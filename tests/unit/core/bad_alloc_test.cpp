// Whatever allocation fails, in whatever call: the call throws std::bad_alloc or does its work, and
// afterwards no slot, waiter, serial, ticket or callback is lost. What is noexcept survives it.
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "unit/core/allocating_backend.h"
#include "unit/core/allocations.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using test::AllocatingBackend;

/// More than anything takes that isn't stuck.
constexpr auto long_enough = 30s;

/// One try of a call in which allocations of this thread fail.
class Attempt {
 public:
  Attempt(std::size_t succeed, std::size_t fail) : succeed_(succeed), fail_(fail) {}

  /// True if `call` did its work, false if it threw std::bad_alloc.
  template <typename Call>
  bool operator()(const Call& call) {
    bool worked = false;
    try {
      test::fail_allocations(succeed_, fail_);
      call();
      worked = true;
    } catch (const std::bad_alloc&) {
      worked = false;
    } catch (...) {
      failed_ = test::stop_failing();
      throw;
    }
    failed_ = test::stop_failing();
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
void write_line(const LogMessage& /*message*/) {
  test::allocate();
}

RingOptions with_sink(RingOptions options) {
  options.log_sink = write_line;
  return options;
}

void expect_equations(const RingStatistics& statistics) {
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
void expect_ends(const Ticket& ticket) {
  try {
    EXPECT_TRUE(ticket.wait_for(long_enough));
  } catch (const std::exception&) {
    EXPECT_NE(ticket.error(), nullptr);
  }
  EXPECT_TRUE(ticket.done());
}

// What a program does with a ring, one thing at a time. Each leaves the ring as it found it, but
// for work that ends by itself.

using Operation = std::function<void(Bench& bench, Attempt& attempt)>;

/// Too large to be kept without an allocation.
std::function<void(const Ticket&)> counting(std::atomic<int>& calls) {
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
void expect_count(const Ticket& ticket, const std::atomic<int>& counter, int count) {
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

Detached await(Ticket ticket, std::optional<Executor> executor, std::atomic<int>& ended,
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

void await_with(Bench& bench, Attempt& attempt, const std::optional<Executor>& executor) {
  const Ticket ticket = bench.submit();
  std::atomic<int> ended = 0;
  std::atomic<bool> refused = false;
  const bool started = attempt([&] { await(ticket, executor, ended, refused); });
  expect_count(ticket, ended, started ? 1 : 0);
  EXPECT_TRUE(attempt.failed() || !refused);
}

struct NamedOperation {
  const char* name;
  Operation run;
};

std::vector<NamedOperation> operations() {
  return {
      {"acquire and discard",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] { bench.ring().acquire({.label = "a label"}).discard(); });
       }},
      {"acquire with a limit",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] { bench.ring().acquire({.timeout = 1h}).discard(); });
       }},
      {"try_acquire",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] {
           if (auto lease = bench.ring().try_acquire()) lease->discard();
           if (auto lease = bench.ring().try_acquire_for(1ms)) lease->discard();
         });
       }},
      {"a whole step",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] {
           Lease lease = bench.ring().acquire();
           simulated::record(lease, {.execute = 10us});
           std::move(lease).submit().wait();
         });
       }},
      {"submit",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         Ticket ticket;
         const bool submitted = attempt([&] { ticket = std::move(lease).submit(); });
         EXPECT_FALSE(lease.valid());  // NOLINT(bugprone-use-after-move)
         EXPECT_EQ(ticket.valid(), submitted);
         if (submitted) ticket.wait();
       }},
      {"a submission that the driver refuses",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         simulated::record(lease, {.fault = Fault::fail_submit});
         bool refused = false;
         const bool told = attempt([&] {
           try {
             (void)std::move(lease).submit();
           } catch (const SubmitFailed&) {
             refused = true;
           }
         });
         EXPECT_EQ(refused, told);
       }},
      {"work that fails",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit({.execute = 10us, .fault = Fault::fail_execution});
         bool failed = false;
         attempt([&] {
           try {
             ticket.wait();
           } catch (const ExecutionFailed&) {
             failed = true;
           }
         });
         expect_ends(ticket);
         EXPECT_NE(ticket.error(), nullptr) << "it did not end well, whatever memory there is";
       }},
      {"work whose failure nobody asks about",
       [](Bench& bench, Attempt& attempt) {
         (void)bench.submit({.execute = 10us, .fault = Fault::fail_execution});
         attempt([&] { bench.ring().drain(); });
       }},
      {"a lease that is dropped",
       [](Bench& bench, Attempt& attempt) {
         std::optional<Lease> lease = bench.ring().acquire();
         EXPECT_TRUE(attempt([&] { lease.reset(); }));
       }},
      {"a lease that is assigned to",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         EXPECT_TRUE(attempt([&] { lease = Lease(); }));
       }},
      {"the functions of a lease",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         attempt([&] {
           lease.set_label("a label that is longer than what a string has room for");
           (void)lease.slot();
           (void)lease.queue();
           (void)lease.api();
           (void)lease.native_handle();
         });
         EXPECT_TRUE(attempt([&] { lease.discard(); }) || attempt.failed());
       }},
      {"keep_alive",
       [](Bench& bench, Attempt& attempt) {
         const auto object = std::make_shared<int>(0);
         Lease lease = bench.ring().acquire();
         const bool kept = attempt([&] { lease.keep_alive(object); });
         EXPECT_EQ(object.use_count(), kept ? 2 : 1);
         std::move(lease).submit().wait();
         while (object.use_count() > 1) std::this_thread::yield();
       }},
      {"keep_alive and discard",
       [](Bench& bench, Attempt& attempt) {
         const auto object = std::make_shared<int>(0);
         attempt([&] {
           Lease lease = bench.ring().acquire();
           lease.keep_alive(object);
           lease.discard();
         });
         EXPECT_EQ(object.use_count(), 1);
       }},
      {"a sequence",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] { bench.ring().sequence(QueueIndex{0}).acquire().discard(); });
       }},
      {"acquire of a sequence",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         attempt([&] { sequence.acquire().discard(); });
         Lease lease = sequence.acquire();
         const Ticket ticket = std::move(lease).submit();
         EXPECT_TRUE(ticket.wait_for(long_enough)) << "nothing stands before it";
       }},
      {"a submission that is held back",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         Lease first = sequence.acquire();
         Lease second = sequence.acquire();
         Ticket held;
         attempt([&] { held = std::move(second).submit(); });
         std::move(first).submit().wait();
         if (held.valid()) expect_ends(held);
       }},
      {"a submission that another waits for",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         Lease first = sequence.acquire();
         Lease second = sequence.acquire();
         const Ticket held = std::move(second).submit();
         Ticket ticket;
         attempt([&] { ticket = std::move(first).submit(); });
         if (ticket.valid()) expect_ends(ticket);
         expect_ends(held);
       }},
      {"discard of what another waits for",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         Lease first = sequence.acquire();
         Lease second = sequence.acquire();
         const Ticket held = std::move(second).submit();
         EXPECT_TRUE(attempt([&] { first.discard(); }));
         expect_ends(held);
       }},
      {"Ticket::wait",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] { ticket.wait(); });
         expect_ends(ticket);
         EXPECT_EQ(ticket.error(), nullptr);
       }},
      {"Ticket::wait with limits",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] {
           (void)ticket.wait_for(0ms);
           (void)ticket.wait_for(1ns);
           (void)ticket.wait_until(no_deadline);
         });
         expect_ends(ticket);
         EXPECT_EQ(ticket.error(), nullptr);
       }},
      {"looks at a ticket",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] {
           (void)ticket.done();
           (void)ticket.error();
           (void)ticket.gpu_interval();
           (void)ticket.gpu_end();
           (void)ticket.sync_point();
         });
         expect_ends(ticket);
       }},
      {"on_complete",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         const bool taken = attempt([&] { ticket.on_complete(counting(calls)); });
         expect_count(ticket, calls, taken ? 1 : 0);
       }},
      {"on_complete of what has ended",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         ticket.wait();
         const bool taken = attempt([&] { ticket.on_complete(counting(calls)); });
         EXPECT_EQ(calls, taken ? 1 : 0);
       }},
      {"a callback that throws",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         ticket.wait();
         attempt([&] {
           ticket.on_complete(
               [](const Ticket& /*ticket*/) { throw std::runtime_error("on purpose"); });
         });
       }},
      {"cancel",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         CallbackHandle handle = ticket.on_complete(counting(calls));
         bool canceled = false;
         EXPECT_TRUE(attempt([&] { canceled = handle.cancel(); }));
         expect_count(ticket, calls, canceled ? 0 : 1);
       }},
      {"handles that are moved and dropped",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         CallbackHandle first = ticket.on_complete(counting(calls));
         CallbackHandle second = ticket.on_complete(counting(calls));
         EXPECT_TRUE(attempt([&] {
           first = std::move(second);
           const CallbackHandle dropped = std::move(first);
         }));
         expect_count(ticket, calls, 2);
       }},
      {"co_await", [](Bench& bench, Attempt& attempt) { await_with(bench, attempt, {}); }},
      {"co_await with an executor",
       [](Bench& bench, Attempt& attempt) {
         const std::array<char, 64> ballast{};
         await_with(bench, attempt, [ballast](std::coroutine_handle<> coroutine) {
           if (!ballast.empty()) coroutine.resume();
         });
       }},
      {"wait_any",
       [](Bench& bench, Attempt& attempt) {
         const std::array<Ticket, 2> tickets{bench.submit(), bench.submit()};
         attempt([&] {
           EXPECT_FALSE(wait_any_for(tickets, 0ms) == 2U);
           (void)wait_any(tickets);
         });
         for (const Ticket& ticket : tickets) expect_ends(ticket);
       }},
      {"wait_all",
       [](Bench& bench, Attempt& attempt) {
         const std::array<Ticket, 2> tickets{bench.submit(), bench.submit()};
         attempt([&] {
           (void)wait_all_for(tickets, 1ns);
           wait_all(tickets);
         });
         for (const Ticket& ticket : tickets) expect_ends(ticket);
       }},
      {"waiting for empty tickets",
       [](Bench& /*bench*/, Attempt& attempt) {
         const std::array<Ticket, 2> tickets;
         attempt([&] {
           expect_refused<InvalidUsage>([&] { (void)wait_any(tickets); });
           expect_refused<InvalidUsage>([&] { wait_all(tickets); });
         });
       }},
      {"drain",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         if (attempt([&] { bench.ring().drain(); })) {
           EXPECT_TRUE(ticket.done());
         }
         expect_ends(ticket);
       }},
      {"statistics",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] { expect_equations(bench.ring().statistics()); });
       }},
      {"looks at the ring",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] {
           (void)bench.ring().leaked();
           (void)bench.ring().name();
           (void)bench.ring().ring_size();
           (void)bench.ring().spin_limit();
         });
       }},
      {"set_ring_size to more, and back",
       [](Bench& bench, Attempt& attempt) {
         const std::uint32_t size = bench.ring().ring_size();
         attempt([&] { bench.ring().set_ring_size(size + 3); });
         EXPECT_GE(bench.ring().ring_size(), size);
         EXPECT_TRUE(attempt.failed() || bench.ring().ring_size() == size + 3);
         bench.ring().set_ring_size(size);
       }},
      {"set_ring_size to less, and back",
       [](Bench& bench, Attempt& attempt) {
         const std::uint32_t size = bench.ring().ring_size();
         const std::uint32_t least = bench.ring().queue_count();
         if (attempt([&] { bench.ring().set_ring_size(least); })) {
           EXPECT_EQ(bench.ring().ring_size(), least);
         }
         bench.ring().set_ring_size(size);
       }},
      {"what is not allowed",
       [](Bench& bench, Attempt& attempt) {
         Lease lease;
         const Ticket ticket;
         attempt([&] {
           expect_refused<InvalidOption>(
               [&] { (void)bench.ring().acquire({.queue = QueueIndex{9}}); });
           expect_refused<InvalidOption>([&] { (void)bench.ring().sequence(QueueIndex{9}); });
           expect_refused<InvalidOption>([&] { bench.ring().set_ring_size(0); });
           expect_refused<InvalidUsage>([&] { (void)lease.slot(); });
           expect_refused<InvalidUsage>([&] { (void)ticket.done(); });
         });
       }},
  };
}

TEST(BadAlloc, LosesNothingInAnyCall) {
  for (const NamedOperation& operation : operations()) {
    SCOPED_TRACE(operation.name);
    fail_each_allocation([&](Attempt& attempt) {
      // Records are used up, so that the next lease needs a new one.
      Bench bench({.ring_size = 3, .wait_strategy = WaitStrategy::block, .log_wait_events = true});
      std::vector<Ticket> kept;
      for (int i = 0; i < 5; ++i) kept.push_back(bench.submit());
      bench.ring().drain();
      operation.run(bench, attempt);
      bench.expect_whole();
    });
    if (testing::Test::HasFailure()) return;
  }
}

TEST(BadAlloc, LosesNothingWhileOtherThreadsWorkTheRing) {
  Bench bench({.ring_size = 4, .log_wait_events = true}, 2);
  std::vector<std::jthread> workers;
  for (int i = 0; i < 2; ++i) {
    workers.emplace_back([&, i](const std::stop_token& stop) {
      for (int step = i; !stop.stop_requested(); ++step) {
        Lease lease = bench.ring().acquire();
        simulated::record(lease, {.execute = 5us});
        if (step % 7 == 0) {
          lease.discard();
          continue;
        }
        const Ticket ticket = std::move(lease).submit();
        if (step % 3 == 0) ticket.wait();
        if (step % 5 == 0) expect_equations(bench.ring().statistics());
      }
    });
  }
  for (const NamedOperation& operation : operations()) {
    SCOPED_TRACE(operation.name);
    fail_each_allocation([&](Attempt& attempt) { operation.run(bench, attempt); });
    if (testing::Test::HasFailure()) break;
  }
  workers.clear();
  bench.expect_whole();
}

// A thread waits for a slot all the while.

/// One that waits for the ring's only slot, which the test has.
class WaitingThread {
 public:
  explicit WaitingThread(CommandBufferRing& ring) : ring_(ring) {
    const std::uint64_t before = ring.statistics().wait_events;
    served_ = std::async(std::launch::async, [&ring] {
      ring.acquire({.timeout = Timeout()}).discard();
      return true;
    });
    while (ring.statistics().wait_events == before) std::this_thread::yield();
  }
  /// The slot is free: it has to get it.
  void expect_served() {
    ASSERT_EQ(served_.wait_for(long_enough), std::future_status::ready)
        << "it sleeps beside " << ring_.ring_size() - ring_.statistics().leased << " free slots";
    EXPECT_TRUE(served_.get());
  }

 private:
  CommandBufferRing& ring_;
  std::future<bool> served_;
};

TEST(BadAlloc, AThreadThatWaitsGetsASlotOfALargerRing) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 1});
    const Ticket kept = bench.submit();
    kept.wait();
    Lease lease = bench.ring().acquire();
    WaitingThread waiting(bench.ring());
    if (attempt([&] { bench.ring().set_ring_size(3); })) waiting.expect_served();
    const bool served_already = bench.ring().ring_size() == 3;
    lease.discard();
    if (!served_already) waiting.expect_served();
    bench.expect_whole();
  });
}

TEST(BadAlloc, AThreadThatWaitsGetsTheSlotThatIsGivenUp) {
  const std::array<std::function<void(Lease & lease)>, 4> ends{
      [](Lease& lease) { lease.discard(); },
      [](Lease& lease) { const Lease dropped = std::move(lease); },
      [](Lease& lease) { (void)std::move(lease).submit(); },
      [](Lease& lease) {
        simulated::record(lease, {.fault = Fault::fail_submit});
        try {
          (void)std::move(lease).submit();
        } catch (const SubmitFailed&) {
          return;
        }
      },
  };
  for (const auto& end : ends) {
    fail_each_allocation([&](Attempt& attempt) {
      Bench bench({.ring_size = 1});
      Lease lease = bench.ring().acquire();
      WaitingThread waiting(bench.ring());
      attempt([&] { end(lease); });
      waiting.expect_served();
      bench.expect_whole();
    });
  }
}

TEST(BadAlloc, AThreadThatWaitsIsNotForgottenByOtherCalls) {
  const std::array<std::function<void(CommandBufferRing & ring)>, 6> calls{
      [](CommandBufferRing& ring) { (void)ring.statistics(); },
      [](CommandBufferRing& ring) { ring.reset_statistics(); },
      [](CommandBufferRing& ring) { ring.drain(); },
      [](CommandBufferRing& ring) { (void)ring.sequence(); },
      [](CommandBufferRing& ring) { (void)ring.try_acquire(); },
      [](CommandBufferRing& ring) {
        try {
          (void)ring.acquire(1ms);
        } catch (const AcquireTimeout&) {
          return;
        }
      },
  };
  for (const auto& call : calls) {
    fail_each_allocation([&](Attempt& attempt) {
      Bench bench({.ring_size = 1, .log_wait_events = true});
      Lease lease = bench.ring().acquire();
      WaitingThread waiting(bench.ring());
      attempt([&] { call(bench.ring()); });
      lease.discard();
      waiting.expect_served();
      bench.expect_whole();
    });
  }
}

TEST(BadAlloc, WhoWaitsForAllHandsThatOn) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 1});
    bench.gpu->pause();
    const Ticket ticket = bench.submit();
    std::atomic<bool> over = false;
    const auto wait_events = [&] { return bench.ring().statistics().wait_events; };
    // This thread comes first and waits in the backend; the other sleeps behind it.
    auto other = std::async(std::launch::async, [&] {
      while (wait_events() < 1 && !over) std::this_thread::yield();
      bench.ring().acquire().discard();
    });
    auto releaser = std::async(std::launch::async, [&] {
      while (wait_events() < 2 && !over) std::this_thread::yield();
      bench.gpu->release();
    });
    attempt([&] { bench.ring().acquire().discard(); });
    over = true;
    releaser.get();
    ASSERT_EQ(other.wait_for(long_enough), std::future_status::ready) << "nobody waits for it";
    other.get();
    bench.expect_whole();
  });
}

// Acquisitions that find no slot.

TEST(BadAlloc, ATimeoutTakesNothingAlong) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 2, .log_wait_events = true});
    bench.gpu->pause();
    const Ticket ticket = bench.submit();
    Lease lease = bench.ring().acquire();
    attempt([&] {
      EXPECT_FALSE(bench.ring().try_acquire());
      EXPECT_FALSE(bench.ring().try_acquire_for(1ms));
      expect_refused<AcquireTimeout>([&] { (void)bench.ring().acquire(1ms); });
      expect_refused<AcquireTimeout>([&] { (void)bench.ring().acquire(0ms); });
    });
    expect_equations(bench.ring().statistics());
    EXPECT_EQ(bench.ring().statistics().leased, 1U);
    bench.gpu->release();
    lease.discard();
    bench.expect_whole();
  });
}

TEST(BadAlloc, AWaitThatIsServedLosesNoSlot) {
  for (const auto strategy : {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::adaptive}) {
    fail_each_allocation([&](Attempt& attempt) {
      Bench bench({.ring_size = 2, .wait_strategy = strategy, .log_wait_events = true});
      std::vector<Ticket> tickets;
      for (int i = 0; i < 2; ++i) tickets.push_back(bench.submit());
      attempt([&] { bench.ring().acquire({.label = "a label"}).discard(); });
      bench.expect_whole();
    });
  }
}

TEST(BadAlloc, ACallbackThatWouldHaveToWaitIsToldSo) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 1});
    const Ticket ticket = bench.submit();
    std::promise<bool> failed;
    ticket.on_complete([&](const Ticket& /*ticket*/) {
      Lease lease = bench.ring().acquire();
      // On this thread.
      attempt([&] { expect_refused<InvalidUsage>([&] { (void)bench.ring().acquire(); }); });
      lease.discard();
      failed.set_value(true);
    });
    ticket.wait();
    failed.get_future().wait();
    bench.expect_whole();
  });
}

// Several rings.

TEST(BadAlloc, WaitingForTicketsOfManyRingsLosesNoTicket) {
  fail_each_allocation([](Attempt& attempt) {
    std::array<Bench, 6> benches;
    std::vector<Ticket> tickets;
    for (Bench& bench : benches) tickets.push_back(bench.submit());
    attempt([&] {
      (void)wait_any(tickets);
      wait_all(tickets);
    });
    for (const Ticket& ticket : tickets) expect_ends(ticket);
    for (Bench& bench : benches) bench.expect_whole();
  });
}

// Beginning and end.

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
        test::fail_allocations(attempt.succeed(), attempt.fail());
        end();
      });
      second.on_complete([&](const Ticket& /*ticket*/) { failed.set_value(test::stop_failing()); });
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
          test::fail_allocations(attempt.succeed(), attempt.fail());
          throw std::runtime_error("a text that is longer than what a string has room for");
        },
        ended, refused);
    std::promise<bool> failed;
    second.on_complete([&](const Ticket& /*ticket*/) { failed.set_value(test::stop_failing()); });
    auto result = failed.get_future();
    ASSERT_EQ(result.wait_for(long_enough), std::future_status::ready);
    attempt.set_failed(result.get());
    EXPECT_EQ(ended, 0);
    left.destroy();
    bench.expect_whole();
  });
}

TEST(BadAlloc, AllocationsFailAsPlanned) {
  test::fail_allocations(1, 2);
  EXPECT_NO_THROW(test::allocate());
  EXPECT_THROW(test::allocate(), std::bad_alloc);
  EXPECT_THROW(test::allocate(), std::bad_alloc);
  EXPECT_NO_THROW(test::allocate());
  std::thread other([] { EXPECT_NO_THROW(test::allocate()); });
  other.join();
  EXPECT_TRUE(test::stop_failing());
  EXPECT_NO_THROW(test::allocate());
  EXPECT_FALSE(test::stop_failing());
}

TEST(BadAlloc, AllocationsFailAtRandomWithinTheirScope) {
  const auto failed_of_a_thousand = [] {
    std::uint64_t failed = 0;
    for (int i = 0; i < 1000; ++i) {
      try {
        test::allocate();
      } catch (const std::bad_alloc&) {
        ++failed;
      }
    }
    return failed;
  };
  std::atomic<std::uint64_t> counted = 0;
  {
    const test::FailAtRandom failures(1, 4, counted);
    const std::uint64_t failed = failed_of_a_thousand();
    EXPECT_GT(failed, 200U);
    EXPECT_LT(failed, 300U);
    EXPECT_EQ(counted, failed);
    {
      const test::FailNone spared;
      EXPECT_EQ(failed_of_a_thousand(), 0U);
    }
    EXPECT_GT(failed_of_a_thousand(), 0U);
  }
  EXPECT_EQ(failed_of_a_thousand(), 0U);
}

}  // namespace
}  // namespace cbr
