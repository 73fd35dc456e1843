// What a device's clock is by the host's, from moments at which both were read. Pure logic.
#pragma once

#include <cstdint>
#include <optional>

#include <cbr/types.h>

namespace cbr::vulkan {

/// Both clocks run evenly, but not at one rate: crystals differ by some parts in a million, which
/// is microseconds in a tenth of a second. So the rate is measured too, over a few seconds. All
/// numbers are nanoseconds. Whoever has it guards it.
class ClockCalibration {
 public:
  /// Both clocks at one moment, as far as `deviation` goes.
  struct Reading {
    std::int64_t gpu = 0;
    std::int64_t host = 0;
    std::int64_t deviation = 0;
  };

  /// A later reading. One that contradicts the earlier ones, as after a sleep of the machine, makes
  /// them void.
  void add(const Reading& reading) noexcept;
  /// The host's clock at this moment of the device's; empty before the first reading, and where a
  /// number would overflow.
  [[nodiscard]] std::optional<ClockOffset> at(std::int64_t gpu) const noexcept;

  /// Two readings closer than this tell no rate.
  static constexpr std::int64_t shortest_base = 10'000'000;
  /// The rate is of the last so many nanoseconds, or up to twice as many.
  static constexpr std::int64_t longest_base = 4'000'000'000;
  /// Clocks differ by this at most, one part in so many; what a rate is worth before it is known.
  static constexpr std::int64_t most_drift = 1'000;
  static constexpr std::int64_t usual_drift = 10'000;

 private:
  /// The oldest that counts, one between, and the newest.
  std::optional<Reading> base_;
  std::optional<Reading> next_base_;
  std::optional<Reading> newest_;
};

}  // namespace cbr::vulkan
