// Predictions against what comes: records each load in the smallest ring, predicts the rate of
// larger ones from that, and measures them in the same rounds.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/plan.h>
#include <cbr/recording.h>
#include <cbr/ring.h>

#include "bench/sample_summary.h"
#include "gpu_program.h"
#include "round_options.h"

namespace cbr::benchmarks {
namespace {

using namespace std::chrono_literals;

std::vector<Load> loads() {
  const auto shape = [](std::uint32_t dispatches, std::uint32_t elements,
                        std::uint32_t iterations) {
    return compute::SyntheticShape{
        .dispatches = dispatches, .elements = elements, .iterations = iterations};
  };
  const auto always = [](std::chrono::nanoseconds time) {
    return [time](std::uint32_t /*step*/, std::uint32_t /*round*/) { return time; };
  };
  return {
      {.name = "16 small dispatches", .shape = shape(16, 4096, 64)},
      {.name = "64 small dispatches", .shape = shape(64, 4096, 64)},
      {.name = "256 small dispatches", .shape = shape(256, 4096, 64)},
      {.name = "32 large dispatches", .shape = shape(32, 1U << 20U, 256)},
      {.name = "slow to encode", .shape = shape(32, 4096, 64), .extra_encode = always(150us)},
      {.name = "busy elsewhere", .shape = shape(32, 4096, 64), .application = always(150us)},
      {.name = "in bursts",
       .shape = shape(64, 4096, 64),
       .application = [](std::uint32_t step, std::uint32_t /*round*/) -> std::chrono::nanoseconds {
         return step % 8 == 0 ? 400us : 0us;
       }},
      {.name = "two queues", .shape = shape(64, 4096, 64), .queues = 2},
  };
}

struct Run {
  double steps_per_second = 0;
  double busy_fraction = 0;
  Recording recording;
};

Run run(GpuProgram& program, std::uint32_t ring_size) {
  const auto recorder = std::make_shared<Recorder>(RecorderOptions{.capacity = 65'536});
  CommandBufferRing ring(program.make_backend(), {.ring_size = ring_size, .observer = recorder});
  Run run;
  const TimePoint start = Clock::now();
  program.round(ring);
  // Each submission is a step of the plan.
  run.steps_per_second =
      program.submissions() / std::chrono::duration<double>(Clock::now() - start).count();
  const auto gpu = ring.statistics().gpu;
  run.busy_fraction = gpu ? gpu->busy_fraction() : 0;
  run.recording = recorder->recording();
  return run;
}

/// One prediction, and what came.
struct Pair {
  std::string load;
  std::uint32_t from = 0;
  std::uint32_t ring_size = 0;
  std::vector<double> predicted = {};
  std::vector<double> measured = {};
  std::vector<double> base = {};
  std::vector<double> busy_predicted = {};
  std::vector<double> busy_measured = {};

  [[nodiscard]] double error() const {
    return bench::median(predicted) / bench::median(measured) - 1;
  }
};

/// How long the device pauses between two submissions: a property of the device, so it is measured
/// by a load that is none of the others.
std::chrono::nanoseconds measure_pause(const RoundOptions& options, std::string& device_name) {
  GpuProgram program(
      {.name = "pause", .shape = {.dispatches = 100, .elements = 4096, .iterations = 32}},
      options.device, options.round_ms);
  device_name = program.device_name();
  return device_traits(run(program, 3).recording).pause.value_or(0ns);
}

std::vector<Pair> measure(const Load& load, const RoundOptions& options,
                          std::chrono::nanoseconds pause) {
  GpuProgram program(load, options.device, options.round_ms);
  const std::uint32_t from = load.queues;
  std::vector<Pair> pairs;
  for (const std::uint32_t factor : {1U, 2U, 3U, 4U}) {
    pairs.push_back({.load = load.name, .from = from, .ring_size = factor * load.queues});
  }
  (void)run(program, from);
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    const Run base = run(program, from);
    const std::vector<StepCosts> costs = step_costs(base.recording);
    DeviceTraits device = device_traits(base.recording);
    if (!device.pause) device.pause = pause;
    // Turn about, so that drift favours no size.
    if (round % 2 == 1) std::reverse(pairs.begin(), pairs.end());
    for (Pair& pair : pairs) {
      const Run made = run(program, pair.ring_size);
      const Prediction prediction = predict(costs, pair.ring_size, device);
      pair.predicted.push_back(prediction.steps_per_second);
      pair.busy_predicted.push_back(prediction.busy_fraction);
      pair.measured.push_back(made.steps_per_second);
      pair.busy_measured.push_back(made.busy_fraction);
      pair.base.push_back(base.steps_per_second);
    }
    if (round % 2 == 1) std::reverse(pairs.begin(), pairs.end());
  }
  return pairs;
}

nlohmann::json to_json(const Pair& pair) {
  return {{"load", pair.load},
          {"fromRingSize", pair.from},
          {"ringSize", pair.ring_size},
          {"baseStepsPerSec", pair.base},
          {"predictedStepsPerSec", pair.predicted},
          {"measuredStepsPerSec", pair.measured},
          {"predictedBusyFraction", pair.busy_predicted},
          {"measuredBusyFraction", pair.busy_measured},
          {"error", pair.error()}};
}

void print(const std::vector<Pair>& pairs, const std::string& device_name) {
  fmt::print("{}\n{:22} {:>5} {:>14} {:>14} {:>8} {:>8} {:>8}\n", device_name, "load", "ring",
             "predicted/s", "measured/s", "error", "gain", "promised");
  std::vector<double> errors;
  for (const Pair& pair : pairs) {
    const double base = bench::median(pair.base);
    const double gain = bench::median(pair.measured) / base;
    const double promised = bench::median(pair.predicted) / base;
    fmt::print("{:22} {:5} {:14.1f} {:14.1f} {:7.1f}% {:8.3f} {:8.3f}{}\n", pair.load,
               pair.ring_size, bench::median(pair.predicted), bench::median(pair.measured),
               100 * pair.error(), gain, promised,
               promised > gain + 0.02 && gain < 1.02 ? "  promised in vain" : "");
    if (pair.ring_size != pair.from) errors.push_back(std::abs(pair.error()));
  }
  fmt::print("{} predictions: error {:.1f} % in the median, {:.1f} % at worst\n", errors.size(),
             100 * bench::median(errors), 100 * *std::max_element(errors.begin(), errors.end()));
}

void measure_all(const RoundOptions& options) {
  std::vector<Pair> all;
  std::string device_name;
  const std::chrono::nanoseconds pause = measure_pause(options, device_name);
  fmt::print(stderr, "{} pauses for {} ns between submissions\n", device_name, pause.count());
  for (const Load& load : loads()) {
    if (!options.wants(load.name)) continue;
    fmt::print(stderr, "{}\n", load.name);
    try {
      for (Pair& pair : measure(load, options, pause)) all.push_back(std::move(pair));
    } catch (const InvalidOption& error) {
      // A device with too few queues.
      fmt::print(stderr, "  left out: {}\n", error.what());
    }
  }
  if (!options.json) return print(all, device_name);
  nlohmann::json pairs = nlohmann::json::array();
  for (const Pair& pair : all) pairs.push_back(to_json(pair));
  fmt::print(
      "{}\n",
      nlohmann::json{{"device", device_name}, {"pauseNs", pause.count()}, {"pairs", pairs}}.dump(
          2));
}

}  // namespace
}  // namespace cbr::benchmarks

int main(int argc, char** argv) {
  cbr::benchmarks::RoundOptions options{.rounds = 9, .round_ms = 200};
  CLI::App app("Measures how well a recording of a small ring predicts larger ones");
  options.add_to(app);
  return cbr::benchmarks::run_program(app, "prediction_benchmark", argc, argv,
                                      [&] { cbr::benchmarks::measure_all(options); });
}
