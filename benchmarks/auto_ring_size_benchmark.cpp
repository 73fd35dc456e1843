// A ring that chooses its size against rings of every fixed size, in the same rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>
#include <cbr/recording.h>
#include <cbr/ring.h>

#include "bench/sample_summary.h"
#include "gpu_program.h"
#include "round_options.h"

namespace cbr::benchmarks {
namespace {

using namespace std::chrono_literals;

struct Options {
  RoundOptions rounds = {.rounds = 16};
  /// How long the ring may take to find its size before it is measured.
  double settle_ms = 3000;
};

std::vector<Load> loads() {
  const auto shape = [](std::uint32_t dispatches, std::uint32_t elements,
                        std::uint32_t iterations) {
    return compute::SyntheticShape{
        .dispatches = dispatches, .elements = elements, .iterations = iterations};
  };
  const auto now_and_then = [](std::uint32_t every, std::chrono::nanoseconds time) {
    return [every, time](std::uint32_t step, std::uint32_t /*round*/) {
      return step % every == 0 ? time : 0ns;
    };
  };
  return {
      {.name = "steady", .shape = shape(32, 4096, 64)},
      {.name = "bursty", .shape = shape(32, 4096, 64), .extra_encode = now_and_then(16, 300us)},
      {.name = "changing",
       .shape = shape(32, 4096, 64),
       .extra_encode = [](std::uint32_t step, std::uint32_t round) -> std::chrono::nanoseconds {
         return round / 4 % 2 == 0 && step % 16 == 0 ? 300us : 0us;
       }},
      {.name = "encode-bound",
       .shape = shape(32, 4096, 64),
       .extra_encode = [](std::uint32_t /*step*/, std::uint32_t /*round*/) { return 150us; }},
      {.name = "GPU-bound", .shape = shape(32, 1U << 20U, 256)},
      {.name = "two queues", .shape = shape(64, 4096, 64), .queues = 2},
  };
}

/// A ring, and how it does.
struct Contender {
  std::unique_ptr<CommandBufferRing> ring;
  std::shared_ptr<Recorder> recorder;
  std::vector<double> rates = {};
  /// Microseconds from lease to end, the mean of each round.
  std::vector<double> latencies = {};
  std::vector<double> step_us = {};
  std::vector<std::uint32_t> sizes = {};
};

void measure_round(GpuProgram& program, Contender& contender, std::uint32_t round) {
  contender.recorder->clear();
  const TimePoint start = Clock::now();
  program.round(*contender.ring, round);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  contender.rates.push_back(program.submissions() / seconds);
  contender.sizes.push_back(contender.ring->ring_size());
  double latency = 0;
  double executed = 0;
  double count = 0;
  for (const RecordedSubmission& submission : contender.recorder->recording().submissions) {
    if (!submission.times.gpu) continue;
    using Microseconds = std::chrono::duration<double, std::micro>;
    latency += Microseconds(submission.times.gpu->end - submission.times.acquire_end).count();
    executed += Microseconds(submission.times.gpu->end - submission.times.gpu->start).count();
    count += 1;
  }
  contender.latencies.push_back(count > 0 ? latency / count : 0);
  contender.step_us.push_back(count > 0 ? executed / count : 0);
}

Contender contend(const GpuProgram& program, RingOptions options) {
  Contender contender;
  contender.recorder = std::make_shared<Recorder>();
  options.observer = contender.recorder;
  contender.ring = std::make_unique<CommandBufferRing>(program.make_backend(), std::move(options));
  return contender;
}

struct Result {
  std::string load;
  std::vector<Contender> fixed = {};
  /// Which of them is the best.
  std::size_t best_place = 0;
  Contender chosen = {};
  std::vector<std::string> messages = {};
  std::size_t late_messages = 0;

  [[nodiscard]] const Contender& best() const { return fixed[best_place]; }
  [[nodiscard]] double rate() const {
    return bench::median(chosen.rates) / bench::median(best().rates);
  }
  /// By how many steps of the GPU's a step takes longer.
  [[nodiscard]] double latency_steps() const {
    return (bench::median(chosen.latencies) - bench::median(best().latencies)) /
           bench::median(best().step_us);
  }
};

Result measure(const Load& load, const Options& options) {
  GpuProgram program(load, options.rounds.device, options.rounds.round_ms);
  Result result{.load = load.name};
  result.chosen = contend(program, {.auto_ring_size = AutoRingSize{.largest = 8 * load.queues},
                                    .log_sink = [&result](const LogMessage& message) {
                                      if (message.event != LogEvent::resized) return;
                                      result.messages.emplace_back(message.text);
                                    }});
  std::vector<Contender> fixed;
  for (std::uint32_t factor = 2; factor <= 8; ++factor) {
    fixed.push_back(contend(program, {.ring_size = factor * load.queues}));
  }
  const TimePoint start = Clock::now();
  for (std::uint32_t round = 0;
       std::chrono::duration<double, std::milli>(Clock::now() - start).count() < options.settle_ms;
       ++round) {
    program.round(*result.chosen.ring, round);
  }
  const std::size_t before = result.messages.size();
  for (std::uint32_t round = 0; round < options.rounds.rounds; ++round) {
    // Turn about, so that drift favours none.
    measure_round(program, result.chosen, round);
    for (std::size_t i = 0; i < fixed.size(); ++i) {
      measure_round(program, fixed[round % 2 == 0 ? i : fixed.size() - 1 - i], round);
    }
  }
  result.late_messages = result.messages.size() - before;
  // The smallest of those that are as fast, within what rounds differ by.
  double highest = 0;
  for (const Contender& each : fixed) highest = std::max(highest, bench::median(each.rates));
  const auto best = std::find_if(fixed.begin(), fixed.end(), [&](const Contender& each) {
    return bench::median(each.rates) >= 0.995 * highest;
  });
  result.best_place = static_cast<std::size_t>(best - fixed.begin());
  result.fixed = std::move(fixed);
  return result;
}

void print(const Result& result) {
  fmt::print("{:14} {:4} {:4} {:7.3f} {:13.2f} {:8} {:8}\n", result.load,
             result.best().sizes.back(), result.chosen.sizes.back(), result.rate(),
             result.latency_steps(), result.messages.size(), result.late_messages);
  for (const std::string& message : result.messages) fmt::print("    {}\n", message);
}

nlohmann::json to_json(const Contender& contender) {
  return {{"ringSizes", contender.sizes},
          {"stepsPerSec", contender.rates},
          {"latencyUs", contender.latencies},
          {"stepUs", contender.step_us}};
}

nlohmann::json to_json(const Result& result) {
  nlohmann::json json = {{"load", result.load},
                         {"best", result.best_place},
                         {"auto", to_json(result.chosen)},
                         {"messages", result.messages},
                         {"changesWhileMeasured", result.late_messages}};
  for (const Contender& each : result.fixed) json["fixed"].push_back(to_json(each));
  return json;
}

void measure_all(const Options& options) {
  nlohmann::json results = nlohmann::json::array();
  if (!options.rounds.json) {
    fmt::print("{:14} {:>4} {:>4} {:>7} {:>13} {:>8} {:>8}\n", "load", "best", "auto", "rate",
               "latency/steps", "changes", "late");
  }
  for (const Load& load : loads()) {
    if (!options.rounds.wants(load.name)) continue;
    try {
      const Result result = measure(load, options);
      if (options.rounds.json) {
        results.push_back(to_json(result));
      } else {
        print(result);
      }
      std::fflush(stdout);
    } catch (const InvalidOption& error) {
      // A device with too few queues.
      fmt::print(stderr, "{} is left out: {}\n", load.name, error.what());
    }
  }
  if (options.rounds.json) fmt::print("{}\n", results.dump(2));
}

}  // namespace
}  // namespace cbr::benchmarks

int main(int argc, char** argv) {
  cbr::benchmarks::Options options;
  CLI::App app("Compares a ring that chooses its size with those of every fixed size");
  options.rounds.add_to(app);
  app.add_option("--settle-ms", options.settle_ms, "How long the ring may look for its size")
      ->check(CLI::Range(0.0, 60'000.0));
  return cbr::benchmarks::run_program(app, "auto_ring_size_benchmark", argc, argv,
                                      [&] { cbr::benchmarks::measure_all(options); });
}
