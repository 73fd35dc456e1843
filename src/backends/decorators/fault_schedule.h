// Which calls fail: a plan, and what is asked for as the program runs. Does not know backends.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <cbr/fault_injection.h>

namespace cbr::detail {

inline constexpr std::size_t fault_count = 11;

/// All functions may be called by any thread; none locks or allocates.
class FaultSchedule {
 public:
  /// Throws InvalidOption if a probability or a number of the script is out of range.
  explicit FaultSchedule(FaultPlan plan);

  /// Whether `fault` strikes the call with this number, which then counts as injected.
  [[nodiscard]] bool strikes(Fault fault, std::uint64_t call) noexcept;
  /// Takes back a strike that came to nothing.
  void withdraw(Fault fault) noexcept { --at(injected_, fault); }
  /// Makes the next call that asks about `fault` fail.
  void fail_next(Fault fault) noexcept { ++at(pending_, fault); }
  /// Counts a fault that did not come from the schedule.
  void count(Fault fault) noexcept { ++at(injected_, fault); }
  [[nodiscard]] std::uint64_t injected(Fault fault) const noexcept { return at(injected_, fault); }

 private:
  using Counters = std::array<std::atomic<std::uint64_t>, fault_count>;
  static std::atomic<std::uint64_t>& at(Counters& counters, Fault fault) noexcept {
    return counters[static_cast<std::size_t>(fault)];
  }
  static const std::atomic<std::uint64_t>& at(const Counters& counters, Fault fault) noexcept {
    return counters[static_cast<std::size_t>(fault)];
  }
  [[nodiscard]] bool planned(Fault fault, std::uint64_t call) const noexcept;
  [[nodiscard]] double probability(Fault fault) const noexcept;
  bool take_pending(Fault fault) noexcept;

  const FaultPlan plan_;
  Counters pending_{};
  Counters injected_{};
};

}  // namespace cbr::detail
