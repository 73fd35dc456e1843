// What one cycle of the ring costs on the CPU: acquire, submit, complete, on the simulated GPU.
#include <benchmark/benchmark.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace {

using namespace std::chrono_literals;

void cycle(benchmark::State& state, bool statistics) {
  cbr::CommandBufferRing ring(
      cbr::simulated::make_gpu(),
      {.ring_size = static_cast<std::uint32_t>(state.range(0)), .track_statistics = statistics});
  for (auto _ : state) {
    cbr::Lease lease = ring.acquire();
    benchmark::DoNotOptimize(lease.native_handle());
    benchmark::DoNotOptimize(std::move(lease).submit());
  }
  state.SetItemsProcessed(state.iterations());
}

void acquire_submit_complete(benchmark::State& state) {
  cycle(state, true);
}
void acquire_submit_complete_without_statistics(benchmark::State& state) {
  cycle(state, false);
}

/// The same where each acquire waits, because the GPU is slower than the CPU: back-pressure.
void acquire_wait_submit_complete(benchmark::State& state) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(),
                              {.ring_size = static_cast<std::uint32_t>(state.range(0))});
  for (auto _ : state) {
    cbr::Lease lease = ring.acquire();
    cbr::simulated::record(lease, {.execute = 10us});
    benchmark::DoNotOptimize(std::move(lease).submit());
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(acquire_submit_complete)->ArgName("ring_size")->Arg(1)->Arg(3);
BENCHMARK(acquire_submit_complete_without_statistics)->ArgName("ring_size")->Arg(1)->Arg(3);
BENCHMARK(acquire_wait_submit_complete)->ArgName("ring_size")->Arg(1)->Arg(3);

}  // namespace
