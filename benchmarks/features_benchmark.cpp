// What each feature adds to a cycle of acquire, submit and complete. For small differences, use
// overhead_benchmark, which takes turns.
#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include <benchmark/benchmark.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/submit_policy.h>

#include "unit/core/allocations.h"

namespace {

class CountingObserver final : public cbr::Observer {
 public:
  void on_acquire(const cbr::AcquireEvent& /*event*/) noexcept override { ++events_; }
  void on_submit(const cbr::SubmitEvent& /*event*/) noexcept override { ++events_; }
  void on_complete(const cbr::CompleteEvent& /*event*/) noexcept override { ++events_; }

 private:
  std::uint64_t events_ = 0;
};

void cycles(benchmark::State& state, cbr::CommandBufferRing& ring) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring.acquire().submit());
  }
  state.SetItemsProcessed(state.iterations());
}

void allocation_strategy(benchmark::State& state, cbr::AllocationStrategy strategy) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(static_cast<std::uint32_t>(state.range(0))),
                              {.ring_size = 8, .allocation_strategy = strategy});
  cycles(state, ring);
}

void observer(benchmark::State& state) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(),
                              {.ring_size = 3, .observer = std::make_shared<CountingObserver>()});
  cycles(state, ring);
}

void keep_alive(benchmark::State& state) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(), {.ring_size = 3});
  const auto object = std::make_shared<int>(0);
  for (auto _ : state) {
    cbr::Lease lease = ring.acquire();
    lease.keep_alive(object);
    benchmark::DoNotOptimize(std::move(lease).submit());
  }
}

void on_complete(benchmark::State& state) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(), {.ring_size = 3});
  for (auto _ : state) {
    ring.acquire().submit().on_complete([](const cbr::Ticket& /*ticket*/) {});
  }
}

/// A callback that is taken back in time. Counts what is allocated for it: nothing.
void cancelled_callback(benchmark::State& state) {
  const auto gpu = cbr::simulated::make_gpu();
  cbr::CommandBufferRing ring(gpu, {.ring_size = 3});
  const auto step = [&] {
    // Else the completion thread may be quicker.
    gpu->pause();
    const cbr::Ticket ticket = ring.acquire().submit();
    if (!ticket.on_complete([](const cbr::Ticket& /*ticket*/) {}).cancel()) {
      state.SkipWithError("the callback has run");
    }
    gpu->release();
    ticket.wait();
  };
  for (int i = 0; i < 10; ++i) step();
  const std::size_t before = cbr::test::allocation_count;
  for (auto _ : state) step();
  state.counters["allocations"] = static_cast<double>(cbr::test::allocation_count - before);
}

void sequence(benchmark::State& state) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(), {.ring_size = 3});
  cbr::Sequence order = ring.sequence();
  for (auto _ : state) {
    benchmark::DoNotOptimize(order.acquire().submit());
  }
}

/// Each submission waits for so many of those before it.
void dependencies(benchmark::State& state) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(static_cast<std::uint32_t>(state.range(0))),
                              {.ring_size = 8});
  const auto count = static_cast<std::size_t>(state.range(1));
  std::array<cbr::Ticket, 4> before;
  for (cbr::Ticket& ticket : before) ticket = ring.acquire().submit();
  std::size_t next = 0;
  const auto step = [&] {
    cbr::SubmitOptions options;
    for (std::size_t i = 0; i < count; ++i) options.after.add(before[i]);
    before[next++ % before.size()] = ring.acquire().submit(std::move(options));
  };
  for (int i = 0; i < 50; ++i) step();
  const std::size_t allocations = cbr::test::allocation_count;
  for (auto _ : state) step();
  state.counters["allocations"] = static_cast<double>(cbr::test::allocation_count - allocations);
}

void submit_policy(benchmark::State& state) {
  cbr::SubmitPolicy policy({.max_commands = 100, .max_bytes = 1'000'000});
  for (auto _ : state) {
    if (policy.add(1, 100)) benchmark::DoNotOptimize(policy.submitted());
  }
}

void submit_policy_gpu_time(benchmark::State& state) {
  cbr::SubmitPolicy policy({.gpu_time_budget = std::chrono::milliseconds(2)});
  // Mixes of commands that it has to tell apart.
  const auto kinds = static_cast<std::uint64_t>(state.range(0));
  for (std::uint64_t kind = 0; kind < kinds; ++kind) {
    policy.add(100, 1000 << kind);
    policy.submitted();
    policy.measured(policy.submission(), cbr::GpuInterval{{}, std::chrono::milliseconds(1)});
  }
  for (auto _ : state) {
    if (policy.fits(1, 100) && policy.add(1, 100)) benchmark::DoNotOptimize(policy.submitted());
  }
}

using cbr::AllocationStrategy;
BENCHMARK_CAPTURE(allocation_strategy, round_robin, AllocationStrategy::round_robin)
    ->ArgName("queues")
    ->Arg(1)
    ->Arg(4);
BENCHMARK_CAPTURE(allocation_strategy, least_busy, AllocationStrategy::least_busy)
    ->ArgName("queues")
    ->Arg(1)
    ->Arg(4);
BENCHMARK_CAPTURE(allocation_strategy, priority, AllocationStrategy::priority)
    ->ArgName("queues")
    ->Arg(1)
    ->Arg(4);
BENCHMARK(observer);
BENCHMARK(keep_alive);
BENCHMARK(on_complete);
BENCHMARK(cancelled_callback);
BENCHMARK(sequence);
BENCHMARK(dependencies)->ArgNames({"queues", "tickets"})->ArgsProduct({{1, 2}, {0, 1, 2, 3, 4}});
BENCHMARK(submit_policy);
BENCHMARK(submit_policy_gpu_time)->ArgName("kinds")->Arg(1)->Arg(8);

}  // namespace
