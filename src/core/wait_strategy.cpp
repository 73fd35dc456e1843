#include "core/wait_strategy.h"

#include <algorithm>
#include <array>
#include <thread>

#include <cbr/errors.h>

#include "core/backoff.h"

namespace cbr::detail {
namespace {

constexpr auto for_ever = std::chrono::nanoseconds::max();
/// More than any scheduler takes to wake a thread; an outlier above it is some other program's.
constexpr std::chrono::nanoseconds longest_latency = std::chrono::milliseconds(1);
constexpr int rounds = 9;

/// Waits until a submission has ended, however often waiting fails.
void end(Backend& backend, const SyncPoint& point) noexcept {
  Backoff backoff;
  for (;;) {
    try {
      (void)backend.wait({&point, 1}, 0, no_deadline);
      return;
    } catch (const DeviceLost&) {
      return;
    } catch (...) {
      std::this_thread::sleep_for(backoff.next());
    }
  }
}

/// Runs one empty submission and returns how long its end took to be noticed.
std::chrono::nanoseconds run_empty(Backend& backend, Serial serial, const SpinThenBlock& waiting) {
  constexpr SlotIndex slot{0};
  const SyncPoint point{QueueIndex{0}, serial};
  backend.begin(slot);
  backend.submit(slot, serial, {});
  const TimePoint start = backend.now();
  try {
    (void)waiting.wait(backend, {&point, 1}, 0, no_deadline);
    const TimePoint noticed = backend.now();
    (void)backend.completed(point.queue);
    (void)backend.finish(slot);
    return noticed - start;
  } catch (...) {
    // The backend must not be left while it is in flight.
    end(backend, point);
    throw;
  }
}

std::chrono::nanoseconds median(std::array<std::chrono::nanoseconds, rounds>& times) {
  const auto middle = times.begin() + rounds / 2;
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

}  // namespace

SpinThenBlock::SpinThenBlock(WaitStrategy strategy, std::chrono::nanoseconds spin_limit)
    : spin_limit_(strategy == WaitStrategy::spin     ? for_ever
                  : strategy == WaitStrategy::hybrid ? spin_limit
                                                     : std::chrono::nanoseconds(0)) {}

WaitStatus SpinThenBlock::wait(Backend& backend, std::span<const SyncPoint> points,
                               std::uint64_t wake_number, TimePoint deadline) const {
  if (spin_limit_ > std::chrono::nanoseconds(0)) {
    const TimePoint start = backend.now();
    for (;;) {
      // With the present as its deadline, a wait is a look.
      const TimePoint now = backend.now();
      const WaitStatus status = backend.wait(points, wake_number, now);
      if (status != WaitStatus::timed_out || now >= deadline) return status;
      if (now - start >= spin_limit_) break;
      backend.relax();
    }
  }
  return backend.wait(points, wake_number, deadline);
}

std::chrono::nanoseconds measure_wake_up_latency(Backend& backend) {
  const SpinThenBlock blocking(WaitStrategy::block, {});
  const SpinThenBlock spinning(WaitStrategy::spin, {});
  std::array<std::chrono::nanoseconds, rounds> blocked{};
  std::array<std::chrono::nanoseconds, rounds> spun{};
  backend.attach({.ring_size = backend.queue_count(),
                  .ring_name = "wake-up latency",
                  .gpu_times = GpuTimes::none});
  try {
    Serial serial;
    // The first submissions of a process are slow.
    for (int i = 0; i < 3; ++i) (void)run_empty(backend, serial = serial.next(), blocking);
    for (int i = 0; i < rounds; ++i) {
      blocked[i] = run_empty(backend, serial = serial.next(), blocking);
      spun[i] = run_empty(backend, serial = serial.next(), spinning);
    }
  } catch (...) {
    backend.detach();
    throw;
  }
  backend.detach();
  return std::clamp(median(blocked) - median(spun), std::chrono::nanoseconds(0), longest_latency);
}

}  // namespace cbr::detail
