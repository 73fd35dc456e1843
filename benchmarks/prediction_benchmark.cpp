// Predictions against what comes: records each load in the smallest ring, predicts the rate of
// larger ones from that, and measures them in the same rounds.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
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
#include <cbr/vulkan.h>

#include "bench/sample_summary.h"
#include "bench/step_loop.h"
#include "bench/synthetic_workload.h"
#include "compute/synthetic_step.h"

namespace cbr::benchmarks {
namespace {

using namespace std::chrono_literals;

struct Options {
  std::string device;
  std::string load;
  std::uint32_t rounds = 9;
  double round_ms = 200;
  bool json = false;
};

/// What a program does with a ring.
struct Load {
  std::string name;
  compute::SyntheticShape shape;
  /// Host time of a step outside the ring: before its slot is asked for, and while it is recorded.
  std::function<std::chrono::nanoseconds(std::uint32_t step)> application = nullptr;
  std::function<std::chrono::nanoseconds(std::uint32_t step)> extra_encode = nullptr;
  std::uint32_t queues = 1;
};

std::vector<Load> loads() {
  const auto shape = [](std::uint32_t dispatches, std::uint32_t elements,
                        std::uint32_t iterations) {
    return compute::SyntheticShape{
        .dispatches = dispatches, .elements = elements, .iterations = iterations};
  };
  const auto always = [](std::chrono::nanoseconds time) {
    return [time](std::uint32_t /*step*/) { return time; };
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
       .application = [](std::uint32_t step) -> std::chrono::nanoseconds {
         return step % 8 == 0 ? 400us : 0us;
       }},
      {.name = "two queues", .shape = shape(64, 4096, 64), .queues = 2},
  };
}

void work_for(std::chrono::nanoseconds time) {
  if (time <= 0ns) return;
  const TimePoint end = Clock::now() + time;
  while (Clock::now() < end) {
  }
}

/// One load on a device of its own.
class Program {
 public:
  Program(Load load, const Options& options) : load_(std::move(load)) {
    device_ = vulkan::Device::open(
        {.device = options.device, .queues = std::vector<vulkan::QueueRequest>(load_.queues)});
    const std::uint32_t data = load_.queues == 1 ? 1 : bench::hand_over_depth;
    for (std::uint32_t i = 0; i < data; ++i) {
      data_.push_back(std::make_unique<compute::SyntheticStep>(device_, load_.shape));
    }
    backend_ = vulkan::make_backend(device_);
    warm_up(options.round_ms);
  }

  struct Run {
    double steps_per_second = 0;
    double busy_fraction = 0;
    Recording recording;
  };
  Run run(std::uint32_t ring_size) {
    const auto recorder = std::make_shared<Recorder>(RecorderOptions{.capacity = 65'536});
    CommandBufferRing ring(backend_, {.ring_size = ring_size, .observer = recorder});
    Run run;
    const TimePoint start = Clock::now();
    steps(ring, steps_);
    // Each submission is a step of the plan.
    run.steps_per_second =
        steps_ * load_.queues / std::chrono::duration<double>(Clock::now() - start).count();
    const auto gpu = ring.statistics().gpu;
    run.busy_fraction = gpu ? gpu->busy_fraction() : 0;
    run.recording = recorder->recording();
    return run;
  }

  [[nodiscard]] const std::string& device_name() const { return device_->info().name; }

 private:
  void steps(CommandBufferRing& ring, std::uint32_t count) {
    if (load_.queues > 1) {
      const bench::StopFlag stop(false);
      (void)bench::run_hand_overs(ring, count, bench::HandOver::gpu, stop,
                                  [&](const Lease& lease, std::uint32_t data) {
                                    data_[data]->record(vulkan::command_buffer(lease));
                                  });
      return;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      if (load_.application) work_for(load_.application(i));
      Lease lease = ring.acquire();
      if (load_.extra_encode) work_for(load_.extra_encode(i));
      data_[0]->record(vulkan::command_buffer(lease));
      std::move(lease).submit();
    }
    ring.drain();
  }
  /// An idle GPU lowers its clock: keeps it busy until it has come up, and sees how long steps
  /// take.
  void warm_up(double round_ms) {
    CommandBufferRing ring(backend_, {.ring_size = 2 * load_.queues});
    const TimePoint start = Clock::now();
    std::uint32_t done = 0;
    while (Clock::now() < start + 600ms) {
      steps(ring, 8);
      done += 8;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    steps_ = std::clamp(static_cast<std::uint32_t>(round_ms / 1000 * done / seconds), 40U, 60'000U);
  }

  const Load load_;
  std::shared_ptr<vulkan::Device> device_;
  std::vector<std::unique_ptr<compute::SyntheticStep>> data_;
  std::shared_ptr<Backend> backend_;
  std::uint32_t steps_ = 0;
};

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
std::chrono::nanoseconds measure_pause(const Options& options, std::string& device_name) {
  Program program(
      {.name = "pause", .shape = {.dispatches = 100, .elements = 4096, .iterations = 32}}, options);
  device_name = program.device_name();
  return device_traits(program.run(3).recording).pause.value_or(0ns);
}

std::vector<Pair> measure(const Load& load, const Options& options,
                          std::chrono::nanoseconds pause) {
  Program program(load, options);
  const std::uint32_t from = load.queues;
  std::vector<Pair> pairs;
  for (const std::uint32_t factor : {1U, 2U, 3U, 4U}) {
    pairs.push_back({.load = load.name, .from = from, .ring_size = factor * load.queues});
  }
  (void)program.run(from);
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    const Program::Run base = program.run(from);
    const std::vector<StepCosts> costs = step_costs(base.recording);
    DeviceTraits device = device_traits(base.recording);
    if (!device.pause) device.pause = pause;
    // Turn about, so that drift favours no size.
    if (round % 2 == 1) std::reverse(pairs.begin(), pairs.end());
    for (Pair& pair : pairs) {
      const Program::Run run = program.run(pair.ring_size);
      const Prediction prediction = predict(costs, pair.ring_size, device);
      pair.predicted.push_back(prediction.steps_per_second);
      pair.busy_predicted.push_back(prediction.busy_fraction);
      pair.measured.push_back(run.steps_per_second);
      pair.busy_measured.push_back(run.busy_fraction);
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

void run(const Options& options) {
  std::vector<Pair> all;
  std::string device_name;
  const std::chrono::nanoseconds pause = measure_pause(options, device_name);
  fmt::print(stderr, "{} pauses for {} ns between submissions\n", device_name, pause.count());
  for (const Load& load : loads()) {
    if (load.name.find(options.load) == std::string::npos) continue;
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
  try {
    cbr::benchmarks::Options options;
    CLI::App app("Measures how well a recording of a small ring predicts larger ones");
    app.add_option("--device", options.device, "Index, or a part of the name");
    app.add_option("--load", options.load, "Only the loads with this in their names");
    app.add_option("--rounds", options.rounds)->check(CLI::Range(2U, 1000U));
    app.add_option("--round-ms", options.round_ms, "Length of a round, in milliseconds")
        ->check(CLI::Range(10.0, 10'000.0));
    app.add_flag("--json", options.json, "Print every round as JSON");
    CLI11_PARSE(app, argc, argv);
    cbr::benchmarks::run(options);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "prediction_benchmark: {}\n", error.what());
    return 1;
  }
}
