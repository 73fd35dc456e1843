// What one thread does with leases and tickets, whatever ring they are of, and what it notes of it.
#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <vector>

#include <cbr/errors.h>
#include <cbr/lease.h>
#include <cbr/ticket.h>

#include "soak/aftermath.h"
#include "soak/ledger.h"
#include "soak/random.h"
#include "soak/target.h"
#include "unit/core/allocations.h"

namespace cbr {
class CommandBufferRing;
}

namespace cbr::soak {

/// What the threads work with. All of it outlives them and their callbacks.
struct Shop {
  Workplace& workplace;
  Ledger& ledger;
  std::shared_ptr<Inbox> inbox;
  /// Counted up with each operation, to show that the run goes on.
  Count& heartbeat;
  bool may_lose_device = false;
  /// Calls of the backend fail and may be made again: FaultPlan::wait and its kin.
  bool calls_fail = false;
  /// One in so many of the library's allocations fails; 0: none does.
  std::uint32_t allocations_fail_one_in = 0;
  /// The ring's end has begun, and has returned.
  std::atomic<bool> ending = false;
  std::atomic<bool> ended = false;
};

class Hand {
 public:
  /// `ring` is for callbacks that submit more; null where the ring may end under them.
  Hand(Shop& shop, std::uint64_t seed, CommandBufferRing* ring)
      : shop_(shop), ring_(ring), random_(seed) {}

  [[nodiscard]] Random& random() { return random_; }

  /// Makes a call of the library, with too little memory now and then.
  template <typename Call>
  std::invoke_result_t<const Call&> scarce(const Call& call) {
    if (shop_.allocations_fail_one_in == 0) return call();
    const test::FailAtRandom failures(random_.next(), shop_.allocations_fail_one_in,
                                      shop_.ledger.failed_allocations);
    return call();
  }
  /// Likewise. False if it broke off for want of memory or by a fault that passes: nothing has
  /// changed then.
  template <typename Call>
  bool attempt(const Call& call);

  /// Makes a call that acquires, and counts what becomes of it; nothing if there is no lease.
  /// Throws DeviceLost.
  template <typename Call>
  std::optional<Lease> counted(const Call& call);
  void discard(Lease lease);
  /// Forgets it, on purpose.
  void drop(Lease lease);
  /// Records into the lease and ends it somehow. `may_wait`: for the ticket.
  void use(Lease lease, bool may_wait);
  /// Records into a lease of a sequence whose turn can't come yet, submits it, and has a coroutine
  /// wait for it that is then destroyed.
  void submit_and_give_up_waiting(Lease lease);
  /// Does what is allowed with a lease that stays one.
  void decorate(Lease& lease);

  void cancel_a_callback();
  /// Goes on with a coroutine that lies with the executor, or destroys it.
  void go_on_with_a_coroutine();
  /// Waits for some of the tickets, and for `other` where there is one, which doesn't end.
  void wait_for_some(const Ticket* other);
  void look_at_a_ticket();
  /// Hangs a callback or a coroutine on a ticket whose work has ended.
  void follow_what_has_ended();
  [[nodiscard]] bool all_ended() const;
  /// Waits for tickets until so many are left.
  void settle(std::size_t left);

 private:
  /// A ticket to look at later.
  struct Open {
    Ticket ticket;
    RecordedWork work;
  };
  /// A callback that may be taken back.
  struct Given {
    CallbackHandle handle;
    /// The callback has the other reference as long as it lives.
    std::shared_ptr<std::atomic_flag> ran;
    Open open;
  };

  [[nodiscard]] bool calls_break() const {
    return shop_.calls_fail || shop_.allocations_fail_one_in != 0;
  }
  RecordedWork record(Lease& lease);
  std::optional<Ticket> submit(Lease lease);
  /// A lease ended without a submission.
  void count_unsubmitted(Count& count);
  void look_after(const Ticket& ticket, const RecordedWork& work, bool may_wait);
  void add_callback(const Ticket& ticket, const RecordedWork& work);
  /// Has a coroutine wait for the ticket, or keeps it if none can be had.
  void await(const Ticket& ticket, const RecordedWork& work);
  /// `started` says whether there is a coroutine, or was one that judged at once.
  std::coroutine_handle<> start_coroutine(const Ticket& ticket, const RecordedWork& work,
                                          bool& started);
  void wait_for_end(const Ticket& ticket);

  Shop& shop_;
  CommandBufferRing* const ring_;
  Random random_;
  std::vector<Open> tickets_;
  std::vector<Given> callbacks_;
};

template <typename Call>
bool Hand::attempt(const Call& call) {
  try {
    scarce(call);
    return true;
  } catch (const DeviceLost&) {
    throw;
  } catch (const BackendError&) {
    if (!shop_.calls_fail) throw;
  } catch (const std::bad_alloc&) {
    if (shop_.allocations_fail_one_in == 0) throw;
  }
  return false;
}

template <typename Call>
std::optional<Lease> Hand::counted(const Call& call) {
  Ledger& ledger = shop_.ledger;
  const bool ended = shop_.ended;
  try {
    std::optional<Lease> lease = scarce(call);
    ++(lease ? ledger.leases : ledger.came_away_empty);
    if (ended) ledger.complain("a slot could be asked for after the end of the ring");
    return lease;
  } catch (const AcquireTimeout&) {
    ++ledger.came_away_empty;
    if (ended) ledger.complain("a slot could be waited for after the end of the ring");
  } catch (const DeviceLost&) {
    ++ledger.lost_acquires;
    throw;
  } catch (const BackendError&) {
    ++(shop_.calls_fail ? ledger.broken_acquires : ledger.failed_begins);
  } catch (const std::bad_alloc&) {
    if (shop_.allocations_fail_one_in == 0) throw;
    ++ledger.broken_acquires;
  } catch (const InvalidUsage&) {
    if (!shop_.ending) throw;
  }
  return std::nullopt;
}

}  // namespace cbr::soak
