#include "soak/graph_round.h"

#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "graphs/simulated_device.h"
#include "graphs/work_graph.h"
#include "graphs/worker.h"
#include "soak/faulty_device.h"

namespace cbr::soak {
namespace {

using namespace std::chrono_literals;

class GraphRound {
 public:
  GraphRound(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat)
      : random_(seed),
        operations_(target.operations() / 4),
        totals_(totals),
        device_(faulty(target.make_graph_device(random_))),
        elsewhere_(faulty(std::make_unique<graphs::SimulatedDevice>(
            graphs::PlannedFaults{.one_in = 20, .hangs = true, .loss = random_.one_in(4)}))),
        yard_{.graph = graph_,
              .sites = {},
              .make_backend = [](graphs::Device& device,
                                 Random& random) { return device.backend(random); },
              .options = quiet(),
              .heartbeat = heartbeat} {}

  void run() {
    for (std::uint32_t i = random_.between(2, 3); i > 0; --i) open(*device_);
    if (random_.one_in(3)) open(*elsewhere_);
    const std::jthread releaser([this](const std::stop_token& stop) { release_hangs(stop); });
    {
      std::vector<std::jthread> threads;
      for (std::uint32_t i = random_.between(2, 4); i > 0; --i) {
        threads.emplace_back(
            [this, seed = random_.next()] { graphs::Worker(yard_, seed).run(operations_); });
      }
    }
    if (random_.one_in(2)) compare_statistics();
    {
      // The ends meet each other, and what is still in flight.
      std::vector<std::jthread> ends;
      for (auto& ring : rings_) ends.emplace_back([&ring] { ring.reset(); });
    }
    if (const std::string broken = graph_.check(); !broken.empty()) throw Inconsistency(broken);
    count();
  }

 private:
  std::unique_ptr<FaultyDevice> faulty(std::unique_ptr<graphs::Device> inner) {
    return std::make_unique<FaultyDevice>(
        std::move(inner), random_.one_in(4), [this](std::string_view line) {
          graph_.complain(fmt::format("backend contract broken: {}", line));
        });
  }

  static RingOptions quiet() {
    RingOptions options;
    options.hang_warning_ms = 1;
    options.log_sink = [](const LogMessage& /*message*/) {};
    return options;
  }

  void open(graphs::Device& device) {
    RingOptions options = quiet();
    const auto backend = device.backend(random_);
    options.ring_size = backend->queue_count() + random_.between(1, 4);
    // WaitStrategy::hybrid submits work of its own, which may fail.
    constexpr WaitStrategy strategies[] = {WaitStrategy::block, WaitStrategy::spin,
                                           WaitStrategy::adaptive};
    options.wait_strategy = strategies[random_.pick(3)];
    rings_.emplace_back(std::in_place, backend, options);
    yard_.sites.push_back(
        {.ring = &*rings_.back(), .device = &device, .number = graph_.new_ring()});
  }

  /// Hung work is let go of a little later, whoever waits for it.
  void release_hangs(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      stopped.wait_for(lock, stop, 1ms, [] { return false; });
      device_->release();
      elsewhere_->release();
    }
  }

  /// Once all work has ended.
  void compare_statistics() {
    graph_.wait_for_all();
    for (const graphs::Site& site : yard_.sites) {
      const RingStatistics statistics = site.ring->statistics();
      const std::uint64_t nodes = graph_.nodes_of(site.number);
      std::string wrong = broken_equation(statistics);
      if (wrong.empty() && statistics.submissions != nodes) {
        wrong = fmt::format("submissions is {}, it must be {}", statistics.submissions, nodes);
      }
      if (wrong.empty() && statistics.in_flight != 0) {
        wrong = fmt::format("in_flight is {}, it must be 0", statistics.in_flight);
      }
      if (!wrong.empty()) throw Inconsistency(wrong);
    }
  }

  void count() {
    const graphs::GraphCounts& counts = graph_.counts();
    ++totals_.graphs;
    totals_.submissions += counts.nodes;
    totals_.failures += counts.own_failures + counts.dependency_failures;
    totals_.lost_devices += counts.lost != 0 ? 1 : 0;
    totals_.dependencies += counts.edges;
    totals_.followed_failures += counts.dependency_failures;
    totals_.orders += counts.orders;
    totals_.visibilities += counts.visibilities;
    totals_.refused_cycles += counts.cycles;
  }

  Random random_;
  const std::uint32_t operations_;
  Totals& totals_;
  graphs::WorkGraph graph_;
  const std::unique_ptr<FaultyDevice> device_;
  const std::unique_ptr<FaultyDevice> elsewhere_;
  graphs::Yard yard_;
  /// With stable addresses.
  std::list<std::optional<CommandBufferRing>> rings_;
};

}  // namespace

void run_graph_round(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat) {
  GraphRound(seed, target, totals, heartbeat).run();
}

}  // namespace cbr::soak
