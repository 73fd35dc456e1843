/// @file
/// The small value types that the ring, its backends and its users share.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <exception>
#include <optional>
#include <ratio>
#include <string_view>
#include <type_traits>

namespace cbr {

/// The clock of deadlines, where no backend has its own.
using Clock = std::chrono::steady_clock;
/// A moment of Clock, or of a backend's clock that counts in its place.
using TimePoint = Clock::time_point;

/// A deadline that never comes.
inline constexpr TimePoint no_deadline = TimePoint::max();
/// A deadline that has always passed: for calls that are not to wait.
inline constexpr TimePoint no_wait = TimePoint::min();

/// How long a call may wait, at most. Every limit of this library is one of these:
///
/// - absent (`{}` or `std::nullopt`) waits for ever;
/// - zero or less doesn't wait at all;
/// - more than a hundred years, `std::chrono::hours::max()` included, waits for ever.
///
/// Durations of every unit convert to it, as do optional ones.
class Timeout {
 public:
  /// For ever.
  constexpr Timeout() = default;
  /// For ever.
  constexpr Timeout(std::nullopt_t /*absent*/) {}  // NOLINT(google-explicit-constructor)
  /// For `limit`, whatever its unit. Not a number counts as zero.
  template <typename Rep, typename Period>
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Timeout(std::chrono::duration<Rep, Period> limit) : limit_(saturated(limit)) {}
  /// For the limit, or for ever where there is none.
  template <typename Rep, typename Period>
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Timeout(const std::optional<std::chrono::duration<Rep, Period>>& limit)
      : limit_(limit ? saturated(*limit) : std::nullopt) {}

  /// Whether there is a limit at all.
  [[nodiscard]] constexpr bool has_value() const { return limit_.has_value(); }
  /// The limit, from zero on; empty where it is for ever.
  [[nodiscard]] constexpr std::optional<std::chrono::nanoseconds> value() const { return limit_; }
  /// The moment that lies so much after `now`, without overflow: no_deadline for ever, no_wait for
  /// zero.
  [[nodiscard]] constexpr TimePoint after(TimePoint now) const {
    if (!limit_) return no_deadline;
    if (limit_->count() == 0) return no_wait;
    return *limit_ >= no_deadline - std::max(now, TimePoint{}) ? no_deadline : now + *limit_;
  }
  /// Whether both wait for the same time.
  friend constexpr bool operator==(const Timeout&, const Timeout&) = default;

 private:
  template <typename Rep, typename Period>
  static constexpr std::optional<std::chrono::nanoseconds> saturated(
      std::chrono::duration<Rep, Period> limit) {
    // Not a number: no arithmetic on it in a constant expression.
    if (limit.count() != limit.count()) return std::chrono::nanoseconds(0);
    // In floating point, which has room for every unit, and is exact enough to compare.
    const long double ns =
        std::chrono::duration_cast<std::chrono::duration<long double, std::nano>>(limit).count();
    if (!(ns > 0)) return std::chrono::nanoseconds(0);
    // So far below what the clock can count that no sum of a time and a limit overflows.
    constexpr long double hundred_years = 100.0L * 365 * 24 * 3600 * 1'000'000'000;
    if (ns > hundred_years) return std::nullopt;
    if constexpr (std::is_floating_point_v<Rep>) {
      return std::chrono::nanoseconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(ns)));
    } else {
      const auto whole = std::chrono::duration_cast<std::chrono::nanoseconds>(limit);
      // Less than one nanosecond is still a wait.
      return whole.count() > 0 ? whole : std::chrono::nanoseconds(1);
    }
  }

  std::optional<std::chrono::nanoseconds> limit_;
};

/// Index of a slot in its ring, from 0.
enum class SlotIndex : std::uint32_t {};
/// Index of a queue of a backend, from 0.
enum class QueueIndex : std::uint32_t {};

/// The index as a number, to find a slot's own resources in an array.
constexpr std::uint32_t to_number(SlotIndex slot) {
  return static_cast<std::uint32_t>(slot);
}
/// The index as a number.
constexpr std::uint32_t to_number(QueueIndex queue) {
  return static_cast<std::uint32_t>(queue);
}

/// Number of a submission on one queue: strictly increasing from 1. Serial 0 stands for "before the
/// first submission" and is always complete.
///
/// Two serials can't be compared, not even for equality: those of different queues have nothing to
/// do with each other, and a bare serial doesn't know its queue. Compare SyncPoints, which do.
class Serial {
 public:
  /// Serial 0.
  constexpr Serial() = default;
  /// The serial with that number.
  constexpr explicit Serial(std::uint64_t value) : value_(value) {}
  /// The number, for messages and native calls.
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  /// The serial of the submission that follows on the same queue.
  [[nodiscard]] constexpr Serial next() const { return Serial(value_ + 1); }
  /// True if work up to and including this serial includes `other`. Both are of one queue: this is
  /// for code that has that queue in its hands, as a backend or a timeline does.
  [[nodiscard]] constexpr bool covers(Serial other) const { return value_ >= other.value_; }

 private:
  std::uint64_t value_ = 0;
};

/// A point in the work of one queue: everything up to and including `serial`.
struct SyncPoint {
  /// The queue whose work it is.
  QueueIndex queue{};
  /// The last submission that is included.
  Serial serial;

  /// By order of submission; points of different queues are unordered.
  friend constexpr std::partial_ordering operator<=>(const SyncPoint& left,
                                                     const SyncPoint& right) {
    if (left.queue != right.queue) return std::partial_ordering::unordered;
    return left.serial.value() <=> right.serial.value();
  }
  /// The same point of the same queue.
  friend constexpr bool operator==(const SyncPoint& left, const SyncPoint& right) {
    return std::is_eq(left <=> right);
  }
};

/// When the GPU ran a submission: time since an epoch of the device's own choosing. Two intervals
/// of one device can be compared; an interval and the host's clock can't, but by a ClockOffset.
struct GpuInterval {
  /// When the first command began.
  std::chrono::nanoseconds start{};
  /// When the last command had ended; not before `start`.
  std::chrono::nanoseconds end{};
  /// Whether both times are the same.
  friend constexpr bool operator==(const GpuInterval&, const GpuInterval&) = default;
};

/// Which times the GPU notes for a submission. Each note costs GPU time between two submissions:
/// on an H200, 1.45 µs for both and 0.7 µs for the end alone.
enum class GpuTimes : std::uint8_t {
  /// Its start and its end.
  both,
  /// Its end alone: Ticket::gpu_end() is there, gpu_interval() is not.
  end,
  /// Both, of every sixteenth submission of a slot.
  sampled,
  /// None.
  none,
};

/// "both", "end", "sampled", "none".
[[nodiscard]] std::string_view to_string(GpuTimes times) noexcept;
/// The times of that name, or nothing.
[[nodiscard]] std::optional<GpuTimes> parse_gpu_times(std::string_view name) noexcept;

/// How a device's clock relates to the host's: where a GpuInterval reads t, Backend::now() read t +
/// `offset` after its epoch, give or take `deviation`.
struct ClockOffset {
  /// The host's clock minus the device's.
  std::chrono::nanoseconds offset{};
  /// So much may be wrong with it, in either direction.
  std::chrono::nanoseconds deviation{};
};

/// How a submission ended.
struct Completion {
  /// When the GPU ran it; empty where the device has no timestamps, where they were not asked for,
  /// and where they can't be true.
  std::optional<GpuInterval> interval;
  /// When the GPU had ended it, by the same clock: what GpuTimes::end gives.
  std::optional<std::chrono::nanoseconds> end;
  /// Null if it succeeded.
  std::exception_ptr error;
  /// What these times are by the host's clock; empty where nobody knows.
  std::optional<ClockOffset> clock = std::nullopt;
};

}  // namespace cbr
