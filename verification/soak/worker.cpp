#include "soak/worker.h"

#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::soak {

void Worker::run(std::uint32_t operations) noexcept {
  try {
    try {
      for (std::uint32_t i = 0; i < operations && !shop_.ledger.lost; ++i) step();
    } catch (const DeviceLost&) {
      shop_.ledger.lost = true;
    }
    hand_.settle(0);
  } catch (const std::exception& error) {
    shop_.ledger.complain(fmt::format("an unexpected exception: {}", error.what()));
  }
}

void Worker::step() {
  ++shop_.heartbeat;
  switch (random_.pick(44)) {
    case 0:
      drain();
      break;
    case 1:
      resize();
      break;
    case 2:
    case 3:
      look_at_statistics();
      break;
    case 4:
    case 5:
    case 6:
      sequence();
      break;
    case 7:
    case 8:
    case 9:
      hand_.wait_for_some(nullptr);
      break;
    case 10:
      hand_.look_at_a_ticket();
      break;
    case 11:
    case 12:
      hand_.cancel_a_callback();
      break;
    case 13:
      hand_.go_on_with_a_coroutine();
      break;
    default:
      if (auto lease = acquire()) hand_.use(std::move(*lease), true);
  }
  hand_.settle(16);
}

AcquireOptions Worker::request() {
  AcquireOptions options;
  options.priority = Priority{random_.pick(3)};
  if (random_.one_in(4)) options.queue = QueueIndex{random_.pick(ring_.queue_count())};
  if (random_.one_in(4)) options.label = "soak";
  return options;
}

std::optional<Lease> Worker::acquire() {
  AcquireOptions options = request();
  const auto timeout = std::chrono::microseconds(random_.pick(200));
  switch (random_.pick(6)) {
    case 0:
      return hand_.counted([&] { return ring_.try_acquire(options); });
    case 1:
      return hand_.counted([&] { return ring_.try_acquire_for(timeout); });
    case 2:
      options.timeout = timeout;
      return hand_.counted([&] { return std::optional(ring_.acquire(options)); });
    default:
      return hand_.counted([&] { return std::optional(ring_.acquire(options)); });
  }
}

void Worker::sequence() {
  Sequence sequence;
  if (!hand_.attempt([&] { sequence = ring_.sequence(); })) return;
  std::vector<Lease> leases;
  leases.reserve(3);
  for (std::uint32_t i = random_.between(1, 3); i > 0; --i) {
    AcquireOptions options = request();
    options.queue.reset();
    // Others may hold leases and want more, too: nobody waits for ever with one in hand.
    options.timeout = std::chrono::microseconds(random_.between(1, 200));
    try {
      if (auto lease = hand_.counted([&] { return std::optional(sequence.acquire(options)); })) {
        leases.push_back(std::move(*lease));
      }
    } catch (const DeviceLost&) {
      for (Lease& lease : leases) hand_.discard(std::move(lease));
      throw;
    }
  }
  // Only the loss of its device ends what is held back.
  if (leases.size() > 1 && !shop_.may_lose_device && random_.one_in(4)) {
    Lease last = std::move(leases.back());
    leases.pop_back();
    hand_.submit_and_give_up_waiting(std::move(last));
  }
  std::exception_ptr lost;
  while (!leases.empty()) {
    const auto chosen = leases.begin() + random_.pick(static_cast<std::uint32_t>(leases.size()));
    Lease lease = std::move(*chosen);
    leases.erase(chosen);
    try {
      hand_.use(std::move(lease), leases.empty());
    } catch (const DeviceLost&) {
      lost = std::current_exception();
    }
  }
  if (lost != nullptr) std::rethrow_exception(lost);
}

void Worker::drain() {
  if (!hand_.attempt([&] { ring_.drain(); })) return;
  // This thread has submitted them, and holds no lease of a sequence that could hold them back.
  if (!hand_.all_ended()) shop_.ledger.complain("drain() returned before the end of earlier work");
}

void Worker::resize() {
  const std::uint32_t size = random_.between(scope_.least_size, scope_.largest_size);
  if (hand_.attempt([&] { ring_.set_ring_size(size); })) ++shop_.ledger.resizes;
}

void Worker::look_at_statistics() {
  RingStatistics statistics;
  if (!hand_.attempt([&] { statistics = ring_.statistics(); })) return;
  if (const std::string broken = broken_equation(statistics); !broken.empty()) {
    shop_.ledger.complain("at one moment, " + broken);
  }
  if (scope_.may_reset_statistics && random_.one_in(4)) {
    shop_.ledger.statistics_reset = true;
    hand_.scarce([&] { ring_.reset_statistics(); });
  }
}

}  // namespace cbr::soak
