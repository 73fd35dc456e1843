// Steps of dependent dispatches on a Vulkan device.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <cbr/backend.h>
#include <cbr/vulkan.h>

#include "bench/workload.h"
#include "compute/synthetic_step.h"

namespace cbr::bench {

/// Rounds of synthetic steps. Every round starts from the same data, and its hash is over the
/// checksums of the data that the last steps leave. On a device with several queues, which are to
/// be of one family, a step passes through all of them.
class SyntheticWorkload : public Workload {
 public:
  /// Allocates and fills the data. Throws as compute::SyntheticStep does.
  SyntheticWorkload(std::shared_ptr<vulkan::Device> device, const compute::SyntheticShape& shape,
                    std::uint32_t steps);

  RoundSamples run_round(CommandBufferRing& ring, const StopFlag& stop) override;
  void set_hand_over(HandOver hand_over) override { hand_over_ = hand_over; }

  /// Steps of each round that follows.
  void set_steps(std::uint32_t steps) { steps_ = steps; }

 private:
  /// One, or as many as there can be under way on several queues.
  std::vector<std::unique_ptr<compute::SyntheticStep>> data_;
  std::uint32_t steps_;
  HandOver hand_over_ = HandOver::gpu;
};

/// How many steps fill about `duration` at the pace of a ring of one slot for each queue, from a
/// short trial: at least 32 and at most 100 000. Leaves the workload's number of steps changed.
[[nodiscard]] std::uint32_t steps_for(std::chrono::nanoseconds duration,
                                      const std::shared_ptr<Backend>& backend,
                                      SyntheticWorkload& workload, const StopFlag& stop);

}  // namespace cbr::bench
