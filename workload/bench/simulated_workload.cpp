#include "bench/simulated_workload.h"

#include <chrono>
#include <cmath>

#include "bench/step_loop.h"
#include "bench/token_hash.h"

namespace cbr::bench {
namespace {

std::chrono::nanoseconds from_microseconds(double time) {
  return std::chrono::nanoseconds(std::llround(time * 1e3));
}

}  // namespace

SimulatedWorkload::SimulatedWorkload(const SimulatedTimes& times, std::uint32_t steps)
    : plan_{.encode = from_microseconds(times.encode_us),
            .submit = from_microseconds(times.submit_us),
            .execute = from_microseconds(times.gpu_us),
            .completion = from_microseconds(times.completion_us),
            .fault = Fault::none},
      steps_(steps) {}

RoundSamples SimulatedWorkload::run_round(CommandBufferRing& ring, const StopFlag& stop) {
  const auto record = [&](const Lease& lease) { simulated::record(lease, plan_); };
  RoundSamples samples =
      ring.queue_count() == 1
          ? run_steps(ring, steps_, stop, record)
          : run_hand_overs(ring, steps_, hand_over_, stop,
                           [&](const Lease& lease, std::uint32_t /*data*/) { record(lease); });
  TokenHash hash;
  hash.add(samples.ring.completions);
  samples.result_sha256 = hash.finish();
  return samples;
}

}  // namespace cbr::bench
