// The small value types that the ring, its backends and its users share.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <exception>
#include <optional>

namespace cbr {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// A deadline that never comes.
inline constexpr TimePoint no_deadline = TimePoint::max();

/// Index of a slot in its ring, from 0.
enum class SlotIndex : std::uint32_t {};
/// Index of a queue of a backend, from 0.
enum class QueueIndex : std::uint32_t {};

constexpr std::uint32_t to_number(SlotIndex slot) {
  return static_cast<std::uint32_t>(slot);
}
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
  constexpr Serial() = default;
  constexpr explicit Serial(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr Serial next() const { return Serial(value_ + 1); }
  /// True if work up to and including this serial includes `other`. Both are of one queue: this is
  /// for code that has that queue in its hands, as a backend or a timeline does.
  [[nodiscard]] constexpr bool covers(Serial other) const { return value_ >= other.value_; }

 private:
  std::uint64_t value_ = 0;
};

/// A point in the work of one queue: everything up to and including `serial`.
struct SyncPoint {
  QueueIndex queue{};
  Serial serial;

  /// By order of submission; points of different queues are unordered.
  friend constexpr std::partial_ordering operator<=>(const SyncPoint& left,
                                                     const SyncPoint& right) {
    if (left.queue != right.queue) return std::partial_ordering::unordered;
    return left.serial.value() <=> right.serial.value();
  }
  friend constexpr bool operator==(const SyncPoint& left, const SyncPoint& right) {
    return std::is_eq(left <=> right);
  }
};

/// When the GPU ran a submission: time since an epoch of the device's own choosing. Two intervals
/// of one device can be compared; an interval and the host's clock can't.
struct GpuInterval {
  std::chrono::nanoseconds start{};
  std::chrono::nanoseconds end{};
  friend constexpr bool operator==(const GpuInterval&, const GpuInterval&) = default;
};

/// How a submission ended.
struct Completion {
  /// When the GPU ran it; empty where the device has no timestamps or the work never ran.
  std::optional<GpuInterval> interval;
  /// Null if it succeeded.
  std::exception_ptr error;
};

}  // namespace cbr
