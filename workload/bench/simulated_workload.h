// Steps on a GPU that exists only in numbers.
#pragma once

#include <cstdint>

#include <cbr/simulated.h>

#include "bench/bench_result.h"
#include "bench/workload.h"

namespace cbr::bench {

/// Steps with given timings for a ring on the simulated backend. Its results are exact and the same
/// on every machine. There is no data: the hash is over the number of steps that ran.
class SimulatedWorkload : public Workload {
 public:
  SimulatedWorkload(const SimulatedTimes& times, std::uint32_t steps);

  /// With several queues, a step passes through all of them.
  RoundSamples run_round(CommandBufferRing& ring, const StopFlag& stop) override;
  void set_hand_over(HandOver hand_over) override { hand_over_ = hand_over; }

 private:
  simulated::Plan plan_;
  std::uint32_t steps_;
  HandOver hand_over_ = HandOver::gpu;
};

}  // namespace cbr::bench
