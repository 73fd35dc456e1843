// Explores schedules of the ring: every interleaving that a seed can think of, replayable.
//
//     CBR_SCHEDULES=1000000 schedule_test     more of them
//     CBR_SCHEDULE_SEED=4711 schedule_test    one of them again
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "scheduling/scenario.h"

namespace cbr::test {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST(Schedules, KeepEveryPromiseOfTheRing) {
  Coverage coverage;
  const bool replay = std::getenv("CBR_SCHEDULE_SEED") != nullptr;
  const std::uint64_t first = number_from_environment("CBR_SCHEDULE_SEED", 1);
  const std::uint64_t count = replay ? 1 : number_from_environment("CBR_SCHEDULES", 100'000);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    try {
      run_scenario(seed, coverage);
    } catch (const std::exception& error) {
      FAIL() << error.what() << "\nreplay with CBR_SCHEDULE_SEED=" << seed;
    }
  }
  std::cout << coverage.schedules << " schedules, " << coverage.steps << " steps, "
            << coverage.submissions << " submissions, " << coverage.waits << " waits, "
            << coverage.timeouts << " timeouts, " << coverage.failed_begins << " failed begins, "
            << coverage.failed_submits << " failed submits, " << coverage.failed_executions
            << " failed executions, " << coverage.lost_devices << " lost devices, "
            << coverage.held_back << " held back, " << coverage.resizes << " resizes, "
            << coverage.callbacks << " callbacks\n";
  if (replay || count < 10'000) return;
  // A scenario that reaches nothing proves nothing.
  for (const std::uint64_t reached :
       {coverage.submissions, coverage.waits, coverage.timeouts, coverage.failed_begins,
        coverage.failed_submits, coverage.failed_executions, coverage.lost_devices,
        coverage.held_back, coverage.resizes, coverage.callbacks}) {
    EXPECT_GT(reached, count / 100);
  }
}

TEST(Schedules, AreTheSameForTheSameSeed) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    Coverage first;
    Coverage second;
    run_scenario(seed, first);
    run_scenario(seed, second);
    EXPECT_EQ(first.steps, second.steps) << seed;
    EXPECT_EQ(first.submissions, second.submissions) << seed;
  }
}

}  // namespace
}  // namespace cbr::test
