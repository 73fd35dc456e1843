#include "graphs/work_graph.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::graphs {
namespace {

/// How a submission ended.
enum class Outcome : std::uint8_t {
  well,
  failed,
  refused,
  lost,
  dependency_failed,
  ring_ended,
  unknown,
};

Outcome outcome_of(const std::exception_ptr& error) {
  if (error == nullptr) return Outcome::well;
  try {
    std::rethrow_exception(error);
  } catch (const DependencyFailed&) {
    return Outcome::dependency_failed;
  } catch (const DeviceLost&) {
    return Outcome::lost;
  } catch (const ExecutionFailed&) {
    return Outcome::failed;
  } catch (const BackendError&) {
    return Outcome::refused;
  } catch (const InvalidUsage&) {
    return Outcome::ring_ended;
  } catch (...) {
    return Outcome::unknown;
  }
}

/// What failed first.
std::exception_ptr root_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const DependencyFailed& failure) {
    return failure.cause();
  } catch (...) {
    return error;
  }
}

std::string text_of(const std::exception_ptr& error) {
  try {
    if (error == nullptr) return "ended well";
    std::rethrow_exception(error);
  } catch (const std::exception& failure) {
    return fmt::format("failed with '{}'", failure.what());
  } catch (...) {
    return "failed with something";
  }
}

std::string name_of(const Node& node) {
  return fmt::format("serial {} of queue {} of ring {}", node.ticket.serial().value(),
                     to_number(node.ticket.queue()), node.ring);
}

/// Whether the GPU has run it, whatever came of it.
bool has_run(const Node& node) {
  return node.ticket.serial().value() != 0 && outcome_of(node.ticket.error()) != Outcome::lost;
}

}  // namespace

void GraphCounts::add(const GraphCounts& other) {
  nodes += other.nodes;
  edges += other.edges;
  edges_between_rings += other.edges_between_rings;
  edges_between_devices += other.edges_between_devices;
  orders += other.orders;
  visibilities += other.visibilities;
  own_failures += other.own_failures;
  dependency_failures += other.dependency_failures;
  ran_after_failure += other.ran_after_failure;
  ended_early += other.ended_early;
  lost += other.lost;
  cycles += other.cycles;
  held += other.held;
}

const Node& WorkGraph::add(Node node) {
  const std::lock_guard lock(mutex_);
  return nodes_.emplace_back(std::move(node));
}

const Node* WorkGraph::draw(soak::Random& random) const {
  constexpr std::uint32_t latest = 6;
  const std::lock_guard lock(mutex_);
  if (nodes_.empty()) return nullptr;
  const auto count = static_cast<std::uint32_t>(nodes_.size());
  const std::uint32_t bound = random.one_in(8) ? count : std::min(count, latest);
  return &nodes_[count - 1 - random.pick(bound)];
}

std::vector<const Node*> WorkGraph::parts_before(const SequencePlace& part) const {
  std::vector<const Node*> parts;
  if (part.sequence == 0) return parts;
  for (const Node& node : nodes_) {
    if (node.part.sequence == part.sequence && node.part.place < part.place) {
      parts.push_back(&node);
    }
  }
  return parts;
}

bool WorkGraph::would_wait_for_itself(const SequencePlace& lease,
                                      const std::vector<Edge>& after) const {
  const std::lock_guard lock(mutex_);
  std::set<const Node*> seen;
  std::vector<const Node*> open;
  const auto add = [&](const Node* node) {
    if (seen.insert(node).second) open.push_back(node);
  };
  for (const Edge& edge : after) add(edge.earlier);
  while (!open.empty()) {
    const Node& node = *open.back();
    open.pop_back();
    if (node.part.sequence == lease.sequence && node.part.place > lease.place) return true;
    for (const Edge& edge : node.after) add(edge.earlier);
    for (const Node* part : parts_before(node.part)) add(part);
  }
  return false;
}

void WorkGraph::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (complaint_.empty()) complaint_ = what;
}

void WorkGraph::require_predecessors_ended(const Node& node) {
  // What never ran may end as soon as one of them has failed.
  if (!has_run(node)) return;
  for (const Edge& edge : node.after) {
    if (!edge.earlier->ticket.done()) {
      complain(fmt::format("{} is told of before {}, which it waits for", name_of(node),
                           name_of(*edge.earlier)));
    }
  }
}

std::uint64_t WorkGraph::nodes_of(std::uint32_t ring) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(std::count_if(
      nodes_.begin(), nodes_.end(), [ring](const Node& node) { return node.ring == ring; }));
}

void WorkGraph::wait_for_all() const {
  for (const Node& node : nodes_) {
    try {
      node.ticket.wait();
    } catch (const Error&) {
      // How it ended is looked at in check().
    }
  }
}

std::string WorkGraph::check() {
  counts_ = {};
  counts_.held = held_;
  counts_.cycles = cycles_;
  for (const Node& node : nodes_) {
    ++counts_.nodes;
    if (node.ticket.done()) {
      check(node);
    } else {
      complain(fmt::format("{} has not ended at the end", name_of(node)));
    }
    if (!complaint_.empty()) return complaint_;
  }
  check_sequences();
  return complaint_;
}

void WorkGraph::check(const Node& node) {
  const std::exception_ptr error = node.ticket.error();
  const Outcome outcome = outcome_of(error);
  const bool sent = node.ticket.serial().value() != 0;
  const Device::Dangers dangers = node.device->dangers();
  const auto require = [&](bool holds, std::string_view promise) {
    if (!holds) {
      complain(fmt::format("{} {}, but {}", name_of(node), text_of(error), promise));
    }
  };

  // What must fail it, and with what.
  std::vector<std::exception_ptr> causes;
  for (std::size_t i = 0; i < node.after.size(); ++i) {
    const std::exception_ptr earlier = node.after[i].earlier->ticket.error();
    if (earlier == nullptr) continue;
    if (node.after[i].if_failed == IfFailed::fail) {
      causes.push_back(root_of(earlier));
    } else if (outcome == Outcome::well) {
      ++counts_.ran_after_failure;
    }
  }
  require(causes.empty() || outcome != Outcome::well, "something that it waits for failed");

  const Fault planned = node.work->planned();
  switch (outcome) {
    case Outcome::well:
      require(sent, "it was never sent");
      require(planned != Fault::fail_execution && planned != Fault::fail_submit,
              "it was to fail by itself");
      break;
    case Outcome::failed:
      ++counts_.own_failures;
      require(planned == Fault::fail_execution || dangers.failure, "nothing of that was planned");
      break;
    case Outcome::refused:
      ++counts_.own_failures;
      require(planned == Fault::fail_submit || dangers.refusal, "nothing of that was planned");
      require(!sent, "it was sent");
      break;
    case Outcome::lost:
      ++counts_.lost;
      require(dangers.loss, "no device was to be lost");
      break;
    case Outcome::dependency_failed: {
      ++counts_.dependency_failures;
      const std::exception_ptr cause = root_of(error);
      require(std::find(causes.begin(), causes.end(), cause) != causes.end(),
              "that is no failure of something that it waits for");
      require(outcome_of(cause) != Outcome::dependency_failed, "the cause is not the first one");
      break;
    }
    case Outcome::ring_ended:
      ++counts_.ended_early;
      require(!sent, "it was sent");
      require(is_held_for_others(node), "it waited for nothing but its own ring's work");
      break;
    case Outcome::unknown:
      require(false, "a submission doesn't fail so");
      break;
  }
  require(!sent || !node.follows_failure, "what it waits for was known to have failed");
  if (!sent) {
    require(!node.ticket.gpu_interval(), "it has GPU times without having been sent");
    require(node.work->untouched(), "its commands ran without having been sent");
  }
  for (std::size_t i = 0; i < node.after.size(); ++i) check_edge(node, i);
}

void WorkGraph::check_edge(const Node& node, std::size_t index) {
  const Node& earlier = *node.after[index].earlier;
  ++counts_.edges;
  if (earlier.device != node.device) {
    // Their clocks may be different ones.
    ++counts_.edges_between_devices;
    return;
  }
  if (earlier.ring != node.ring) ++counts_.edges_between_rings;
  if (!has_run(earlier) || !has_run(node)) return;
  const auto before = earlier.ticket.gpu_interval();
  const auto after = node.ticket.gpu_interval();
  if (before && after) {
    ++counts_.orders;
    if (before->end > after->start) {
      complain(fmt::format("{} began {} ns before the end of {}, which it waits for", name_of(node),
                           (before->end - after->start).count(), name_of(earlier)));
    }
  }
  ++counts_.visibilities;
  if (!node.work->found(index, *earlier.work)) {
    complain(fmt::format("{} doesn't see what {} wrote, which it waits for", name_of(node),
                         name_of(earlier)));
  }
}

bool WorkGraph::is_held_for_others(const Node& node) const {
  std::set<const Node*> seen;
  std::vector<const Node*> open = {&node};
  while (!open.empty()) {
    const Node& next = *open.back();
    open.pop_back();
    if (!seen.insert(&next).second) continue;
    if (next.ring != node.ring) return true;
    for (const Edge& edge : next.after) open.push_back(edge.earlier);
    for (const Node* part : parts_before(next.part)) open.push_back(part);
  }
  return false;
}

void WorkGraph::check_sequences() {
  // In order: of sequences, and of places within each.
  std::map<std::pair<std::uint64_t, std::uint32_t>, const Node*> parts;
  for (const Node& node : nodes_) {
    if (node.part.sequence == 0 || node.ticket.serial().value() == 0) continue;
    parts.emplace(std::pair(node.part.sequence, node.part.place), &node);
  }
  const Node* previous = nullptr;
  for (const auto& [place, node] : parts) {
    if (previous != nullptr && previous->part.sequence == node->part.sequence &&
        previous->ticket.serial().covers(node->ticket.serial())) {
      complain(fmt::format("{} comes before {}, which is of an earlier place in the sequence",
                           name_of(*node), name_of(*previous)));
    }
    previous = node;
  }
}

}  // namespace cbr::graphs
