// Explores schedules of the ring: every interleaving that a seed can think of, replayable.
//
//     CBR_SCHEDULES=1000000 schedule_test     more of them
//     CBR_SCHEDULE_SEED=4711 schedule_test    one of them again
//     CBR_GRAPH_SEED=4711 schedule_test       one of those with dependencies
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "scheduling/graph_scenario.h"
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
            << coverage.callbacks << " callbacks, " << coverage.answered << " answered, "
            << coverage.taken_back << " taken back\n";
  if (replay || count < 10'000) return;
  // A scenario that reaches nothing proves nothing.
  for (const std::uint64_t reached :
       {coverage.submissions, coverage.waits, coverage.timeouts, coverage.failed_begins,
        coverage.failed_submits, coverage.failed_executions, coverage.lost_devices,
        coverage.held_back, coverage.resizes, coverage.callbacks, coverage.answered,
        coverage.taken_back}) {
    EXPECT_GT(reached, count / 100);
  }
}

TEST(Schedules, KeepEveryPromiseOfDependencies) {
  graphs::GraphCounts counts;
  std::uint64_t steps = 0;
  const bool replay = std::getenv("CBR_GRAPH_SEED") != nullptr;
  const std::uint64_t first = number_from_environment("CBR_GRAPH_SEED", 1);
  // A graph takes twice as long as a scenario of one ring.
  const std::uint64_t count =
      replay ? 1 : std::max(number_from_environment("CBR_SCHEDULES", 100'000) / 10, UINT64_C(1));
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    try {
      steps += run_graph_scenario(seed, counts);
    } catch (const std::exception& error) {
      FAIL() << error.what() << "\nreplay with CBR_GRAPH_SEED=" << seed;
    }
  }
  std::cout << count << " graphs, " << steps << " steps, " << counts.nodes << " submissions, "
            << counts.edges << " dependencies (" << counts.edges_between_rings << " between rings, "
            << counts.edges_between_devices << " between devices), " << counts.orders
            << " orders compared, " << counts.own_failures << " failures, "
            << counts.dependency_failures << " that followed, " << counts.ran_after_failure
            << " run all the same, " << counts.lost << " lost, " << counts.ended_early
            << " ended with their ring, " << counts.held << " held back, " << counts.cycles
            << " cycles refused\n";
  if (replay || count < 1'000) return;
  for (const std::uint64_t reached :
       {counts.edges_between_rings, counts.edges_between_devices, counts.orders,
        counts.own_failures, counts.dependency_failures, counts.ran_after_failure, counts.lost,
        counts.ended_early, counts.held, counts.cycles}) {
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
    graphs::GraphCounts counts;
    EXPECT_EQ(run_graph_scenario(seed, counts), run_graph_scenario(seed, counts)) << seed;
  }
}

}  // namespace
}  // namespace cbr::test
