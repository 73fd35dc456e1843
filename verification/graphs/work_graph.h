// What was submitted in a run, and what had to come before what: to be compared with what tickets
// tell once all has ended.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <cbr/dependency.h>
#include <cbr/ticket.h>

#include "graphs/device.h"
#include "soak/random.h"

namespace cbr::graphs {

struct Node;

/// A node waits for another one.
struct Edge {
  const Node* earlier = nullptr;
  IfFailed if_failed = IfFailed::fail;
};

/// A place in a sequence; number 0 is none. Of two parts the one with the lower place runs first.
struct SequencePlace {
  std::uint64_t sequence = 0;
  std::uint32_t place = 0;
};

/// One accepted submission. Never changes once the graph has it.
struct Node {
  Ticket ticket;
  std::shared_ptr<Work> work;
  std::vector<Edge> after;
  /// Which ring, and which device: a number for each ring of a run.
  std::uint32_t ring = 0;
  const Device* device = nullptr;
  SequencePlace part;
  /// One that it waits for was known to have failed when it was submitted.
  bool follows_failure = false;
};

/// How much of what can happen has happened.
struct GraphCounts {
  std::uint64_t nodes = 0;
  std::uint64_t edges = 0;
  /// Edges to a ring of the same device and of another, and to the same ring.
  std::uint64_t edges_between_rings = 0;
  std::uint64_t edges_between_devices = 0;
  /// Pairs whose GPU times were compared, and whose data was.
  std::uint64_t orders = 0;
  std::uint64_t visibilities = 0;
  std::uint64_t own_failures = 0;
  /// Failed because of another, and ran all the same.
  std::uint64_t dependency_failures = 0;
  std::uint64_t ran_after_failure = 0;
  /// Failed because their ring ended.
  std::uint64_t ended_early = 0;
  std::uint64_t lost = 0;
  /// Refused, since they would have waited for themselves.
  std::uint64_t cycles = 0;
  /// Held when submit() returned.
  std::uint64_t held = 0;

  void add(const GraphCounts& other);
};

/// Any thread may use it, but for what says otherwise.
class WorkGraph {
 public:
  WorkGraph() = default;
  WorkGraph(const WorkGraph&) = delete;
  WorkGraph& operator=(const WorkGraph&) = delete;
  ~WorkGraph() = default;

  const Node& add(Node node);
  /// One of the latest nodes, mostly; null if there is none.
  [[nodiscard]] const Node* draw(soak::Random& random) const;
  [[nodiscard]] std::uint64_t new_sequence() { return ++sequences_; }
  [[nodiscard]] std::uint32_t new_ring() { return ++rings_; }
  /// Whether a lease with this place and these edges would wait for itself, as far as submissions
  /// are held. A lease waits for those before it in its sequence as well.
  [[nodiscard]] bool would_wait_for_itself(const SequencePlace& lease,
                                           const std::vector<Edge>& after) const;

  void count_held() { ++held_; }
  void count_cycle() { ++cycles_; }
  /// Notes what is wrong; the first counts.
  void complain(const std::string& what);
  /// Complains unless all that the node waits for has ended. To be called where the node has.
  void require_predecessors_ended(const Node& node);

  /// How many submissions this ring has accepted.
  [[nodiscard]] std::uint64_t nodes_of(std::uint32_t ring) const;
  /// Blocks until all work has ended. For one thread, once nobody submits any more.
  void wait_for_all() const;
  /// What is wrong; empty if all is well. For one thread, once all work has ended. Looks at each
  /// node: it fails exactly where it may, with the first cause, and runs after what it waits for.
  [[nodiscard]] std::string check();
  /// After check().
  [[nodiscard]] const GraphCounts& counts() const { return counts_; }

 private:
  void check(const Node& node);
  void check_edge(const Node& node, std::size_t index);
  void check_sequences();
  /// Whether the node may have been held for work that is not its ring's.
  [[nodiscard]] bool is_held_for_others(const Node& node) const;
  /// All parts before this one in its sequence that were submitted.
  [[nodiscard]] std::vector<const Node*> parts_before(const SequencePlace& part) const;

  mutable std::mutex mutex_;
  /// With stable addresses. Nothing that another thread could be waited for in is done with the
  /// mutex held: no ticket is copied or asked.
  std::deque<Node> nodes_;
  std::string complaint_;
  std::atomic<std::uint64_t> sequences_ = 0;
  std::atomic<std::uint32_t> rings_ = 0;
  std::atomic<std::uint64_t> held_ = 0;
  std::atomic<std::uint64_t> cycles_ = 0;
  GraphCounts counts_;
};

}  // namespace cbr::graphs
