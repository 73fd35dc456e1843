// How long after a completion a thread goes on that is blocked in acquire() or on a ticket.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace {

using cbr::Clock;
using cbr::TimePoint;
using namespace std::chrono_literals;

/// Time for a thread to get from "about to block" to blocked.
constexpr auto settling_time = 100us;

void settle() {
  const TimePoint until = Clock::now() + settling_time;
  while (Clock::now() < until) {
  }
}

/// A thread that does `wait` once for each go(), and notes when it came back.
template <typename Wait>
class Waiter {
 public:
  explicit Waiter(Wait wait) : wait_(std::move(wait)), thread_([this] { run(); }) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    started_ = -1;
    started_.notify_one();
    thread_.join();
  }

  void go() {
    ++started_;
    started_.notify_one();
  }
  /// Blocks until the wait is over; returns when it was.
  TimePoint end() {
    ended_.wait(started_ - 1);
    return time_;
  }

 private:
  void run() {
    for (int round = 0;; ++round) {
      started_.wait(round);
      if (started_ < 0) return;
      time_ = wait_();
      ++ended_;
      ended_.notify_one();
    }
  }

  Wait wait_;
  std::atomic<int> started_ = 0;
  std::atomic<int> ended_ = 0;
  TimePoint time_;
  std::thread thread_;
};

/// The simulated GPU is held up and let go by this thread, in real time.
void completion_to_blocked_acquirer(benchmark::State& state, cbr::WaitStrategy strategy) {
  const auto gpu = cbr::simulated::make_gpu();
  // Longer than the wait: what hybrid is like where the driver answers in time. It can't be
  // measured on a virtual clock.
  cbr::CommandBufferRing ring(
      gpu, {.ring_size = 1, .wait_strategy = strategy, .spin_limit = 10 * settling_time});
  Waiter waiter([&ring] {
    cbr::Lease lease = ring.acquire();
    const TimePoint now = Clock::now();
    lease.discard();
    return now;
  });
  for (auto _ : state) {
    gpu->pause();
    ring.acquire().submit();
    const auto waits = ring.statistics().wait_events;
    waiter.go();
    while (ring.statistics().wait_events == waits) std::this_thread::yield();
    settle();
    const TimePoint start = Clock::now();
    gpu->release();
    state.SetIterationTime(std::chrono::duration<double>(waiter.end() - start).count());
  }
}

/// Threads that wait on the second queue of a ring for what can't come as long as this lives: for a
/// ticket each, or for a slot.
class Crowd {
 public:
  Crowd(cbr::CommandBufferRing& ring, std::uint32_t for_tickets, std::uint32_t for_slots)
      : sequence_(ring.sequence(cbr::QueueIndex{1})), first_(sequence_.acquire()) {
    const std::uint32_t slots = ring.ring_size() / ring.queue_count();
    std::vector<cbr::Ticket> tickets;
    for (std::uint32_t i = 1; i < slots; ++i) tickets.push_back(sequence_.acquire().submit());
    for (std::uint32_t i = 0; i < for_tickets; ++i) {
      threads_.emplace_back([ticket = tickets.at(i)] { ticket.wait(); });
    }
    const auto waits = ring.statistics().wait_events;
    for (std::uint32_t i = 0; i < for_slots; ++i) {
      threads_.emplace_back([&ring] { ring.acquire({.queue = cbr::QueueIndex{1}}).discard(); });
    }
    while (ring.statistics().wait_events < waits + for_slots) std::this_thread::yield();
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() {
    first_.discard();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  cbr::Sequence sequence_;
  /// Is not submitted, and so holds back all others.
  cbr::Lease first_;
  std::vector<std::thread> threads_;
};

/// The work of the first queue is held up and let go, while others wait for something else.
void completion_to_blocked_ticket_beside_others(benchmark::State& state) {
  constexpr std::uint32_t slots_of_a_queue = 257;
  const auto gpu = cbr::simulated::make_gpu(2);
  cbr::CommandBufferRing ring(gpu, {.ring_size = 2 * slots_of_a_queue, .hang_warning_ms = 0});
  const Crowd crowd(ring, static_cast<std::uint32_t>(state.range(0)),
                    static_cast<std::uint32_t>(state.range(1)));
  cbr::Ticket ticket;
  std::atomic<bool> about_to_wait = false;
  Waiter waiter([&] {
    about_to_wait = true;
    ticket.wait();
    return Clock::now();
  });
  std::vector<double> times;
  for (auto _ : state) {
    gpu->pause();
    ticket = ring.acquire({.queue = cbr::QueueIndex{0}}).submit();
    waiter.go();
    while (!about_to_wait) std::this_thread::yield();
    settle();
    const TimePoint start = Clock::now();
    gpu->release();
    times.push_back(std::chrono::duration<double>(waiter.end() - start).count());
    state.SetIterationTime(times.back());
    about_to_wait = false;
  }
  // What to compare where other programs run too: those make some waits longer by milliseconds.
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  state.counters["median_s"] = *middle;
}

/// What the operating system takes for it: one thread wakes another, and nothing else.
void condition_variable_to_blocked_thread(benchmark::State& state) {
  std::mutex mutex;
  std::condition_variable changed;
  bool waiting = false;
  bool go = false;
  Waiter waiter([&] {
    std::unique_lock lock(mutex);
    waiting = true;
    changed.wait(lock, [&] { return go; });
    return Clock::now();
  });
  for (auto _ : state) {
    waiter.go();
    for (bool blocked = false; !blocked;) {
      const std::lock_guard lock(mutex);
      blocked = waiting;
    }
    settle();
    const TimePoint start = Clock::now();
    {
      const std::lock_guard lock(mutex);
      go = true;
    }
    changed.notify_one();
    state.SetIterationTime(std::chrono::duration<double>(waiter.end() - start).count());
    go = false;
    waiting = false;
  }
}

BENCHMARK_CAPTURE(completion_to_blocked_acquirer, block, cbr::WaitStrategy::block)->UseManualTime();
BENCHMARK_CAPTURE(completion_to_blocked_acquirer, spin, cbr::WaitStrategy::spin)->UseManualTime();
BENCHMARK_CAPTURE(completion_to_blocked_acquirer, hybrid, cbr::WaitStrategy::hybrid)
    ->UseManualTime();
BENCHMARK(completion_to_blocked_ticket_beside_others)
    ->ArgNames({"for_tickets", "for_slots"})
    ->Args({0, 0})
    ->Args({256, 0})
    ->Args({0, 1})
    ->Args({0, 256})
    ->Args({128, 128})
    ->UseManualTime();
BENCHMARK(condition_variable_to_blocked_thread)->UseManualTime();

}  // namespace
