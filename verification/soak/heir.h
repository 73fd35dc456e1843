// One thread that works what it was left by a ring, while the ring ends and afterwards.
#pragma once

#include <memory>
#include <vector>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "soak/hand.h"

namespace cbr::soak {

/// A ring whose work never ends, beside which one waits for the work of another.
class Neighbour {
 public:
  Neighbour();
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;
  ~Neighbour();

  [[nodiscard]] const Ticket& ticket() const { return ticket_; }

 private:
  std::shared_ptr<simulated::Gpu> gpu_;
  CommandBufferRing ring_;
  Ticket ticket_;
};

/// It never touches the ring itself: that is for the thread that ends it.
class Heir {
 public:
  /// Takes a sequence and some leases of the ring, on the thread that has it.
  Heir(CommandBufferRing& ring, const Neighbour& neighbour, Shop& shop, std::uint64_t seed);

  /// Works until the ring has ended, and once more then. What is wrong goes to the ledger.
  void run() noexcept;

 private:
  void inherit(CommandBufferRing& ring);
  void step();
  void acquire();
  Lease take_a_lease();
  /// Makes a call that may find the device lost.
  template <typename Call>
  void note_loss(const Call& call);
  /// Everything that the ring left ends, in ways that don't need it.
  void wind_up();

  const Neighbour& neighbour_;
  Shop& shop_;
  Hand hand_;
  Random& random_;
  Sequence sequence_;
  std::vector<Lease> leases_;
};

}  // namespace cbr::soak
