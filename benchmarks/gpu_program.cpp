#include "gpu_program.h"

#include <algorithm>
#include <utility>

#include "bench/step_loop.h"
#include "bench/synthetic_workload.h"

namespace cbr::benchmarks {
namespace {

using namespace std::chrono_literals;

void work_for(std::chrono::nanoseconds time) {
  if (time <= 0ns) return;
  const TimePoint end = Clock::now() + time;
  while (Clock::now() < end) {
  }
}

}  // namespace

GpuProgram::GpuProgram(Load load, const std::string& device, double round_ms)
    : load_(std::move(load)),
      device_(vulkan::Device::open(
          {.device = device, .queues = std::vector<vulkan::QueueRequest>(load_.queues)})) {
  const std::uint32_t data = load_.queues == 1 ? 1 : bench::hand_over_depth;
  for (std::uint32_t i = 0; i < data; ++i) {
    data_.push_back(std::make_unique<compute::SyntheticStep>(device_, load_.shape));
  }
  warm_up(round_ms);
}

void GpuProgram::work(CommandBufferRing& ring, std::uint32_t steps, std::uint32_t round) {
  if (load_.queues > 1) {
    const bench::StopFlag stop(false);
    (void)bench::run_hand_overs(ring, steps, bench::HandOver::gpu, stop,
                                [&](const Lease& lease, std::uint32_t data) {
                                  data_[data]->record(vulkan::command_buffer(lease));
                                });
    return;
  }
  for (std::uint32_t i = 0; i < steps; ++i) {
    if (load_.application) work_for(load_.application(i, round));
    Lease lease = ring.acquire();
    if (load_.extra_encode) work_for(load_.extra_encode(i, round));
    data_[0]->record(vulkan::command_buffer(lease));
    std::move(lease).submit();
  }
  ring.drain();
}

void GpuProgram::warm_up(double round_ms) {
  CommandBufferRing ring(make_backend(), {.ring_size = 2 * load_.queues});
  const TimePoint start = Clock::now();
  std::uint32_t done = 0;
  while (Clock::now() < start + 600ms) {
    work(ring, 8, 0);
    done += 8;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  steps_ = std::clamp(static_cast<std::uint32_t>(round_ms / 1000 * done / seconds), 40U, 60'000U);
}

}  // namespace cbr::benchmarks
