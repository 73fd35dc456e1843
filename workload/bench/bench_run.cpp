#include "bench/bench_run.h"

#include <algorithm>
#include <utility>

#include <cbr/ring.h>

#include "core/admission.h"

namespace cbr::bench {
namespace {

RingOptions ring_options(const RunPlan& plan, std::uint32_t ring_size) {
  RingOptions options = plan.options;
  options.ring_size = ring_size;
  options.auto_ring_size.reset();
  // The serial baseline: whoever comes gets the one slot.
  if (ring_size == 1) options.reserved_slots.clear();
  return options;
}

/// One round through a ring of its own, and a recording of it if the plan has one made.
RoundSamples run_round(const std::shared_ptr<Backend>& backend, Workload& workload,
                       const RunPlan& plan, std::uint32_t ring_size, const StopFlag& stop,
                       std::optional<Recording>& recording) {
  RingOptions options = ring_options(plan, ring_size);
  std::shared_ptr<Recorder> recorder;
  if (plan.records) {
    recorder = std::make_shared<Recorder>(
        RecorderOptions{.ring_name = options.name, .next = options.observer});
    options.observer = recorder;
  }
  RoundSamples samples;
  {
    CommandBufferRing ring(backend, std::move(options));
    samples = workload.run_round(ring, stop);
  }
  // Only now has the ring told of everything.
  if (recorder && samples.complete) {
    recording = recorder->recording();
    // A ring may be larger than what was used of it.
    recording->ring_size = ring_size;
  }
  return samples;
}

RingRecord& record_of(RunRecord& record, std::uint32_t ring_size) {
  return *std::find_if(record.rings.begin(), record.rings.end(),
                       [&](const RingRecord& each) { return each.ring_size == ring_size; });
}

}  // namespace

void check_ring_size(const RunPlan& plan, std::uint32_t ring_size) {
  const RingOptions options = ring_options(plan, ring_size);
  detail::Admission::check(options, ring_size);
}

std::vector<std::uint32_t> ring_order(std::span<const std::uint32_t> ring_sizes,
                                      std::uint32_t round) {
  std::vector<std::uint32_t> order(ring_sizes.begin(), ring_sizes.end());
  if (round % 2 == 1) std::reverse(order.begin(), order.end());
  return order;
}

RunRecord run_interleaved(const std::shared_ptr<Backend>& backend, Workload& workload,
                          const RunPlan& plan, const StopFlag& stop, const RunProgress& progress) {
  RunRecord record;
  for (const std::uint32_t ring_size : plan.ring_sizes) {
    record.rings.push_back(
        {.ring_size = ring_size, .rounds = {}, .host_rounds = {}, .recording = {}});
  }
  std::vector<HandOver> hand_overs = {HandOver::gpu};
  if (plan.compares_hand_overs) hand_overs.push_back(HandOver::host);
  const auto total =
      static_cast<std::uint32_t>(plan.rounds * plan.ring_sizes.size() * hand_overs.size());
  std::uint32_t done = 0;
  for (std::uint32_t round = 0; round < plan.rounds; ++round) {
    for (const std::uint32_t ring_size : ring_order(plan.ring_sizes, round)) {
      RingRecord& its_record = record_of(record, ring_size);
      for (const HandOver hand_over : hand_overs) {
        if (stop) return record;
        if (progress) progress(done, total, ring_size);
        workload.set_hand_over(hand_over);
        std::optional<Recording> recording;
        RoundSamples samples = run_round(backend, workload, plan, ring_size, stop, recording);
        if (!samples.complete) return record;
        if (recording && hand_over == HandOver::gpu) its_record.recording = std::move(recording);
        (hand_over == HandOver::gpu ? its_record.rounds : its_record.host_rounds)
            .push_back(std::move(samples));
        ++done;
      }
    }
    std::reverse(hand_overs.begin(), hand_overs.end());
  }
  record.complete = true;
  return record;
}

void warm_up(const std::shared_ptr<Backend>& backend, Workload& workload,
             std::chrono::nanoseconds duration, const StopFlag& stop) {
  const TimePoint end = Clock::now() + duration;
  while (!stop && Clock::now() < end) {
    CommandBufferRing ring(backend, ring_options(RunPlan{}, std::max(3U, backend->queue_count())));
    (void)workload.run_round(ring, stop);
  }
}

}  // namespace cbr::bench
