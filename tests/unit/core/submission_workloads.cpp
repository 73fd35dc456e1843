#include "unit/core/submission_workloads.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <random>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// One run of a workload.
class Encoder {
 public:
  Encoder(const Rule& rule, const Machine& machine)
      : rule_(rule), machine_(machine), policy_(rule.options) {}

  Outcome run(const Workload& workload) {
    try {
      for (const auto& step : workload.steps) {
        for (const Command& command : step) record(command, workload.encode);
        if (lease_) submit();
        if (!in_flight_.empty()) in_flight_.back().second.wait();
        look();
        gpu_->advance(workload.host);
      }
    } catch (const DeviceLost&) {
      outcome_.device_lost = true;
      lease_.reset();
    }
    outcome_.wall = gpu_->now().time_since_epoch();
    outcome_.statistics = policy_.statistics();
    return outcome_;
  }

 private:
  void record(const Command& command, nanoseconds encode) {
    const std::uint64_t bytes = rule_.counts_bytes ? command.bytes : 0;
    if (lease_ && !policy_.fits(1, bytes)) submit();
    if (!lease_) {
      lease_ = ring_.acquire();
      look();
    }
    gpu_->advance(encode);
    if (rule_.looks) look();
    recorded_ += command.gpu;
    if (policy_.add(1, bytes)) submit();
  }

  void submit() {
    const bool too_long = machine_.watchdog && recorded_ > *machine_.watchdog;
    simulated::record(*lease_, {.submit = machine_.submit,
                                .execute = machine_.gap + recorded_,
                                .completion = machine_.completion,
                                .fault = too_long ? Fault::lose_device : Fault::none});
    Ticket ticket = std::move(*lease_).submit();
    lease_.reset();
    if (policy_.pending_commands() > 1) {
      outcome_.longest_of_several = std::max(outcome_.longest_of_several, recorded_);
    }
    recorded_ = 0ns;
    policy_.submitted();
    in_flight_.emplace_back(policy_.submission(), std::move(ticket));
  }

  void look() {
    while (!in_flight_.empty() && in_flight_.front().second.done()) {
      auto interval = in_flight_.front().second.gpu_interval();
      interval->start += machine_.gap;
      policy_.measured(in_flight_.front().first, interval);
      in_flight_.pop_front();
    }
  }

  const Rule& rule_;
  const Machine& machine_;
  SubmitPolicy policy_;
  std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu();
  CommandBufferRing ring_{gpu_, {.ring_size = machine_.ring_size}};
  std::deque<std::pair<std::uint64_t, Ticket>> in_flight_;
  std::optional<Lease> lease_;
  nanoseconds recorded_{};
  Outcome outcome_;
};

struct Shape {
  std::string name;
  int steps = 1;
  int commands = 0;
  nanoseconds encode{};
  nanoseconds host{};
};

/// Commands whose bytes `bytes` says, by their number in the step. They take 2 us and what 1 TB/s
/// needs for the bytes, with 3 % more or less that nobody could foresee.
Workload make(const Shape& shape, const std::function<double(int)>& bytes) {
  // Not a distribution of the standard library, which is not the same everywhere.
  std::mt19937_64 random(7);
  const auto deviation = [&random] { return static_cast<double>(random() % 601) / 10'000 - 0.03; };
  Workload workload{shape.name, shape.encode, shape.host, {}};
  for (int step = 0; step < shape.steps; ++step) {
    auto& commands = workload.steps.emplace_back();
    for (int i = 0; i < shape.commands; ++i) {
      const double count = bytes(i);
      const double ns = (2000 + count / 1000) * (1 + deviation());
      commands.push_back({nanoseconds(std::llround(ns)), static_cast<std::uint64_t>(count)});
    }
  }
  return workload;
}

std::uint64_t pick(std::mt19937_64& random, std::uint64_t count) {
  return random() % count;
}

}  // namespace

Outcome run(const Workload& workload, const Rule& rule, const Machine& machine) {
  return Encoder(rule, machine).run(workload);
}

std::vector<Workload> workloads() {
  std::mt19937_64 random(11);
  return {
      make({"small: 30 000 dispatches of 2 us", 1, 30'000, 400ns, 0ns}, [](int) { return 64e3; }),
      make({"large: 400 products of 0.6 ms", 1, 400, 2us, 0ns}, [](int) { return 600e6; }),
      make({"mixed: 6000 of 2 us to 258 us", 1, 6000, 400ns, 0ns},
           [&random](int) {
             return 16e3 * std::pow(16e3, static_cast<double>(pick(random, 10'001)) / 10'000);
           }),
      make({"growing: 2000 of 4 us to 2 ms", 1, 2000, 400ns, 0ns},
           [](int i) { return 2e6 * std::pow(1000, i / 2000.0); }),
      make({"bursts: steps of 400 of 4 us", 50, 400, 1us, 200us}, [](int) { return 2e6; }),
      make({"encode-bound: steps of 300 of 3 us", 50, 300, 5us, 50us}, [](int) { return 1e6; }),
  };
}

Workload growing_thousandfold() {
  return make({"growing to 25 ms", 1, 2000, 400ns, 0ns},
              [](int i) { return 25e6 * std::pow(1000, i / 1999.0); });
}

Case random_case(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto between = [&random](double least, double most) {
    return least * std::pow(most / least, static_cast<double>(pick(random, 1'000'001)) / 1e6);
  };
  const auto time = [&between](double least_us, double most_us) {
    return nanoseconds(std::llround(1000 * between(least_us, most_us)));
  };
  Case drawn{.workload = {fmt::format("random {}", seed), {}, {}, {}},
             .machine = {.gap = time(3, 12),
                         .submit = time(2, 20),
                         .completion = time(3, 30),
                         .ring_size = static_cast<std::uint32_t>(2 + pick(random, 2))}};
  drawn.workload.encode = time(0.3, 6);
  drawn.workload.host = time(1, 300);
  const double ns = between(1e3, 300e3);
  const double spread = between(1.01, 8);
  const bool in_steps = pick(random, 2) == 0;
  const double most = in_steps ? between(40, 2000) : std::min(30e3, 300e6 / ns);
  std::vector<Command> commands;
  for (double count = 0; count < most; ++count) {
    const double one = ns * between(1 / spread, spread);
    commands.push_back({nanoseconds(std::llround(one)), static_cast<std::uint64_t>(1000 * one)});
  }
  drawn.workload.steps.assign(in_steps ? 40 : 1, commands);
  return drawn;
}

Rule gpu_time() {
  return {"2 ms of GPU time", {.gpu_time_budget = 2ms}};
}

std::vector<Rule> constants_of_the_field() {
  return {
      {"100 commands (llama.cpp)", {.max_commands = 100}},
      {"40 commands, 40 MB (MLX)", {.max_commands = 40, .max_bytes = 40 << 20}},
      {"50 commands, 50 MB (MLX, Max)", {.max_commands = 50, .max_bytes = 50 << 20}},
      {"16 commands (ONNX Runtime)", {.max_commands = 16}},
  };
}

Rule best_constant(const Workload& workload, const Machine& machine) {
  Rule best;
  auto shortest = nanoseconds::max();
  for (std::uint64_t power = 1; power <= 4096; power *= 2) {
    for (const std::uint64_t commands : {power, power + power / 2}) {
      const Rule rule{fmt::format("{} commands", commands), {.max_commands = commands}};
      const auto wall = run(workload, rule, machine).wall;
      if (wall < shortest) {
        shortest = wall;
        best = rule;
      }
    }
  }
  return best;
}

double gain(const Workload& workload, const Rule& rule, const Rule& other, const Machine& machine) {
  const auto wall = run(workload, rule, machine).wall;
  return static_cast<double>(run(workload, other, machine).wall.count()) /
             static_cast<double>(wall.count()) -
         1;
}

}  // namespace cbr::test
