#include "soak/soak_run.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include <cbr/errors.h>

#include "soak/growth.h"
#include "soak/process_usage.h"
#include "soak/random.h"
#include "soak/round.h"

namespace cbr::soak {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// A round whose threads do nothing for so long is stuck, however busy the machine.
constexpr auto stuck_after = 180s;

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

class Soak {
 public:
  Soak(const SoakOptions& options, const std::vector<std::unique_ptr<Target>>& targets)
      : options_(options), targets_(targets) {}

  bool run() {
    fmt::print(stderr, "soak: seed {}, {}\n", options_.seed, target_names());
    std::string wrong;
    {
      const std::jthread reporter([this](const std::stop_token& stop) { report(stop); });
      try {
        work();
      } catch (const Inconsistency& inconsistency) {
        wrong = inconsistency.what();
      } catch (const Error& error) {
        wrong = fmt::format("an unexpected exception: {}", error.what());
      }
    }
    if (wrong.empty() && !options_.round) wrong = growth_.complaint();
    if (!wrong.empty()) complain(wrong);
    fmt::print("{}\n", summary(wrong.empty()));
    return wrong.empty();
  }

 private:
  void work() {
    // Often enough for quarters, also of a short run.
    const auto distance = std::clamp<steady_clock::duration>(options_.length / 400, 10ms, 5s);
    auto next_look = start_;
    for (std::uint64_t number = 0; number == 0 || steady_clock::now() < start_ + options_.length;
         ++number) {
      Target& target = *targets_[number % targets_.size()];
      // One step of a generator of its own: rounds don't depend on those before them.
      round_seed_ = options_.round ? *options_.round
                                   : Random(options_.seed + 0x9e3779b97f4a7c15 * number).next();
      round_target_ = number % targets_.size();
      run_round(round_seed_, target, totals_, heartbeat_);
      if (steady_clock::now() < next_look) continue;
      next_look = steady_clock::now() + distance;
      growth_.add(process_usage());
    }
  }

  /// Progress, until asked to stop.
  void report(const std::stop_token& stop) {
    const auto distance = isatty(STDERR_FILENO) != 0 ? 10s : 30s;
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    std::uint64_t last_beat = heartbeat_;
    auto last_moved = steady_clock::now();
    for (auto next = start_ + distance;; next += distance) {
      if (stopped.wait_until(lock, stop, next, [&] { return stop.stop_requested(); })) return;
      if (stop.stop_requested()) return;
      print_progress();
      const std::uint64_t beat = heartbeat_;
      if (beat != last_beat) {
        last_beat = beat;
        last_moved = steady_clock::now();
      } else if (steady_clock::now() - last_moved > stuck_after) {
        complain(fmt::format("nothing moves since {} s", stuck_after.count()));
        fmt::print("{}\n", summary(false));
        std::fflush(nullptr);
        // Its threads can't be ended.
        std::_Exit(EXIT_FAILURE);
      }
    }
  }

  void print_progress() {
    const ProcessUsage usage = process_usage();
    fmt::print(stderr,
               "[{:5.0f} s] {} rounds, {} submissions, {} failures, {} lost devices, memory "
               "{:.1f} MiB, {} files, {} threads\n",
               elapsed_s(), totals_.rounds.load(), totals_.submissions.load(),
               totals_.failures.load(), totals_.lost_devices.load(), mebibytes(usage.memory),
               usage.files, usage.threads);
  }

  void complain(const std::string& wrong) {
    fmt::print(stderr, "soak: {}\n", wrong);
    const std::string backend =
        targets_.size() == 1 ? options_.backend : (round_target_ == 0 ? "simulated" : "vulkan");
    fmt::print(stderr,
               "soak: in round {0} of seed {1}. Again: ./dev soak --backend {2} --seed {1}; the "
               "round alone: ./dev soak --backend {3} --round {0}\n",
               round_seed_.load(), options_.seed, options_.backend, backend);
  }

  [[nodiscard]] std::string summary(bool well) const {
    std::string growth = "too short to tell about growth";
    if (growth_.enough()) {
      const ProcessUsage before = growth_.quarter(1);
      const ProcessUsage after = growth_.quarter(3);
      growth = fmt::format(
          "from the second quarter to the last: memory {:.1f} to {:.1f} MiB, files {} to {}, "
          "threads {} to {}",
          mebibytes(before.memory), mebibytes(after.memory), before.files, after.files,
          before.threads, after.threads);
    }
    return fmt::format(
        "soak: {}: {:.1f} min on {}, seed {}: {} rounds, {} submissions, {} callbacks, {} "
        "failures, {} lost devices, {} resets, {} times without a slot, {} resizes, {} leases "
        "abandoned, {} rings ended while they were worked, {} moves, {} failed allocations, {} "
        "failed driver calls, {} callbacks cancelled, {} coroutines destroyed; {} graphs with {} "
        "dependencies, {} orders and {} patterns compared, {} failures that followed others, {} "
        "cycles refused; {}",
        well ? "all is well" : "FAILED", elapsed_s() / 60, target_names(), options_.seed,
        totals_.rounds.load(), totals_.submissions.load(), totals_.callbacks.load(),
        totals_.failures.load(), totals_.lost_devices.load(), totals_.resets.load(),
        totals_.timeouts.load(), totals_.resizes.load(), totals_.abandoned.load(),
        totals_.contested_ends.load(), totals_.moves.load(), totals_.failed_allocations.load(),
        totals_.failed_calls.load(), totals_.cancelled_callbacks.load(),
        totals_.destroyed_coroutines.load(), totals_.graphs.load(), totals_.dependencies.load(),
        totals_.orders.load(), totals_.visibilities.load(), totals_.followed_failures.load(),
        totals_.refused_cycles.load(), growth);
  }

  [[nodiscard]] double elapsed_s() const {
    return std::chrono::duration<double>(steady_clock::now() - start_).count();
  }
  [[nodiscard]] std::string target_names() const {
    std::string names;
    for (const auto& target : targets_) names += (names.empty() ? "" : " and ") + target->name();
    return names;
  }

  const SoakOptions& options_;
  const std::vector<std::unique_ptr<Target>>& targets_;
  const steady_clock::time_point start_ = steady_clock::now();
  Totals totals_;
  Count heartbeat_ = 0;
  Count round_seed_ = 0;
  Count round_target_ = 0;
  Growth growth_;
};

}  // namespace

bool soak(const SoakOptions& options, const std::vector<std::unique_ptr<Target>>& targets) {
  return Soak(options, targets).run();
}

}  // namespace cbr::soak
