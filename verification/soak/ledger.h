// A round's own account of what it did, to be compared with the ring's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <cbr/leak.h>
#include <cbr/observer.h>
#include <cbr/statistics.h>

namespace cbr::soak {

using Count = std::atomic<std::uint64_t>;

/// What the threads of a round did with one ring, from its making to its end or reset. All counts
/// go up only, but for `kept`. Any thread may use it.
struct Ledger {
  Count leases = 0;
  /// acquire() threw: because begin failed, or because the device was lost.
  Count failed_begins = 0;
  Count lost_acquires = 0;
  /// acquire() threw for want of memory, or by a fault that passes: before it had a slot or after.
  Count broken_acquires = 0;
  /// acquire() had no slot in time.
  Count came_away_empty = 0;
  /// submit() gave a ticket, or threw.
  Count submits = 0;
  Count refused_submits = 0;
  Count discards = 0;
  /// Leases that were dropped on purpose.
  Count abandoned = 0;
  /// Submissions whose ticket was dropped unseen.
  Count blind = 0;
  /// Tickets that told of a failure, each counted once.
  Count failures_seen = 0;
  /// Callbacks and coroutines that were to be given to a ticket, and those that ran.
  Count callbacks_due = 0;
  Count callbacks_run = 0;
  /// Those that the ticket didn't take, because the call threw.
  Count callbacks_refused = 0;
  /// Callbacks that were cancelled, and coroutines that were destroyed.
  Count callbacks_cancelled = 0;
  Count coroutines_destroyed = 0;
  /// Objects that a submission keeps alive.
  std::atomic<std::int64_t> kept = 0;
  Count resizes = 0;
  /// Leases that ended without a submission when the ring's end had begun: nobody may have been
  /// told.
  Count late_ends = 0;
  /// How many allocations were made to fail.
  Count failed_allocations = 0;
  /// The statistics were reset, so that totals can't be compared.
  std::atomic<bool> statistics_reset = false;
  std::atomic<bool> lost = false;

  /// Notes what is wrong; the first one counts. For places that must not throw.
  void complain(const std::string& what);
  [[nodiscard]] std::string complaint() const;

 private:
  mutable std::mutex mutex_;
  std::string complaint_;
};

/// An object that a submission keeps alive: counted as long as it lives.
class Kept {
 public:
  explicit Kept(Ledger& ledger, std::shared_ptr<const void> needs = nullptr)
      : ledger_(ledger), needs_(std::move(needs)) {
    ++ledger_.kept;
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() { --ledger_.kept; }

 private:
  Ledger& ledger_;
  std::shared_ptr<const void> needs_;
};

/// Counts a ring's events, and hears those that come when there must be none.
class CountingObserver final : public Observer {
 public:
  /// `dawdles`: gives way to other threads in the middle of an event.
  explicit CountingObserver(bool dawdles = false) : dawdles_(dawdles) {}

  Count acquires = 0;
  Count submits = 0;
  Count completions = 0;
  Count discards = 0;
  Count losses = 0;
  /// Lines of the log, and coroutines for an executor.
  Count others = 0;

  /// Whatever the ring tells, to the observer or otherwise, passes through this.
  void hear(Count& count) noexcept {
    ++under_way_;
    if (silent_) heard_ = true;
    ++count;
    if (dawdles_) std::this_thread::yield();
    --under_way_;
  }
  /// The ring has ended: from now on there must be no event, nor may one be under way.
  void expect_silence() noexcept {
    silent_ = true;
    if (under_way_ != 0) heard_ = true;
  }
  [[nodiscard]] bool heard_in_silence() const noexcept { return heard_; }
  /// Starts anew, for the ring's next life.
  void clear() noexcept {
    for (Count* count : {&acquires, &submits, &completions, &discards, &losses, &others}) {
      *count = 0;
    }
    silent_ = false;
    heard_ = false;
  }

  void on_acquire(const AcquireEvent& /*event*/) noexcept override { hear(acquires); }
  void on_submit(const SubmitEvent& /*event*/) noexcept override { hear(submits); }
  void on_complete(const CompleteEvent& /*event*/) noexcept override { hear(completions); }
  void on_discard(SlotIndex /*slot*/) noexcept override { hear(discards); }
  void on_device_lost() noexcept override { hear(losses); }

 private:
  const bool dawdles_;
  std::atomic<std::uint32_t> under_way_ = 0;
  std::atomic<bool> silent_ = false;
  std::atomic<bool> heard_ = false;
};

/// What doesn't hold of a ring's statistics at any moment; empty if all is well.
[[nodiscard]] std::string broken_equation(const RingStatistics& statistics);

/// What doesn't hold once all threads have ended and all work has: the ring's statistics and leaks
/// against the ledger. Empty if all is well.
[[nodiscard]] std::string difference(const Ledger& ledger, const RingStatistics& statistics,
                                     const std::vector<Leak>& leaks);
/// What doesn't hold of callbacks and coroutines: each runs, is taken back or was never taken.
[[nodiscard]] std::string callback_difference(const Ledger& ledger);
/// The same for what the observer was told, once the ring is gone and all threads have ended.
[[nodiscard]] std::string difference(const Ledger& ledger, const CountingObserver& observer);

}  // namespace cbr::soak
