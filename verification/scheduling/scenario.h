// One random program on a ring, run under one schedule, and what must hold of it.
#pragma once

#include <cstdint>

namespace cbr::test {

/// How much the schedules of a run have reached, so that a test can tell that they reach enough.
struct Coverage {
  std::uint64_t schedules = 0;
  std::uint64_t steps = 0;
  std::uint64_t submissions = 0;
  std::uint64_t waits = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t failed_submits = 0;
  std::uint64_t failed_executions = 0;
  std::uint64_t failed_begins = 0;
  std::uint64_t lost_devices = 0;
  std::uint64_t held_back = 0;
  std::uint64_t resizes = 0;
  std::uint64_t callbacks = 0;
  /// Requests that no thread waits for: served, and taken back.
  std::uint64_t answered = 0;
  std::uint64_t taken_back = 0;
};

/// Runs the scenario and the schedule of this seed: four threads on one to four slots and one or
/// two queues, with injected failures. Throws what is wrong: ScheduleError for a deadlock,
/// std::logic_error for a broken promise of the ring.
void run_scenario(std::uint64_t seed, Coverage& coverage);

}  // namespace cbr::test
