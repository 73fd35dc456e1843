// How long after a completion a thread that is blocked in acquire() goes on with the slot.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

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
BENCHMARK(condition_variable_to_blocked_thread)->UseManualTime();

}  // namespace
