#include "scheduling/graph_scenario.h"

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <cbr/ring.h>

#include "core/sync.h"
#include "graphs/simulated_device.h"
#include "graphs/worker.h"
#include "scheduling/scheduler.h"

namespace cbr::test {
namespace {

using graphs::SimulatedDevice;

class GraphScenario {
 public:
  explicit GraphScenario(std::uint64_t seed)
      : random_(seed * 2654435761U + 7),
        device_({.one_in = 8, .hangs = true, .loss = random_.one_in(4)}),
        elsewhere_({.one_in = 8, .hangs = true, .loss = random_.one_in(4)}),
        yard_{.graph = graph_,
              .sites = {},
              .make_backend = [](graphs::Device& device,
                                 soak::Random& random) { return device.backend(random); },
              .options = quiet(),
              .heartbeat = heartbeat_} {}

  void run(graphs::GraphCounts& counts) {
    for (std::uint32_t i = random_.one_in(4) ? 3 : 2; i > 0; --i) open(device_);
    if (random_.one_in(4)) open(elsewhere_);
    std::vector<std::function<void()>> work;
    for (int i = 0; i < 3; ++i) {
      work.emplace_back([worker = std::make_shared<graphs::Worker>(yard_, random_.next()),
                         operations = random_.between(2, 4)] { worker->run(operations); });
    }
    together(work);
    require_all_slots();
    // The ends meet each other, and what is still in flight.
    std::vector<std::function<void()>> ends;
    for (auto& ring : rings_) ends.emplace_back([&ring] { ring.reset(); });
    together(ends);
    if (const std::string broken = graph_.check(); !broken.empty()) {
      throw std::logic_error("broken: " + broken);
    }
    counts.add(graph_.counts());
  }

 private:
  static RingOptions quiet() {
    RingOptions options;
    // A thread that the scheduler doesn't know.
    options.hang_warning_ms = 0;
    options.log_sink = [](const LogMessage& /*message*/) {};
    return options;
  }

  void open(SimulatedDevice& device) {
    RingOptions options = quiet();
    const auto backend = device.backend(random_);
    options.ring_size = backend->queue_count() + random_.pick(3);
    options.coalescing = random_.one_in(2);
    rings_.emplace_back(std::in_place, backend, options);
    yard_.sites.push_back(
        {.ring = &*rings_.back(), .device = &device, .number = graph_.new_ring()});
  }

  /// Runs each on a thread of its own, and ends hangs at times. Not only where nobody can go on
  /// without: a ring's end asks again and again for work that is behind a hang.
  void together(const std::vector<std::function<void()>>& bodies) {
    running_ = bodies.size();
    std::vector<detail::Thread> threads;
    threads.reserve(bodies.size());
    for (const auto& body : bodies) {
      threads.emplace_back([this, &body] {
        body();
        --running_;
      });
    }
    while (running_ > 0) {
      (void)Scheduler::current()->block(this, "time", true);
      if (!random_.one_in(8)) continue;
      device_.release();
      elsewhere_.release();
    }
    for (auto& thread : threads) thread.join();
  }

  /// In half of the runs, with nothing left in flight then: no slot was lost.
  void require_all_slots() {
    if (random_.one_in(2)) return;
    together({[this] { graph_.wait_for_all(); }});
    for (auto& ring : rings_) {
      std::vector<Lease> all;
      try {
        for (std::uint32_t i = ring->ring_size(); i > 0; --i) {
          auto lease = ring->try_acquire();
          if (!lease) graph_.complain("a slot leaks");
          if (lease) all.push_back(std::move(*lease));
        }
      } catch (const DeviceLost&) {
        // Its slots are of no use.
      }
      for (Lease& lease : all) lease.discard();
    }
  }

  soak::Random random_;
  SimulatedDevice device_;
  SimulatedDevice elsewhere_;
  graphs::WorkGraph graph_;
  std::atomic<std::uint64_t> heartbeat_ = 0;
  graphs::Yard yard_;
  /// With stable addresses.
  std::list<std::optional<CommandBufferRing>> rings_;
  std::size_t running_ = 0;
};

}  // namespace

std::uint64_t run_graph_scenario(std::uint64_t seed, graphs::GraphCounts& counts) {
  Scheduler scheduler(seed);
  // On the heap: a schedule that fails leaves threads behind in the middle of it.
  auto scenario = std::make_unique<GraphScenario>(seed);
  try {
    scheduler.run([&] { scenario->run(counts); });
  } catch (...) {
    (void)scenario.release();
    throw;
  }
  return scheduler.steps();
}

}  // namespace cbr::test
