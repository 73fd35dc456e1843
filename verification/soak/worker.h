// One thread of a round: random operations on a ring.
#pragma once

#include <cstdint>
#include <optional>

#include <cbr/ring.h>

#include "soak/hand.h"

namespace cbr::soak {

/// What may be done with a ring as a whole.
struct Scope {
  /// What set_ring_size may be given.
  std::uint32_t least_size;
  std::uint32_t largest_size;
  bool may_reset_statistics;
};

class Worker {
 public:
  Worker(CommandBufferRing& ring, const Scope& scope, Shop& shop, std::uint64_t seed)
      : ring_(ring),
        scope_(scope),
        shop_(shop),
        hand_(shop, seed, &ring),
        random_(hand_.random()) {}

  /// Does so many operations; ends early if the device is lost. What is wrong goes to the ledger.
  void run(std::uint32_t operations) noexcept;

 private:
  void step();
  AcquireOptions request();
  std::optional<Lease> acquire();
  void sequence();
  void drain();
  void resize();
  void look_at_statistics();

  CommandBufferRing& ring_;
  const Scope& scope_;
  Shop& shop_;
  Hand hand_;
  Random& random_;
};

}  // namespace cbr::soak
