#include "bench/step_loop.h"

#include <array>
#include <chrono>
#include <cstddef>
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

RoundSamples run_hand_overs(
    CommandBufferRing& ring, std::uint32_t steps, HandOver hand_over, const StopFlag& stop,
    const std::function<void(const Lease& lease, std::uint32_t data)>& record) {
  RoundSamples samples;
  const std::uint32_t queues = ring.queue_count();
  const std::size_t submissions = std::size_t{steps} * queues;
  samples.gpu_intervals.reserve(submissions);
  samples.encode_us.reserve(submissions);
  samples.step_ms.reserve(steps);
  std::deque<Ticket> tickets;
  // Who used each step's data last.
  std::array<Ticket, hand_over_depth> users;

  const TimePoint start = ring.now();
  TimePoint previous = start;
  for (std::uint32_t step = 0; step < steps && !stop; ++step) {
    const std::uint32_t data = step % hand_over_depth;
    Ticket& user = users.at(data);
    for (std::uint32_t queue = 0; queue < queues; ++queue) {
      Lease lease = ring.acquire({.queue = QueueIndex{queue}});
      const TimePoint acquired = ring.now();
      record(lease, data);
      samples.encode_us.push_back(Microseconds(ring.now() - acquired).count());
      Dependencies after;
      if (user.valid()) {
        if (hand_over == HandOver::host) user.wait();
        after.add(user);
      }
      user = std::move(lease).submit({.after = std::move(after)});
      tickets.push_back(user);
    }
    const TimePoint submitted = ring.now();
    samples.step_ms.push_back(Milliseconds(submitted - previous).count());
    previous = submitted;
    ++samples.units;
    // As in run_steps(): they have ended, for slots and data were used again.
    while (tickets.size() > ring.ring_size() + queues * hand_over_depth) {
      collect_oldest(tickets, samples);
    }
  }
  ring.drain();
  samples.wall = ring.now() - start;
  while (!tickets.empty()) collect_oldest(tickets, samples);
  samples.ring = ring.statistics();
  samples.complete = samples.units == steps;
  return samples;
}

}  // namespace cbr::bench
