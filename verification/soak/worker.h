// One thread of a round: random operations on a ring.
#pragma once

#include <optional>
#include <vector>

#include <cbr/ring.h>

#include "soak/ledger.h"
#include "soak/random.h"
#include "soak/target.h"

namespace cbr::soak {

/// What a worker works with. All of it outlives the worker and its callbacks.
struct Shop {
  CommandBufferRing& ring;
  Workplace& workplace;
  Ledger& ledger;
  /// Counted up with each operation, to show that the run goes on.
  Count& heartbeat;
  /// What set_ring_size may be given.
  std::uint32_t least_size;
  std::uint32_t largest_size;
  bool may_reset_statistics;
};

class Worker {
 public:
  Worker(const Shop& shop, std::uint64_t seed) : shop_(shop), random_(seed) {}

  /// Does so many operations; ends early if the device is lost. What is wrong goes to the ledger.
  void run(std::uint32_t operations) noexcept;

 private:
  /// A ticket to look at later.
  struct Open {
    Ticket ticket;
    RecordedWork work;
  };

  void step();
  AcquireOptions request();
  /// Counts what becomes of the request; nothing if there is no lease. Throws DeviceLost.
  template <typename Call>
  std::optional<Lease> counted(const Call& call);
  std::optional<Lease> acquire();
  /// Records into the lease and ends it somehow. `may_wait`: for the ticket.
  void use(Lease lease, bool may_wait);
  void sequence();
  void submit(Lease lease, const RecordedWork& work, bool may_wait);
  void look_after(const Ticket& ticket, const RecordedWork& work, bool may_wait);
  void add_callback(const Ticket& ticket, const RecordedWork& work);
  void wait_for_some();
  void drain();
  void look_at_statistics();
  /// Waits for tickets until so many are left.
  void settle(std::size_t left);

  const Shop& shop_;
  Random random_;
  std::vector<Open> tickets_;
};

}  // namespace cbr::soak
