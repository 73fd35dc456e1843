// Several threads share one ring: what a cycle of acquire, submit and complete costs each of them.
#include <memory>

#include <benchmark/benchmark.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace {

/// Shared by the threads of one benchmark run; made before they start and gone after they end.
std::unique_ptr<cbr::CommandBufferRing> ring;

void make_ring(const benchmark::State& state) {
  ring = std::make_unique<cbr::CommandBufferRing>(
      cbr::simulated::make_gpu(),
      cbr::RingOptions{.ring_size = static_cast<std::uint32_t>(state.range(0))});
}

void drop_ring(const benchmark::State& /*state*/) {
  ring.reset();
}

/// With fewer slots than threads they wait for one another: the simulated GPU takes no time.
void acquire_submit_complete_by_threads(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring->acquire().submit());
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(acquire_submit_complete_by_threads)
    ->ArgName("ring_size")
    ->Arg(3)
    ->Arg(16)
    ->Setup(make_ring)
    ->Teardown(drop_ring)
    ->Threads(1)
    ->Threads(2)
    ->Threads(4)
    ->Threads(8)
    ->UseRealTime();

}  // namespace
