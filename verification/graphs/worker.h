// One thread that submits random work which waits for other work, its own and others'.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <cbr/ring.h>

#include "graphs/device.h"
#include "graphs/work_graph.h"
#include "soak/random.h"

namespace cbr::graphs {

/// A ring and what it runs on.
struct Site {
  CommandBufferRing* ring = nullptr;
  Device* device = nullptr;
  /// The ring's number in the graph.
  std::uint32_t number = 0;
};

/// What all threads of a run share.
struct Yard {
  WorkGraph& graph;
  std::vector<Site> sites;
  /// Makes a backend of a device, perhaps with faults, for a ring of one thread's own.
  std::function<std::shared_ptr<Backend>(Device& device, soak::Random& random)> make_backend;
  /// Such rings' options.
  RingOptions options;
  /// Counted up with each operation, to show that the run goes on.
  std::atomic<std::uint64_t>& heartbeat;
};

class Worker {
 public:
  Worker(Yard& yard, std::uint64_t seed)
      : yard_(yard), graph_(yard.graph), random_(seed), sites_(yard.sites) {}

  /// Does so many operations; ends early once all devices are lost. What is wrong goes to the
  /// graph.
  void run(std::uint32_t operations) noexcept;

 private:
  void step();
  /// Calls, and takes the site off the list if its device is lost.
  template <typename Call>
  void at(const Site& site, const Call& call);

  /// Nothing if there is none in time, or `begin` failed where it may.
  std::optional<Lease> acquire(const Site& site, const AcquireOptions& options);
  std::optional<Lease> acquire(const Site& site);
  /// Some of the latest nodes.
  std::vector<Edge> draw_edges();
  const Node* submit(const Site& site, Lease lease, std::vector<Edge> after,
                     const SequencePlace& part);
  void refused(const Site& site, const Error& error, const std::vector<Edge>& after,
               const SequencePlace& part, bool foreign);
  void follow(const Node& node);
  void one(const Site& site);
  void sequence(const Site& site);
  void own_ring(const Site& beside);
  void wait_for_one();

  Yard& yard_;
  WorkGraph& graph_;
  soak::Random random_;
  /// Those whose device is not known to be lost.
  std::vector<Site> sites_;
};

}  // namespace cbr::graphs
