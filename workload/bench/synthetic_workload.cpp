#include "bench/synthetic_workload.h"

#include <algorithm>
#include <utility>

#include <cbr/ring.h>

#include "bench/step_loop.h"
#include "bench/token_hash.h"

namespace cbr::bench {

// NOLINTNEXTLINE(performance-unnecessary-value-param): all of the data share it.
SyntheticWorkload::SyntheticWorkload(std::shared_ptr<vulkan::Device> device,
                                     const compute::SyntheticShape& shape, std::uint32_t steps)
    : steps_(steps) {
  const std::uint32_t count = device->queue_count() == 1 ? 1 : hand_over_depth;
  for (std::uint32_t i = 0; i < count; ++i) {
    data_.push_back(std::make_unique<compute::SyntheticStep>(device, shape));
  }
}

RoundSamples SyntheticWorkload::run_round(CommandBufferRing& ring, const StopFlag& stop) {
  for (const auto& data : data_) data->reset();
  const auto record = [&](const Lease& lease, std::uint32_t data) {
    data_[data]->record(vulkan::command_buffer(lease));
  };
  RoundSamples samples =
      ring.queue_count() == 1
          ? run_steps(ring, steps_, stop, [&](const Lease& lease) { record(lease, 0); })
          : run_hand_overs(ring, steps_, hand_over_, stop, record);
  TokenHash hash;
  for (const auto& data : data_) hash.add(data->checksum());
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
  options.ring_size = backend->queue_count();
  options.name = "trial";
  CommandBufferRing ring(backend, options);
  const RoundSamples trial = workload.run_round(ring, stop);
  if (!trial.complete || trial.wall.count() <= 0) return fewest;
  const auto steps = duration.count() * std::int64_t{trial_steps} / trial.wall.count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(steps, fewest, most));
}

}  // namespace cbr::bench
