// The ring against the bare loop: the same commands, interleaved round by round in one process.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "bare_loop.h"
#include "bench/paired_speedup.h"
#include "bench/sample_summary.h"
#include "compute/synthetic_step.h"

namespace cbr::benchmarks {
namespace {

struct Options {
  std::string device;
  std::uint32_t ring_size = 3;
  bool coalescing = false;
  compute::SyntheticShape shape{.dispatches = 256, .elements = 4096, .iterations = 64};
  std::uint32_t steps = 0;
  std::uint32_t rounds = 15;
  GpuTimes gpu_times = GpuTimes::both;
  WaitStrategy wait_strategy = WaitStrategy::block;
  bool json = false;
};

double seconds(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void run_ring(CommandBufferRing& ring, std::uint32_t steps, const compute::SyntheticStep& step) {
  for (std::uint32_t i = 0; i < steps; ++i) {
    Lease lease = ring.acquire();
    step.record(vulkan::command_buffer(lease));
    std::move(lease).submit();
  }
  ring.drain();
}

void run(Options options) {
  const auto device = vulkan::Device::open({.device = options.device});
  const compute::SyntheticStep step(device, options.shape);
  BareLoop bare(device, options.ring_size);
  CommandBufferRing ring(vulkan::make_backend(device), {.ring_size = options.ring_size,
                                                        .coalescing = options.coalescing,
                                                        .wait_strategy = options.wait_strategy,
                                                        .gpu_times = options.gpu_times});
  const auto record = [&](VkCommandBuffer commands) { step.record(commands); };

  // An idle GPU lowers its clock: keep it busy until it has come up, and see how long a step takes.
  std::uint32_t warm_steps = 0;
  const auto warm_until = Clock::now() + std::chrono::milliseconds(500);
  const double warm_time = seconds([&] {
    while (Clock::now() < warm_until) {
      bare.run(4, record);
      warm_steps += 4;
    }
  });
  if (options.steps == 0) {
    options.steps = std::max(20U, static_cast<std::uint32_t>(0.3 * warm_steps / warm_time));
  }
  run_ring(ring, options.steps, step);

  std::vector<double> bare_rates;
  std::vector<double> ring_rates;
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    const auto measure_bare = [&] {
      bare_rates.push_back(options.steps / seconds([&] { bare.run(options.steps, record); }));
    };
    const auto measure_ring = [&] {
      ring_rates.push_back(options.steps / seconds([&] { run_ring(ring, options.steps, step); }));
    };
    // Turn about, so that drift favours neither.
    if (round % 2 == 0) {
      measure_bare();
      measure_ring();
    } else {
      measure_ring();
      measure_bare();
    }
  }

  const auto speedup = bench::paired_speedup(bare_rates, ring_rates);
  const double bare_rate = bench::median(bare_rates);
  const double ring_rate = bench::median(ring_rates);
  if (options.json) {
    nlohmann::json result = {{"device", device->info().name},
                             {"ringSize", options.ring_size},
                             {"dispatches", options.shape.dispatches},
                             {"elements", options.shape.elements},
                             {"iterations", options.shape.iterations},
                             {"coalescing", options.coalescing},
                             {"gpuTimes", to_string(options.gpu_times)},
                             {"waitStrategy", to_string(options.wait_strategy)},
                             {"steps", options.steps},
                             {"bareStepsPerSec", bare_rates},
                             {"ringStepsPerSec", ring_rates},
                             {"ratio", speedup->ratio}};
    if (speedup->ci95) result["ci95"] = {speedup->ci95->low, speedup->ci95->high};
    fmt::print("{}\n", result.dump(2));
    return;
  }
  fmt::print(
      "{}: {} buffers, {} dispatches of {} elements, {} iterations, GPU times {}, waits {}, {} × "
      "{} steps\n",
      device->info().name, options.ring_size, options.shape.dispatches, options.shape.elements,
      options.shape.iterations, to_string(options.gpu_times), to_string(options.wait_strategy),
      options.rounds, options.steps);
  fmt::print("bare loop {:10.1f} steps/s (median)\n", bare_rate);
  fmt::print("ring      {:10.1f} steps/s (median)\n", ring_rate);
  fmt::print("ring / bare loop {:.4f}", speedup->ratio);
  if (speedup->ci95) {
    fmt::print(" (95 % interval {:.4f} to {:.4f})", speedup->ci95->low, speedup->ci95->high);
  }
  fmt::print("\n");
  if (!options.coalescing) return;
  const RingStatistics statistics = ring.statistics();
  fmt::print("{:.1f} % of the ring's submissions went with an earlier one",
             100.0 * static_cast<double>(statistics.coalesced) /
                 static_cast<double>(statistics.submissions));
  if (statistics.gpu) fmt::print("; GPU busy {:.1f} %", 100 * statistics.gpu->busy_fraction());
  fmt::print("\n");
}

}  // namespace
}  // namespace cbr::benchmarks

int main(int argc, char** argv) {
  try {
    cbr::benchmarks::Options options;
    CLI::App app("Measures the ring against a hand-written loop of raw Vulkan calls");
    app.add_option("--device", options.device, "Index, or a part of the name");
    app.add_option("--ring-size", options.ring_size)->check(CLI::Range(1U, cbr::max_ring_size));
    app.add_flag("--coalescing", options.coalescing,
                 "The ring hands several submissions to the driver at once; the loop never does");
    app.add_option("--dispatches", options.shape.dispatches)->check(CLI::PositiveNumber);
    app.add_option("--elements", options.shape.elements)->check(CLI::PositiveNumber);
    app.add_option("--iterations", options.shape.iterations)->check(CLI::PositiveNumber);
    app.add_option("--steps", options.steps, "Steps of a round (default: about 0.3 s of them)");
    app.add_option("--rounds", options.rounds)->check(CLI::PositiveNumber);
    std::string gpu_times(cbr::to_string(options.gpu_times));
    app.add_option("--gpu-times", gpu_times, "What the ring has the GPU note")
        ->check(CLI::IsMember({"both", "end", "sampled", "none"}));
    std::string wait_strategy(cbr::to_string(options.wait_strategy));
    app.add_option("--wait-strategy", wait_strategy, "How a thread waits in the ring")
        ->check(CLI::IsMember({"block", "spin", "hybrid", "adaptive"}));
    app.add_flag("--json", options.json, "Print every round as JSON");
    CLI11_PARSE(app, argc, argv);
    options.gpu_times = cbr::parse_gpu_times(gpu_times).value();
    options.wait_strategy = cbr::parse_wait_strategy(wait_strategy).value();
    cbr::benchmarks::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare_loop_benchmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
