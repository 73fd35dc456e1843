// Random graphs of work that waits for other work, run under one schedule.
#pragma once

#include <cstdint>

#include "graphs/work_graph.h"

namespace cbr::test {

/// Runs the graph and the schedule of this seed: three threads on two or three rings of one
/// simulated device, one of another at times, and rings that the threads make and end themselves;
/// with injected failures. Throws what is wrong: ScheduleError for a deadlock, std::logic_error for
/// a broken promise. Returns how many steps the schedule took.
std::uint64_t run_graph_scenario(std::uint64_t seed, graphs::GraphCounts& counts);

}  // namespace cbr::test
