// The choices of a soak run, all of them from one seed.
#pragma once

#include <cstdint>
#include <random>

namespace cbr::soak {

/// One thread's stream of choices. Not thread-safe: each thread has its own.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  [[nodiscard]] std::uint64_t next() { return engine_(); }
  /// From 0 to less than `bound`, which is at least 1.
  [[nodiscard]] std::uint32_t pick(std::uint32_t bound) {
    return static_cast<std::uint32_t>(engine_() % bound);
  }
  /// From `least` to `most`.
  [[nodiscard]] std::uint32_t between(std::uint32_t least, std::uint32_t most) {
    return least + pick(most - least + 1);
  }
  /// From two to the power of `least` to that of `most`.
  [[nodiscard]] std::uint32_t power_of_two(std::uint32_t least, std::uint32_t most) {
    return 1U << between(least, most);
  }
  [[nodiscard]] bool one_in(std::uint32_t count) { return pick(count) == 0; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace cbr::soak
