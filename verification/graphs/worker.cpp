#include "graphs/worker.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::graphs {

using namespace std::chrono_literals;

namespace {

const AcquireOptions at_once{.timeout = Timeout(0us)};

}  // namespace

void Worker::run(std::uint32_t operations) noexcept {
  try {
    for (std::uint32_t i = 0; i < operations && !sites_.empty(); ++i) step();
  } catch (const std::exception& error) {
    graph_.complain(fmt::format("an unexpected exception: {}", error.what()));
  }
}

void Worker::step() {
  ++yard_.heartbeat;
  // A copy: a site that is found lost leaves the list.
  const Site site = sites_[random_.pick(static_cast<std::uint32_t>(sites_.size()))];
  switch (random_.pick(12)) {
    case 0:
      wait_for_one();
      break;
    case 1:
      at(site, [&] { own_ring(site); });
      break;
    case 2:
    case 3:
    case 4:
      at(site, [&] { sequence(site); });
      break;
    case 5:
      at(site, [&] { site.ring->drain(); });
      break;
    default:
      at(site, [&] { one(site); });
  }
}

template <typename Call>
void Worker::at(const Site& site, const Call& call) {
  try {
    call();
  } catch (const DeviceLost& loss) {
    if (!site.device->dangers().loss) {
      graph_.complain(fmt::format("a device that was not to be lost is: {}", loss.what()));
    }
    std::erase_if(sites_, [&](const Site& other) { return other.number == site.number; });
  }
}

std::optional<Lease> Worker::acquire(const Site& site, const AcquireOptions& options) {
  try {
    return site.ring->acquire(options);
  } catch (const AcquireTimeout&) {
  } catch (const BackendError&) {
    if (!site.device->dangers().refusal) throw;
  }
  return std::nullopt;
}

std::optional<Lease> Worker::acquire(const Site& site) {
  AcquireOptions options;
  if (random_.one_in(3)) {
    options.queue = QueueIndex{random_.pick(site.ring->queue_count())};
  }
  constexpr std::array timeouts = {0us, 30us};
  if (const std::uint32_t choice = random_.pick(3); choice < timeouts.size()) {
    options.timeout = timeouts.at(choice);
  }
  return acquire(site, options);
}

std::vector<Edge> Worker::draw_edges() {
  std::vector<Edge> edges;
  for (std::uint32_t i = random_.pick(random_.one_in(8) ? 7 : 4); i > 0; --i) {
    const Node* const node = graph_.draw(random_);
    if (node == nullptr) break;
    edges.push_back({node, random_.one_in(3) ? IfFailed::run : IfFailed::fail});
  }
  return edges;
}

const Node* Worker::submit(const Site& site, Lease lease, std::vector<Edge> after,
                           const SequencePlace& part) {
  Dependencies dependencies;
  std::vector<std::shared_ptr<Work>> earlier;
  // Once in a while what only the host can wait for, without its being asked to.
  const bool host_waits = !random_.one_in(16);
  bool foreign = false;
  // Seldom: to look is to take note of what has ended, which others are to do as well.
  const bool looks = random_.one_in(4);
  bool follows_failure = false;
  for (const Edge& edge : after) {
    follows_failure = follows_failure || (looks && edge.if_failed == IfFailed::fail &&
                                          edge.earlier->ticket.error() != nullptr);
    const bool near = edge.earlier->device == site.device;
    foreign = foreign || (!near && !host_waits);
    dependencies.add(Dependency(edge.earlier->ticket,
                                {.if_failed = edge.if_failed, .allow_host_wait = host_waits}));
    earlier.push_back(near ? edge.earlier->work : nullptr);
  }
  std::shared_ptr<Work> work = site.device->record(lease, earlier, random_);
  try {
    Ticket ticket = std::move(lease).submit({.after = std::move(dependencies)});
    if (foreign) graph_.complain("work waits for another device's without the host");
    if (ticket.serial().value() == 0) graph_.count_held();
    const Node& node = graph_.add({.ticket = std::move(ticket),
                                   .work = std::move(work),
                                   .after = std::move(after),
                                   .ring = site.number,
                                   .device = site.device,
                                   .part = part,
                                   .follows_failure = follows_failure});
    follow(node);
    return &node;
  } catch (const DeviceLost&) {
    throw;
  } catch (const BackendError&) {
    const bool planned = work->planned() == Fault::fail_submit;
    if (!planned && !site.device->dangers().refusal) throw;
  } catch (const InvalidUsage& error) {
    refused(site, error, after, part, foreign);
  }
  return nullptr;
}

// NOLINTNEXTLINE(bugprone-easily-swappable-parameters)
void Worker::refused(const Site& site, const Error& error, const std::vector<Edge>& after,
                     const SequencePlace& part, bool foreign) {
  if (foreign) return;
  if (part.sequence != 0 && graph_.would_wait_for_itself(part, after)) {
    graph_.count_cycle();
    return;
  }
  graph_.complain(
      fmt::format("ring {} refuses what it should take: {}", site.number, error.what()));
}

void Worker::follow(const Node& node) {
  if (!random_.one_in(4)) return;
  node.ticket.on_complete([&graph = graph_, &node](const Ticket& /*ticket*/) {
    graph.require_predecessors_ended(node);
  });
}

void Worker::one(const Site& site) {
  if (auto lease = acquire(site)) {
    const Node* const node = submit(site, std::move(*lease), draw_edges(), {});
    if (node != nullptr && random_.one_in(8)) wait_for_one();
  }
}

void Worker::sequence(const Site& site) {
  Sequence sequence = site.ring->sequence();
  const std::uint64_t number = graph_.new_sequence();
  std::vector<Lease> leases;
  try {
    for (std::uint32_t i = random_.between(1, 3); i > 0; --i) {
      // Others may hold leases and want more, too: nobody waits for ever with one in hand.
      leases.push_back(sequence.acquire({.timeout = Timeout(20us)}));
    }
  } catch (const AcquireTimeout&) {
  } catch (const DeviceLost&) {
    for (Lease& lease : leases) lease.discard();
    throw;
  } catch (const BackendError&) {
    if (!site.device->dangers().refusal) throw;
  }
  // From the last to the first: all but the first are held back, and others wait for them.
  const Node* held = nullptr;
  std::exception_ptr lost;
  while (!leases.empty()) {
    const auto place = static_cast<std::uint32_t>(leases.size());
    Lease lease = std::move(leases.back());
    leases.pop_back();
    if (random_.one_in(8)) {
      lease.discard();
      continue;
    }
    std::vector<Edge> after = draw_edges();
    // What would wait for itself: now and then on purpose, by way of another ring's work.
    if (held != nullptr && random_.one_in(3)) {
      after.push_back({held, IfFailed::fail});
    }
    try {
      const Node* const node = submit(site, std::move(lease), std::move(after), {number, place});
      if (node != nullptr && place > 1 && !sites_.empty()) {
        const Site other = sites_[random_.pick(static_cast<std::uint32_t>(sites_.size()))];
        held = node;
        at(other, [&] {
          auto another = acquire(other, at_once);
          if (!another) return;
          const Node* const behind =
              submit(other, std::move(*another), std::vector<Edge>{{.earlier = node}}, {});
          if (behind != nullptr) held = behind;
        });
      }
    } catch (const DeviceLost&) {
      lost = std::current_exception();
    }
  }
  if (lost != nullptr) std::rethrow_exception(lost);
}

void Worker::own_ring(const Site& beside) {
  Device& device = *beside.device;
  std::optional<CommandBufferRing> ring;
  RingOptions options = yard_.options;
  const std::shared_ptr<Backend> backend = yard_.make_backend(device, random_);
  options.ring_size = backend->queue_count() + random_.between(1, 3);
  ring.emplace(backend, options);
  const Site site{.ring = &*ring, .device = &device, .number = graph_.new_ring()};
  std::optional<Lease> left;
  try {
    for (std::uint32_t i = random_.between(1, 3); i > 0; --i) one(site);
    if (random_.one_in(2)) sequence(site);
    if (random_.one_in(2)) {
      // A part that is held, and another ring's work behind it, until the ring ends.
      Sequence sequence = ring->sequence();
      const std::uint64_t number = graph_.new_sequence();
      left = sequence.acquire({.timeout = Timeout(20us)});
      Lease second = sequence.acquire({.timeout = Timeout(20us)});
      const Node* const node = submit(site, std::move(second), draw_edges(), {number, 2});
      if (node != nullptr) {
        if (auto lease = acquire(beside, at_once)) {
          (void)submit(beside, std::move(*lease), std::vector<Edge>{{.earlier = node}}, {});
        }
      }
    }
  } catch (const AcquireTimeout&) {
  } catch (const DeviceLost&) {
    // It ends all the same.
    if (!device.dangers().loss) throw;
  } catch (const BackendError&) {
    if (!device.dangers().refusal) throw;
  }
  ring.reset();
  if (!left) return;
  try {
    (void)std::move(*left).submit();
    graph_.complain("a lease was submitted after the end of its ring");
  } catch (const InvalidUsage&) {
  } catch (const DeviceLost&) {
    // That the ring had found.
  }
}

void Worker::wait_for_one() {
  const Node* const node = graph_.draw(random_);
  if (node == nullptr) return;
  try {
    if (random_.one_in(2)) {
      node->ticket.wait();
    } else if (!node->ticket.wait_for(10us)) {
      return;
    }
  } catch (const Error&) {
    // Looked at in the end.
  }
  if (!node->ticket.done()) graph_.complain("a wait returned before the end of the work");
  graph_.require_predecessors_ended(*node);
}

}  // namespace cbr::graphs
