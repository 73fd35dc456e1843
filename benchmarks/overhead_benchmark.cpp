// What statistics, strategies and an observer cost, as differences: both sides take turns in one
// process, so that what the machine does meanwhile concerns both.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "bench/paired_speedup.h"
#include "bench/sample_summary.h"
#ifdef CBR_BENCHMARK_VULKAN
#include <cbr/vulkan.h>

#include "compute/synthetic_step.h"
#endif

namespace cbr::benchmarks {
namespace {

struct Options {
  std::uint32_t rounds = 201;
  std::uint32_t cycles = 10'000;
  bool vulkan = false;
  std::string device;
  std::uint32_t dispatches = 16;
  bool json = false;
};

class SilentObserver final : public Observer {};

/// One thing that a ring can do, against a ring that is the same without.
struct Comparison {
  std::string name;
  std::uint32_t queues = 1;
  RingOptions without;
  RingOptions with;
};

std::vector<Comparison> comparisons() {
  const auto strategy = [](AllocationStrategy allocation) {
    return RingOptions{.ring_size = 8, .allocation_strategy = allocation};
  };
  const RingOptions round_robin = strategy(AllocationStrategy::round_robin);
  std::vector<Comparison> all{
      {"statistics", 1, {.ring_size = 3, .track_statistics = false}, {.ring_size = 3}},
      // Without both times of each submission there is no activity to tell of.
      {"activity", 1, {.ring_size = 3, .gpu_times = GpuTimes::end}, {.ring_size = 3}},
      {"watchdog", 1, {.ring_size = 3, .hang_warning_ms = 0}, {.ring_size = 3}},
      {"observer",
       1,
       {.ring_size = 3},
       {.ring_size = 3, .observer = std::make_shared<SilentObserver>()}},
  };
  for (const std::uint32_t queues : {1U, 4U}) {
    all.push_back({fmt::format("least-busy, {} queues", queues), queues, round_robin,
                   strategy(AllocationStrategy::least_busy)});
    all.push_back({fmt::format("priority, {} queues", queues), queues, round_robin,
                   strategy(AllocationStrategy::priority)});
  }
  // Two rings of the same kind: what the method takes for a difference where there is none.
  all.push_back({"nothing", 1, {.ring_size = 3}, {.ring_size = 3}});
  return all;
}

struct Difference {
  std::string name;
  double without_ns = 0;
  double with_ns = 0;
  double mean_ns = 0;
  bench::Interval95 ci95_ns;
};

/// Calls both in turn, `rounds` times each; the first of a pair changes from round to round.
template <typename Without, typename With>
void take_turns(std::uint32_t rounds, const Without& without, const With& with) {
  for (std::uint32_t round = 0; round < rounds; ++round) {
    if (round % 2 == 0) {
      without();
      with();
    } else {
      with();
      without();
    }
  }
}

/// Of CPU time of this thread, which other programs don't add to.
double cpu_nanoseconds() {
  std::timespec time{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) {
    throw std::system_error(errno, std::generic_category(), "clock_gettime");
  }
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double nanoseconds_a_cycle(CommandBufferRing& ring, std::uint32_t cycles) {
  const double start = cpu_nanoseconds();
  for (std::uint32_t i = 0; i < cycles; ++i) ring.acquire().submit();
  return (cpu_nanoseconds() - start) / cycles;
}

Difference measure(const Comparison& comparison, const Options& options) {
  CommandBufferRing without(simulated::make_gpu(comparison.queues), comparison.without);
  CommandBufferRing with(simulated::make_gpu(comparison.queues), comparison.with);
  nanoseconds_a_cycle(without, options.cycles);
  nanoseconds_a_cycle(with, options.cycles);
  std::vector<double> without_ns;
  std::vector<double> with_ns;
  take_turns(
      options.rounds, [&] { without_ns.push_back(nanoseconds_a_cycle(without, options.cycles)); },
      [&] { with_ns.push_back(nanoseconds_a_cycle(with, options.cycles)); });
  std::vector<double> differences(options.rounds);
  std::transform(with_ns.begin(), with_ns.end(), without_ns.begin(), differences.begin(),
                 std::minus<>());
  const bench::SampleSummary summary = bench::summarize(differences);
  const double half = bench::student_t_975(options.rounds - 1) * summary.std_dev /
                      std::sqrt(static_cast<double>(options.rounds));
  return {comparison.name,
          bench::median(without_ns),
          bench::median(with_ns),
          summary.mean,
          {summary.mean - half, summary.mean + half}};
}

nlohmann::json to_json(const Difference& difference) {
  return {{"name", difference.name},
          {"withoutNs", difference.without_ns},
          {"withNs", difference.with_ns},
          {"differenceNs", difference.mean_ns},
          {"ci95Ns", {difference.ci95_ns.low, difference.ci95_ns.high}}};
}

#ifdef CBR_BENCHMARK_VULKAN
/// Steps on a real device, by rings with and without something.
class DeviceSteps {
 public:
  explicit DeviceSteps(const Options& options)
      : options_(options),
        device_(vulkan::Device::open({.device = options.device})),
        step_(device_, {.dispatches = options.dispatches, .elements = 4096, .iterations = 64}) {}

  [[nodiscard]] const std::string& device_name() const { return device_->info().name; }

  /// The ratio of both rates.
  [[nodiscard]] nlohmann::json compare(const Comparison& comparison) const {
    CommandBufferRing without(vulkan::make_backend(device_), comparison.without);
    CommandBufferRing with(vulkan::make_backend(device_), comparison.with);
    // An idle GPU lowers its clock.
    const auto warm_until = Clock::now() + std::chrono::milliseconds(500);
    double rate = 0;
    while (Clock::now() < warm_until) rate = steps_a_second(with, 16);
    const auto steps = std::max(16U, static_cast<std::uint32_t>(0.1 * rate));
    std::vector<double> without_rates;
    std::vector<double> with_rates;
    take_turns(
        options_.rounds, [&] { without_rates.push_back(steps_a_second(without, steps)); },
        [&] { with_rates.push_back(steps_a_second(with, steps)); });
    const auto speedup = bench::paired_speedup(without_rates, with_rates);
    nlohmann::json result{{"name", comparison.name},
                          {"device", device_name()},
                          {"dispatches", options_.dispatches},
                          {"steps", steps},
                          {"withoutStepsPerSec", bench::median(without_rates)},
                          {"withStepsPerSec", bench::median(with_rates)},
                          {"ratio", speedup->ratio}};
    if (speedup->ci95) result["ci95"] = {speedup->ci95->low, speedup->ci95->high};
    return result;
  }

 private:
  [[nodiscard]] double steps_a_second(CommandBufferRing& ring, std::uint32_t steps) const {
    const auto start = Clock::now();
    for (std::uint32_t i = 0; i < steps; ++i) {
      Lease lease = ring.acquire();
      step_.record(vulkan::command_buffer(lease));
      std::move(lease).submit();
    }
    ring.drain();
    return steps / std::chrono::duration<double>(Clock::now() - start).count();
  }

  const Options& options_;
  std::shared_ptr<vulkan::Device> device_;
  compute::SyntheticStep step_;
};

std::vector<Comparison> device_comparisons() {
  const auto waiting = [](std::uint32_t ring_size, WaitStrategy strategy) {
    return RingOptions{.ring_size = ring_size, .wait_strategy = strategy};
  };
  const auto noting = [](GpuTimes times) {
    return RingOptions{.ring_size = 3, .gpu_times = times};
  };
  return {
      {"statistics", 1, {.ring_size = 3, .track_statistics = false}, {.ring_size = 3}},
      {"spin, ring 1", 1, waiting(1, WaitStrategy::block), waiting(1, WaitStrategy::spin)},
      {"hybrid, ring 1", 1, waiting(1, WaitStrategy::block), waiting(1, WaitStrategy::hybrid)},
      {"hybrid, ring 3", 1, waiting(3, WaitStrategy::block), waiting(3, WaitStrategy::hybrid)},
      {"adaptive, ring 1", 1, waiting(1, WaitStrategy::block), waiting(1, WaitStrategy::adaptive)},
      {"adaptive, ring 3", 1, waiting(3, WaitStrategy::block), waiting(3, WaitStrategy::adaptive)},
      {"GPU end, ring 3", 1, noting(GpuTimes::none), noting(GpuTimes::end)},
      {"GPU times, ring 3", 1, noting(GpuTimes::none), noting(GpuTimes::both)}};
}

void measure_on_device(const Options& options, nlohmann::json& result) {
  const DeviceSteps steps(options);
  if (!options.json) {
    fmt::print("\nSteps of {} dispatches on {}, in turn\n", options.dispatches,
               steps.device_name());
    fmt::print("{:22} {:>10} {:>10} {:>12}   95 % interval\n", "", "without", "with", "ratio");
  }
  for (const Comparison& comparison : device_comparisons()) {
    const nlohmann::json measured = steps.compare(comparison);
    result["device"].push_back(measured);
    if (options.json) continue;
    fmt::print("{:22} {:8.1f}/s {:8.1f}/s {:12.4f}", comparison.name,
               measured["withoutStepsPerSec"].get<double>(),
               measured["withStepsPerSec"].get<double>(), measured["ratio"].get<double>());
    if (measured.contains("ci95")) {
      fmt::print("   {:.4f} to {:.4f}", measured["ci95"][0].get<double>(),
                 measured["ci95"][1].get<double>());
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
}
#endif

void run(const Options& options) {
  nlohmann::json result{{"rounds", options.rounds}, {"cycles", options.cycles}};
  if (!options.json) {
    fmt::print("CPU time of a cycle on the simulated GPU, {} × {} cycles each, in turn\n",
               options.rounds, options.cycles);
    fmt::print("{:22} {:>10} {:>10} {:>12}   95 % interval\n", "", "without", "with", "difference");
  }
  for (const Comparison& comparison : comparisons()) {
    const Difference difference = measure(comparison, options);
    result["cycle"].push_back(to_json(difference));
    if (options.json) continue;
    fmt::print("{:22} {:7.1f} ns {:7.1f} ns {:9.1f} ns   {:.1f} to {:.1f} ns\n", difference.name,
               difference.without_ns, difference.with_ns, difference.mean_ns,
               difference.ci95_ns.low, difference.ci95_ns.high);
    std::fflush(stdout);
  }
#ifdef CBR_BENCHMARK_VULKAN
  if (options.vulkan) measure_on_device(options, result);
#endif
  if (options.json) fmt::print("{}\n", result.dump(2));
}

}  // namespace
}  // namespace cbr::benchmarks

int main(int argc, char** argv) {
  try {
    cbr::benchmarks::Options options;
    CLI::App app("Measures what statistics, strategies and an observer add to a cycle of the ring");
    app.add_option("--rounds", options.rounds)->check(CLI::Range(2U, 10'000U));
    app.add_option("--cycles", options.cycles, "Cycles of a round")->check(CLI::PositiveNumber);
#ifdef CBR_BENCHMARK_VULKAN
    app.add_flag("--vulkan", options.vulkan,
                 "Measure statistics and wait strategies on steps of a Vulkan device too");
    app.add_option("--device", options.device, "Index, or a part of the name");
    app.add_option("--dispatches", options.dispatches, "Of a step on the device")
        ->check(CLI::PositiveNumber);
#endif
    app.add_flag("--json", options.json);
    CLI11_PARSE(app, argc, argv);
    cbr::benchmarks::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "overhead_benchmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
