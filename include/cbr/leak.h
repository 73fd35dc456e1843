/// @file
/// What a program forgot to do with its leases and tickets.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>

#include <cbr/types.h>

namespace cbr {

/// One thing that a program lost track of.
struct Leak {
  /// What was lost track of.
  enum class Kind : std::uint8_t {
    /// A lease was destroyed without submit() or discard(), and no exception was on its way.
    abandoned_lease,
    /// A submission failed, and no ticket was ever asked about it. Losing the device is not counted
    /// here: every later call tells of that.
    unseen_failure,
  };
  /// What was lost track of.
  Kind kind{};
  /// The slot that the lease held, or the work ran in.
  SlotIndex slot{};
  /// The call of acquire() in the program.
  std::source_location acquired_at;
  /// Where the work was submitted; for a lease, where it was acquired.
  std::source_location submitted_at;
  /// One line for people.
  std::string text;
};

}  // namespace cbr
