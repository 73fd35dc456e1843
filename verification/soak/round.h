// One round: a ring is made, worked by several threads, checked and destroyed.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "soak/ledger.h"
#include "soak/target.h"

namespace cbr::soak {

/// The ring broke a promise.
class Inconsistency : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// What all rounds together did.
struct Totals {
  Count rounds = 0;
  Count submissions = 0;
  /// Failed begins, refused submissions, failed executions and work lost with a device.
  Count failures = 0;
  Count lost_devices = 0;
  Count resets = 0;
  Count callbacks = 0;
  Count timeouts = 0;
  Count resizes = 0;
  Count abandoned = 0;
  Count cancelled_callbacks = 0;
  Count destroyed_coroutines = 0;
  Count failed_allocations = 0;
  /// Of wait, completed, finish and wake: they pass.
  Count failed_calls = 0;
  /// Rings that ended while other threads worked what they left.
  Count contested_ends = 0;
  Count moves = 0;
  /// Rounds in which work waited for other work, and what they did.
  Count graphs = 0;
  Count dependencies = 0;
  Count followed_failures = 0;
  /// Pairs whose GPU times were compared, and whose data was.
  Count orders = 0;
  Count visibilities = 0;
  Count refused_cycles = 0;
};

/// Runs the round of this seed: the same options, faults and operations each time, but not the same
/// schedule of threads. `heartbeat` counts up as long as it goes on. Blocks. Throws Inconsistency,
/// or what the target throws.
void run_round(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat);

}  // namespace cbr::soak
