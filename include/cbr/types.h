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
class Serial {
 public:
  constexpr Serial() = default;
  constexpr explicit Serial(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr Serial next() const { return Serial(value_ + 1); }
  friend constexpr auto operator<=>(Serial, Serial) = default;

 private:
  std::uint64_t value_ = 0;
};

/// A point in the work of one queue: everything up to and including `serial`.
struct SyncPoint {
  QueueIndex queue{};
  Serial serial;
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
