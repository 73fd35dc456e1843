// Submissions by a budget of GPU time against constant numbers of commands, on a real GPU and in
// the same rounds.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/ring.h>
#include <cbr/submit_policy.h>
#include <cbr/vulkan.h>

#include "bench/sample_summary.h"
#include "compute/synthetic_step.h"
#include "round_options.h"

namespace cbr::benchmarks {
namespace {

using namespace std::chrono_literals;

/// A stream of commands, each one dispatch that waits for the one before.
struct Load {
  std::string name;
  /// Loop iterations of command i: GPU time goes by them.
  std::function<std::uint32_t(std::uint32_t command)> iterations;
  /// After so many commands the program waits for all of them; 0: never.
  std::uint32_t step = 0;
};

std::vector<Load> loads() {
  const auto always = [](std::uint32_t iterations) {
    return [iterations](std::uint32_t /*command*/) { return iterations; };
  };
  return {
      {.name = "small", .iterations = always(64)},
      {.name = "medium", .iterations = always(4096)},
      {.name = "large", .iterations = always(65'536)},
      {.name = "one in 32 is large",
       .iterations = [](std::uint32_t i) { return i % 32 == 31 ? 65'536U : 64U; }},
      {.name = "growing",
       .iterations = [](std::uint32_t i) { return 64U << std::min(i / 256, 10U); }},
      {.name = "steps of 300 that are waited for", .iterations = always(256), .step = 300},
  };
}

/// The dispatches of each length that a load has.
class Commands {
 public:
  explicit Commands(std::shared_ptr<vulkan::Device> device) : device_(std::move(device)) {}
  const compute::SyntheticStep& of(std::uint32_t iterations) {
    for (const auto& [length, step] : steps_) {
      if (length == iterations) return *step;
    }
    steps_.emplace_back(
        iterations, std::make_unique<compute::SyntheticStep>(
                        device_, compute::SyntheticShape{
                                     .dispatches = 1, .elements = 4096, .iterations = iterations}));
    return *steps_.back().second;
  }

 private:
  const std::shared_ptr<vulkan::Device> device_;
  std::vector<std::pair<std::uint32_t, std::unique_ptr<compute::SyntheticStep>>> steps_;
};

/// One way to end submissions, with the ring that it works.
class Contender {
 public:
  Contender(std::string name, const std::shared_ptr<vulkan::Device>& device,
            const SubmitPolicyOptions& options)
      : name_(std::move(name)),
        ring_(vulkan::make_backend(device), {.ring_size = 3}),
        policy_(options) {}

  /// Works the load's first `count` commands, and notes how many it did a second.
  void round(const Load& load, Commands& commands, std::uint32_t count) {
    const TimePoint start = Clock::now();
    for (std::uint32_t i = 0; i < count; ++i) {
      if (load.step > 0 && i % load.step == 0 && i > 0) finish();
      note_ended();
      const std::uint32_t iterations = load.iterations(i);
      if (lease_ && !policy_.fits(1, 0, iterations)) submit();
      if (!lease_) lease_ = ring_.acquire();
      commands.of(iterations).record(vulkan::command_buffer(*lease_));
      if (policy_.add(1, 0, iterations)) submit();
    }
    finish();
    rates_.push_back(count / std::chrono::duration<double>(Clock::now() - start).count());
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<double>& rates() const { return rates_; }
  [[nodiscard]] double rate() const { return bench::median(rates_); }
  /// The longest submission of several commands that was seen.
  [[nodiscard]] std::chrono::nanoseconds longest() const { return longest_; }
  void forget_rounds() {
    rates_.clear();
    longest_ = 0ns;
  }

 private:
  struct InFlight {
    std::uint64_t number = 0;
    std::uint64_t commands = 0;
    Ticket ticket;
  };

  void submit() {
    const std::uint64_t commands = policy_.pending_commands();
    Ticket ticket = (*std::move(lease_)).submit();
    lease_.reset();
    policy_.submitted();
    in_flight_.push_back({policy_.submission(), commands, std::move(ticket)});
  }
  void note_ended() {
    while (!in_flight_.empty() && in_flight_.front().ticket.done()) {
      const InFlight& ended = in_flight_.front();
      const std::optional<GpuInterval> interval = ended.ticket.gpu_interval();
      policy_.measured(ended.number, interval);
      if (interval && ended.commands > 1) {
        longest_ = std::max(longest_, interval->end - interval->start);
      }
      in_flight_.pop_front();
    }
  }
  /// The program waits for its results.
  void finish() {
    if (lease_) submit();
    ring_.drain();
    note_ended();
    policy_.restart_ramp();
  }

  const std::string name_;
  CommandBufferRing ring_;
  SubmitPolicy policy_;
  std::optional<Lease> lease_;
  std::deque<InFlight> in_flight_;
  std::vector<double> rates_;
  std::chrono::nanoseconds longest_{0};
};

struct Result {
  std::string load;
  std::vector<std::unique_ptr<Contender>> constants;
  std::unique_ptr<Contender> budget;

  [[nodiscard]] const Contender& best() const {
    return **std::max_element(constants.begin(), constants.end(),
                              [](const auto& a, const auto& b) { return a->rate() < b->rate(); });
  }
};

Result measure(const Load& load, const std::shared_ptr<vulkan::Device>& device,
               const RoundOptions& options) {
  Result result{.load = load.name, .constants = {}, .budget = {}};
  for (const std::uint64_t most : {1U, 4U, 16U, 50U, 100U, 256U, 1024U}) {
    result.constants.push_back(std::make_unique<Contender>(
        fmt::format("{}", most), device, SubmitPolicyOptions{.max_commands = most}));
  }
  result.budget =
      std::make_unique<Contender>("budget", device, SubmitPolicyOptions{.gpu_time_budget = 2ms});
  Commands commands(device);
  // An idle GPU lowers its clock: keeps it busy until it has come up, and sees how long a command
  // takes.
  std::uint32_t count = 64;
  for (const TimePoint start = Clock::now(); Clock::now() < start + 500ms; count *= 2) {
    const TimePoint begin = Clock::now();
    result.constants[3]->round(load, commands, count);
    if (std::chrono::duration<double, std::milli>(Clock::now() - begin).count() >
        options.round_ms) {
      break;
    }
  }
  result.budget->round(load, commands, count);
  result.budget->forget_rounds();
  result.constants[3]->forget_rounds();
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    result.budget->round(load, commands, count);
    for (std::size_t i = 0; i < result.constants.size(); ++i) {
      // Turn about, so that drift favours none.
      const std::size_t place = round % 2 == 0 ? i : result.constants.size() - 1 - i;
      result.constants[place]->round(load, commands, count);
    }
  }
  return result;
}

void print(const Result& result) {
  const Contender& best = result.best();
  fmt::print("{:34} {:>6} {:10.0f} {:8.3f} {:9.2f} ms ", result.load, best.name(), best.rate(),
             result.budget->rate() / best.rate(),
             std::chrono::duration<double, std::milli>(result.budget->longest()).count());
  for (const auto& each : result.constants) fmt::print(" {:6.3f}", each->rate() / best.rate());
  fmt::print("\n");
}

nlohmann::json to_json(const Result& result) {
  nlohmann::json json = {
      {"load", result.load},
      {"budgetCommandsPerSec", result.budget->rates()},
      {"longestOfSeveralUs",
       std::chrono::duration<double, std::micro>(result.budget->longest()).count()}};
  for (const auto& each : result.constants) {
    json["constantCommandsPerSec"][each->name()] = each->rates();
  }
  return json;
}

void measure_all(const RoundOptions& options) {
  const auto device = vulkan::Device::open({.device = options.device});
  nlohmann::json results = nlohmann::json::array();
  if (!options.json) {
    fmt::print("{}\n{:34} {:>6} {:>10} {:>8} {:>12} {}\n", device->info().name, "load", "best",
               "commands/s", "budget", "longest", " each constant, by the best");
  }
  for (const Load& load : loads()) {
    if (!options.wants(load.name)) continue;
    const Result result = measure(load, device, options);
    if (options.json) {
      results.push_back(to_json(result));
    } else {
      print(result);
    }
    std::fflush(stdout);
  }
  if (!options.json) return;
  fmt::print("{}\n", nlohmann::json{{"device", device->info().name}, {"loads", results}}.dump(2));
}

}  // namespace
}  // namespace cbr::benchmarks

int main(int argc, char** argv) {
  cbr::benchmarks::RoundOptions options;
  CLI::App app("Compares submissions by GPU time with submissions of constant size");
  options.add_to(app);
  return cbr::benchmarks::run_program(app, "submission_size_on_gpu", argc, argv,
                                      [&] { cbr::benchmarks::measure_all(options); });
}
