#include "soak/heir.h"

#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/simulated.h>

namespace cbr::soak {

using namespace std::chrono_literals;

Neighbour::Neighbour()
    : gpu_(simulated::make_gpu()), ring_(gpu_, {.ring_size = 1, .hang_warning_ms = 0}) {
  gpu_->pause();
  ticket_ = ring_.acquire().submit();
}

Neighbour::~Neighbour() {
  gpu_->release();
}

Heir::Heir(CommandBufferRing& ring, const Neighbour& neighbour, Shop& shop, std::uint64_t seed)
    : neighbour_(neighbour),
      shop_(shop),
      hand_(shop, seed, nullptr),
      random_(hand_.random()),
      sequence_(ring.sequence()) {
  leases_.reserve(4);
  note_loss([&] { inherit(ring); });
}

template <typename Call>
void Heir::note_loss(const Call& call) {
  try {
    call();
  } catch (const DeviceLost&) {
    shop_.ledger.lost = true;
  }
}

void Heir::inherit(CommandBufferRing& ring) {
  for (std::uint32_t i = random_.pick(4); i > 0; --i) {
    auto lease = hand_.counted([&] {
      return random_.one_in(2) ? ring.try_acquire()
                               : std::optional(sequence_.acquire({.timeout = Timeout(0ns)}));
    });
    if (lease) leases_.push_back(std::move(*lease));
  }
}

void Heir::run() noexcept {
  try {
    note_loss([&] {
      while (!shop_.ended) step();
    });
    shop_.ended.wait(false);
    wind_up();
  } catch (const std::exception& error) {
    shop_.ledger.complain(fmt::format("an unexpected exception: {}", error.what()));
  }
}

void Heir::step() {
  ++shop_.heartbeat;
  switch (random_.pick(10)) {
    case 0:
    case 1:
      acquire();
      break;
    case 2:
      if (!leases_.empty()) hand_.decorate(leases_.back());
      break;
    case 3:
      hand_.wait_for_some(&neighbour_.ticket());
      break;
    case 4:
      hand_.look_at_a_ticket();
      break;
    case 5:
      hand_.cancel_a_callback();
      break;
    case 6:
      hand_.go_on_with_a_coroutine();
      break;
    case 7:
      // The others need a slot now and then.
      std::this_thread::yield();
      break;
    default:
      // Its ticket may wait behind a lease of this thread's own, until the ring ends.
      if (!leases_.empty()) hand_.use(take_a_lease(), true);
  }
}

void Heir::acquire() {
  if (leases_.size() == leases_.capacity()) return;
  AcquireOptions options;
  // Without a limit the ring's end is the limit.
  options.timeout =
      random_.one_in(4) ? Timeout() : Timeout(std::chrono::microseconds(random_.pick(100)));
  auto lease = hand_.counted([&] { return std::optional(sequence_.acquire(options)); });
  if (lease) leases_.push_back(std::move(*lease));
}

Lease Heir::take_a_lease() {
  const auto chosen = leases_.begin() + random_.pick(static_cast<std::uint32_t>(leases_.size()));
  Lease lease = std::move(*chosen);
  leases_.erase(chosen);
  return lease;
}

void Heir::wind_up() {
  note_loss([&] { acquire(); });
  while (!leases_.empty()) {
    note_loss([&] {
      Lease lease = take_a_lease();
      if (random_.one_in(4)) {
        hand_.drop(std::move(lease));
      } else {
        hand_.use(std::move(lease), true);
      }
    });
  }
  if (!hand_.all_ended()) shop_.ledger.complain("work goes on after the end of its ring");
  hand_.wait_for_some(&neighbour_.ticket());
  hand_.look_at_a_ticket();
  hand_.follow_what_has_ended();
  hand_.settle(0);
}

}  // namespace cbr::soak
