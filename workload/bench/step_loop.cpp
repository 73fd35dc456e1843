#include "bench/step_loop.h"

#include <chrono>
#include <deque>
#include <utility>

namespace cbr::bench {
namespace {

using Microseconds = std::chrono::duration<double, std::micro>;
using Milliseconds = std::chrono::duration<double, std::milli>;

/// Takes down what became of the oldest submission, once it has ended.
void collect_oldest(std::deque<Ticket>& tickets, RoundSamples& samples) {
  tickets.front().wait();
  if (const auto interval = tickets.front().gpu_interval()) {
    samples.gpu_intervals.push_back(*interval);
  }
  tickets.pop_front();
}

}  // namespace

RoundSamples run_steps(CommandBufferRing& ring, std::uint32_t steps, const StopFlag& stop,
                       const std::function<void(const Lease& lease)>& record) {
  RoundSamples samples;
  samples.gpu_intervals.reserve(steps);
  samples.encode_us.reserve(steps);
  samples.step_ms.reserve(steps);
  std::deque<Ticket> tickets;

  const TimePoint start = ring.now();
  TimePoint previous_submit = start;
  for (std::uint32_t step = 0; step < steps && !stop; ++step) {
    Lease lease = ring.acquire();
    const TimePoint acquired = ring.now();
    record(lease);
    const TimePoint recorded = ring.now();
    tickets.push_back(std::move(lease).submit());
    const TimePoint submitted = ring.now();
    samples.encode_us.push_back(Microseconds(recorded - acquired).count());
    samples.step_ms.push_back(Milliseconds(submitted - previous_submit).count());
    previous_submit = submitted;
    ++samples.units;
    // With one ticket more than slots the oldest has ended, for its slot was used again: looking at
    // it here doesn't wait, and the ring can recycle what it keeps for a ticket.
    if (tickets.size() > ring.ring_size()) collect_oldest(tickets, samples);
  }
  ring.drain();
  samples.wall = ring.now() - start;
  while (!tickets.empty()) collect_oldest(tickets, samples);
  samples.ring = ring.statistics();
  samples.complete = samples.units == steps;
  return samples;
}

}  // namespace cbr::bench
