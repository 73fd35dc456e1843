#include "bench/synthetic_workload.h"

#include <algorithm>
#include <utility>

#include <cbr/ring.h>

#include "bench/step_loop.h"
#include "bench/token_hash.h"

namespace cbr::bench {

SyntheticWorkload::SyntheticWorkload(std::shared_ptr<vulkan::Device> device,
                                     const compute::SyntheticShape& shape, std::uint32_t steps)
    : step_(std::move(device), shape), steps_(steps) {}

RoundSamples SyntheticWorkload::run_round(CommandBufferRing& ring, const StopFlag& stop) {
  step_.reset();
  RoundSamples samples = run_steps(
      ring, steps_, stop, [&](const Lease& lease) { step_.record(vulkan::command_buffer(lease)); });
  TokenHash hash;
  hash.add(step_.checksum());
  samples.result_sha256 = hash.finish();
  return samples;
}

std::uint32_t steps_for(std::chrono::nanoseconds duration, const std::shared_ptr<Backend>& backend,
                        SyntheticWorkload& workload, const StopFlag& stop) {
  constexpr std::uint32_t trial_steps = 16;
  constexpr std::uint32_t fewest = 32;
  constexpr std::uint32_t most = 100'000;
  workload.set_steps(trial_steps);
  RingOptions options;
  options.ring_size = 1;
  options.name = "trial";
  CommandBufferRing ring(backend, options);
  const RoundSamples trial = workload.run_round(ring, stop);
  if (!trial.complete || trial.wall.count() <= 0) return fewest;
  const auto steps = duration.count() * std::int64_t{trial_steps} / trial.wall.count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(steps, fewest, most));
}

}  // namespace cbr::bench
