/// @file
/// The small value types that the ring, its backends and its users share.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <exception>
#include <optional>

namespace cbr {

/// The clock of deadlines, where no backend has its own.
using Clock = std::chrono::steady_clock;
/// A moment of Clock, or of a backend's clock that counts in its place.
using TimePoint = Clock::time_point;

/// A deadline that never comes.
inline constexpr TimePoint no_deadline = TimePoint::max();

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
/// of one device can be compared; an interval and the host's clock can't.
struct GpuInterval {
  /// When the first command began.
  std::chrono::nanoseconds start{};
  /// When the last command had ended; not before `start`.
  std::chrono::nanoseconds end{};
  /// Whether both times are the same.
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
