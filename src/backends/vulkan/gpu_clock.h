// From what a GPU's counter read to times that can be compared. Pure logic.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include <cbr/types.h>

#include "backends/vulkan/clock_calibration.h"

namespace cbr::vulkan {

/// The counter of a device, of which every submission reads one or two values.
///
/// What a driver tells is untrusted. A counter of few bits starts again: 36 bits of 52 ns do so
/// each hour. How often it did is told by the host's clock, which bounds each reading: work begins
/// after it is submitted and ends before it is read. Of the values that are possible the earliest
/// is taken, so that work that is short against a wrap is right however late it is read, and none
/// that comes later is ruled out. What is impossible is absent: an end before its start, work that
/// took longer than the host saw, a start before the end of earlier work of the queue, a time that
/// has not come yet.
///
/// All functions may be called by any thread, but for the readings of one Queue: they come one at a
/// time, in the order of their submissions.
class GpuClock {
 public:
  /// What a submission left behind: counter values.
  struct Ticks {
    /// Empty if it was not noted.
    std::optional<std::uint64_t> start;
    std::uint64_t end = 0;
  };
  /// What the host's clock says of a submission.
  struct HostTimes {
    /// Before the driver had it.
    TimePoint submitted;
    /// After it had ended.
    TimePoint read;
  };
  /// What is there of a submission's times.
  struct Times {
    std::optional<GpuInterval> interval;
    std::optional<std::chrono::nanoseconds> end;
    /// What they are by the host's clock: by calibrate(), else as far as the readings bound it.
    std::optional<ClockOffset> clock;
  };
  class Queue;

  /// Whether there can be such a counter: at most 64 bits, a period from 8 ps to 65 µs
  /// (which "not a number" is not), and at least a millisecond until it starts again.
  [[nodiscard]] static bool is_possible(std::uint32_t valid_bits, double period_ns) noexcept;

  /// A counter whose `valid_bits` low bits count, one each `period_ns`. Both are_possible().
  GpuClock(std::uint32_t valid_bits, double period_ns) noexcept;

  /// The times of a submission that has ended.
  [[nodiscard]] Times read(Queue& queue, const Ticks& ticks, const HostTimes& host);

  /// The counter read `ticks` when the host's clock read `host`, give or take `deviation`: what the
  /// driver says, by VK_EXT_calibrated_timestamps.
  void calibrate(std::uint64_t ticks, TimePoint host, std::chrono::nanoseconds deviation);

  /// So much may be wrong with any comparison of the two clocks.
  static constexpr std::chrono::nanoseconds tolerance = std::chrono::milliseconds(1);
  /// So far may a submission reach back into the one before it on its queue: clocks of the parts of
  /// a GPU differ a little. It is taken to begin where that one ended.
  static constexpr std::chrono::nanoseconds overlap_tolerance = std::chrono::microseconds(2);
  /// So far may a time lie ahead of the host's.
  static constexpr std::chrono::nanoseconds future_tolerance = std::chrono::seconds(1);
  /// After so many impossible readings on end the counter counts as set anew.
  static constexpr std::uint32_t patience = 8;

 private:
  /// Nanoseconds of the host's clock minus those of the counter lie from `low` to `high`, as far as
  /// was known when the host's clock read `at`.
  struct Offset {
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::int64_t at = 0;
  };
  /// A submission as the counter saw it: its first tick since the origin, and how many followed.
  struct Span {
    std::int64_t first = 0;
    std::int64_t length = 0;
  };
  /// HostTimes in nanoseconds.
  struct Bounds {
    std::int64_t submitted = 0;
    std::int64_t read = 0;
  };

  /// Nothing where it doesn't fit.
  [[nodiscard]] std::optional<std::int64_t> to_ns(std::int64_t ticks) const noexcept;
  [[nodiscard]] bool is_length_possible(std::uint64_t length, const Bounds& host) const noexcept;
  static void narrow(std::optional<Offset>& offset, const Offset& seen) noexcept;
  /// The host's clock at `end`, where a submission of the queue has just ended.
  [[nodiscard]] std::optional<ClockOffset> clock_at(const Queue& queue, std::int64_t end,
                                                    const Bounds& host) const noexcept;
  // mutex_ is held by the caller of these.
  void begin(std::uint64_t first) noexcept;
  void begin_anew(Queue& queue, std::uint64_t first, const Bounds& host) noexcept;
  [[nodiscard]] std::optional<Span> find(const Queue& queue, std::uint64_t first,
                                         std::int64_t length, const Bounds& host) const noexcept;
  [[nodiscard]] std::optional<std::int64_t> earliest(std::int64_t ticks,
                                                     std::int64_t not_before) const noexcept;
  [[nodiscard]] std::optional<GpuInterval> accept(Queue& queue, const Span& span,
                                                  const Bounds& host) noexcept;

  const std::uint32_t bits_;
  /// Of 2⁻²⁴ ns: a period is a float, which has no finer part from a nanosecond on.
  const std::int64_t period_;
  /// How long it takes to start again, in nanoseconds; 0 where nobody lives to see it.
  const std::int64_t wrap_;

  std::mutex mutex_;
  // All below is guarded by mutex_.
  /// The counter's value at tick 0; none before the first reading.
  std::optional<std::uint64_t> origin_;
  /// What tick 0 is in nanoseconds.
  std::int64_t origin_ns_ = 0;
  /// The latest end of any queue.
  std::int64_t newest_ticks_ = 0;
  std::int64_t newest_ = 0;
  ClockCalibration calibration_;
  /// By the readings of all queues: for the first of a queue.
  std::optional<Offset> offset_;
};

/// What one ring knows of its submissions to one queue.
class GpuClock::Queue {
  friend class GpuClock;
  /// When the last one ended, in nanoseconds.
  std::optional<std::int64_t> last_end_;
  /// Of its own readings: drivers need not write those of several queues by one counter.
  std::optional<Offset> offset_;
  /// So many readings on end were impossible.
  std::uint32_t impossible_ = 0;
};

}  // namespace cbr::vulkan
