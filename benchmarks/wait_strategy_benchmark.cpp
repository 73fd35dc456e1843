// What a wait strategy saves, and what it costs: the same steps through two rings that wait in two
// ways, interleaved round by round in one process.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "bench/paired_speedup.h"
#include "bench/sample_summary.h"
#include "compute/synthetic_step.h"

namespace cbr::benchmarks {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

struct Options {
  std::string device;
  std::uint32_t ring_size = 3;
  WaitStrategy baseline = WaitStrategy::block;
  WaitStrategy candidate = WaitStrategy::adaptive;
  std::vector<std::uint32_t> step_us{100, 1000, 10000};
  std::vector<std::string> patterns{"equal", "random", "alternating", "phases"};
  std::uint32_t rounds = 10;
  double round_seconds = 0.5;
  bool json = false;
};

/// CPU time that this thread, or the process, has taken.
Seconds cpu_time(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return Seconds(static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec));
}

/// A step of about the given length on this device.
class Step {
 public:
  Step(const std::shared_ptr<vulkan::Device>& device, std::chrono::microseconds length)
      : step_(device,
              {.dispatches = 1, .elements = 4096, .iterations = iterations(device, length)}) {}

  void record(const Lease& lease) const { step_.record(vulkan::command_buffer(lease)); }

 private:
  static std::uint32_t iterations(const std::shared_ptr<vulkan::Device>& device,
                                  std::chrono::microseconds length) {
    // In two tries: the first brings the GPU's clock up.
    double wanted = 20'000;
    for (int attempt = 0; attempt < 3; ++attempt) {
      const compute::SyntheticStep step(
          device,
          {.dispatches = 1, .elements = 4096, .iterations = static_cast<std::uint32_t>(wanted)});
      CommandBufferRing ring(vulkan::make_backend(device), {.ring_size = 2});
      std::vector<double> times;
      const auto until = Clock::now() + 200ms;
      while (Clock::now() < until || times.size() < 3) {
        Lease lease = ring.acquire();
        step.record(vulkan::command_buffer(lease));
        const Ticket ticket = std::move(lease).submit();
        ticket.wait();
        if (const auto interval = ticket.gpu_interval()) {
          times.push_back(Seconds(interval->end - interval->start).count());
        }
      }
      wanted *= Seconds(length).count() / bench::median(times);
      wanted = std::clamp(wanted, 1.0, 2e9);
    }
    return static_cast<std::uint32_t>(wanted);
  }

  compute::SyntheticStep step_;
};

/// Which of two steps, the short or the one three times as long, comes when.
std::vector<bool> long_steps(const std::string& pattern, std::uint32_t count) {
  std::vector<bool> is_long(count);
  std::mt19937 random(1);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (pattern == "random") is_long[i] = (random() & 1) != 0;
    if (pattern == "alternating") is_long[i] = i % 2 == 1;
    if (pattern == "phases") is_long[i] = i / 50 % 2 == 1;
  }
  return is_long;
}

/// CPU time of an acquisition that finds a free slot, in microseconds: what is left of the others'
/// is the wait.
double acquisition_us(const std::shared_ptr<vulkan::Device>& device) {
  CommandBufferRing ring(vulkan::make_backend(device), {.ring_size = 2});
  constexpr int count = 2000;
  Seconds acquiring{0};
  for (int i = 0; i < count; ++i) {
    const Seconds before = cpu_time(CLOCK_THREAD_CPUTIME_ID);
    Lease lease = ring.acquire();
    acquiring += cpu_time(CLOCK_THREAD_CPUTIME_ID) - before;
    lease.discard();
  }
  return 1e6 * acquiring.count() / count;
}

struct Measured {
  std::vector<double> rates;
  /// Of a core, in acquire().
  std::vector<double> waiting_shares;
  /// Of a core, with what recording and submitting take, and all threads of the driver.
  std::vector<double> shares;
};

void run_round(CommandBufferRing& ring, const Step& shorter, const Step& longer,
               const std::vector<bool>& is_long, Measured& measured) {
  ring.drain();
  Seconds waiting{0};
  const auto start = Clock::now();
  const Seconds cpu_start = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
  for (const bool long_one : is_long) {
    const Seconds before = cpu_time(CLOCK_THREAD_CPUTIME_ID);
    Lease lease = ring.acquire();
    waiting += cpu_time(CLOCK_THREAD_CPUTIME_ID) - before;
    (long_one ? longer : shorter).record(lease);
    std::move(lease).submit();
  }
  ring.drain();
  const Seconds cpu = cpu_time(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
  const Seconds elapsed = Clock::now() - start;
  measured.rates.push_back(static_cast<double>(is_long.size()) / elapsed.count());
  measured.waiting_shares.push_back(waiting / elapsed);
  measured.shares.push_back(cpu / elapsed);
}

void run(const Options& options) {
  const auto device = vulkan::Device::open({.device = options.device});
  nlohmann::json results = nlohmann::json::array();
  if (!options.json) {
    const std::string_view baseline = to_string(options.baseline);
    const std::string_view candidate = to_string(options.candidate);
    fmt::print("{}, ring of {}; an acquire that doesn't wait takes {:.2f} us of CPU time\n",
               device->info().name, options.ring_size, acquisition_us(device));
    fmt::print(
        "CPU time as a share of a core: of the thread in acquire, and of the whole process\n");
    fmt::print("{:>8} {:>12} | {:>10} {:>8} {:>9} | {:>8} {:>9} | {} / {}, 95 % interval\n",
               "step us", "pattern", baseline, "acquire", "all", candidate, "all", candidate,
               baseline);
  }
  for (const std::uint32_t us : options.step_us) {
    const Step shorter(device, std::chrono::microseconds(us));
    const Step longer(device, std::chrono::microseconds(3 * us));
    CommandBufferRing first(vulkan::make_backend(device),
                            {.ring_size = options.ring_size, .wait_strategy = options.baseline});
    CommandBufferRing second(vulkan::make_backend(device),
                             {.ring_size = options.ring_size, .wait_strategy = options.candidate});
    for (const std::string& pattern : options.patterns) {
      const double average_us = pattern == "equal" ? us : 2.0 * us;
      const auto count =
          std::max(20U, static_cast<std::uint32_t>(options.round_seconds * 1e6 / average_us));
      const std::vector<bool> is_long = long_steps(pattern, count);
      Measured warm;
      run_round(first, shorter, longer, is_long, warm);
      run_round(second, shorter, longer, is_long, warm);
      Measured before;
      Measured after;
      for (std::uint32_t round = 0; round < options.rounds; ++round) {
        // Turn about, so that drift favours neither.
        if (round % 2 == 0) run_round(first, shorter, longer, is_long, before);
        run_round(second, shorter, longer, is_long, after);
        if (round % 2 == 1) run_round(first, shorter, longer, is_long, before);
      }
      const auto speedup = bench::paired_speedup(before.rates, after.rates);
      const auto median = [](const std::vector<double>& values) { return bench::median(values); };
      if (options.json) {
        results.push_back({{"stepUs", us},
                           {"pattern", pattern},
                           {"baselineStepsPerSec", before.rates},
                           {"candidateStepsPerSec", after.rates},
                           {"baselineAcquireShare", before.waiting_shares},
                           {"candidateAcquireShare", after.waiting_shares},
                           {"baselineShare", before.shares},
                           {"candidateShare", after.shares},
                           {"ratio", speedup->ratio}});
        continue;
      }
      fmt::print("{:>8} {:>12} | {:10.1f} {:7.2f}% {:8.2f}% | {:7.2f}% {:8.2f}% | {:.4f}", us,
                 pattern, median(before.rates), 100 * median(before.waiting_shares),
                 100 * median(before.shares), 100 * median(after.waiting_shares),
                 100 * median(after.shares), speedup->ratio);
      if (speedup->ci95) fmt::print(" ({:.4f} to {:.4f})", speedup->ci95->low, speedup->ci95->high);
      fmt::print("\n");
      std::fflush(stdout);
    }
  }
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"device", device->info().name},
                                      {"ringSize", options.ring_size},
                                      {"results", results}}
                           .dump(2));
  }
}

}  // namespace
}  // namespace cbr::benchmarks

int main(int argc, char** argv) {
  try {
    cbr::benchmarks::Options options;
    CLI::App app("Measures two wait strategies: rate, and CPU time of the thread");
    std::string baseline(cbr::to_string(options.baseline));
    std::string candidate(cbr::to_string(options.candidate));
    const CLI::IsMember strategies({"block", "spin", "hybrid", "adaptive"});
    app.add_option("--baseline", baseline)->check(strategies);
    app.add_option("--candidate", candidate)->check(strategies);
    app.add_option("--device", options.device, "Index, or a part of the name");
    app.add_option("--ring-size", options.ring_size)->check(CLI::Range(1U, cbr::max_ring_size));
    app.add_option("--step-us", options.step_us, "Lengths of the shorter steps, in microseconds")
        ->delimiter(',')
        ->check(CLI::PositiveNumber);
    app.add_option("--pattern", options.patterns,
                   "equal, or of steps and ones three times as long: random, alternating, phases")
        ->delimiter(',')
        ->check(CLI::IsMember({"equal", "random", "alternating", "phases"}));
    app.add_option("--rounds", options.rounds)->check(CLI::PositiveNumber);
    app.add_option("--round-seconds", options.round_seconds)->check(CLI::PositiveNumber);
    app.add_flag("--json", options.json, "Print every round as JSON");
    CLI11_PARSE(app, argc, argv);
    options.baseline = cbr::parse_wait_strategy(baseline).value();
    options.candidate = cbr::parse_wait_strategy(candidate).value();
    cbr::benchmarks::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "wait_strategy_benchmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
