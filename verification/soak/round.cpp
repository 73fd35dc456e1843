#include "soak/round.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "soak/graph_round.h"
#include "soak/heir.h"
#include "soak/life.h"
#include "soak/random.h"
#include "soak/worker.h"

namespace cbr::soak {
namespace {

using namespace std::chrono_literals;

/// How long what is still under way may take to come right, on a machine that is busy.
constexpr auto patience = 30s;

void require(const std::string& difference) {
  if (!difference.empty()) throw Inconsistency(difference);
}

class Round {
 public:
  Round(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat)
      : random_(seed),
        target_(target),
        totals_(totals),
        heartbeat_(heartbeat),
        observer_(std::make_shared<CountingObserver>(random_.one_in(2))),
        inbox_(std::make_shared<Inbox>(observer_)) {}

  void run() {
    auto life = begin();
    open_shop(*life);
    for (int resets = 0; resets < 3; ++resets) {
      work();
      check(*life);
      if (!random_.one_in(life->ledger().lost ? 2 : 8)) break;
      std::unique_ptr<Life> next;
      end(*life, [&] { next = reset(); });
      life = std::move(next);
      open_shop(*life);
    }
    end(*life, [&] { ring_.reset(); });
    ++totals_.rounds;
  }

 private:
  /// Makes the ring, on a backend on which that succeeds: WaitStrategy::hybrid submits some work
  /// already, which may fail as any other.
  std::unique_ptr<Life> begin() {
    for (;;) {
      auto life = std::make_unique<Life>(target_, random_);
      options_ = choose_options(life->backend()->queue_count());
      if (may_fail([&] { ring_.emplace(life->backend(), options_); })) return life;
    }
  }

  /// The same for another life of the ring.
  std::unique_ptr<Life> reset() {
    for (;;) {
      auto life = std::make_unique<Life>(target_, random_);
      // A ring needs a slot for each queue.
      if (life->backend()->queue_count() > ring_->ring_size()) continue;
      const bool by_assignment = random_.one_in(4);
      options_.ring_size = ring_->ring_size();
      if (!may_fail([&] {
            if (by_assignment) {
              *ring_ = CommandBufferRing(life->backend(), options_);
            } else {
              ring_->reset(life->backend());
            }
          })) {
        continue;
      }
      ++(by_assignment ? totals_.moves : totals_.resets);
      return life;
    }
  }

  /// False if an injected fault got in the way.
  template <typename Call>
  bool may_fail(const Call& call) {
    try {
      call();
      return true;
    } catch (const DeviceLost&) {
      ++totals_.failures;
    } catch (const BackendError&) {
      ++totals_.failures;
    }
    return false;
  }

  RingOptions choose_options(std::uint32_t queue_count) {
    RingOptions options;
    least_size_ = queue_count;
    options.allocation_strategy = static_cast<AllocationStrategy>(random_.pick(3));
    if (options.allocation_strategy == AllocationStrategy::priority && random_.one_in(2)) {
      const bool for_all = random_.one_in(2);
      options.reserved_slots = {1, for_all ? 1U : 0U, for_all ? 1U : 0U};
      least_size_ = std::max(least_size_, for_all ? 3U : 2U);
    }
    largest_size_ = least_size_ + 4;
    options.ring_size = random_.between(least_size_, largest_size_);
    if (random_.one_in(4)) options.timeout = std::chrono::milliseconds(20);
    options.ageing_limit = random_.pick(4);
    options.wait_strategy = static_cast<WaitStrategy>(random_.pick(3));
    if (random_.one_in(2)) options.spin_limit = std::chrono::microseconds(random_.pick(50));
    constexpr std::uint64_t warnings[] = {0, 1, 5000};
    options.hang_warning_ms = warnings[random_.pick(3)];
    options.log_wait_events = random_.one_in(8);
    options.coalescing = random_.one_in(2);
    options.name = "soak";
    options.log_sink = [observer = observer_](const LogMessage&) {
      observer->hear(observer->others);
    };
    switch (random_.pick(3)) {
      case 0:
        options.executor = [](std::coroutine_handle<> coroutine) { coroutine.resume(); };
        break;
      case 1:
        options.executor = executor_to(inbox_);
        break;
      default:
        break;
    }
    options.observer = observer_;
    may_reset_statistics_ = random_.one_in(8);
    return options;
  }

  /// What the threads of this life work with.
  void open_shop(Life& life) {
    shop_ = std::make_unique<Shop>(life.workplace(), life.ledger(), inbox_, heartbeat_,
                                   life.may_lose_device(), life.calls_fail(),
                                   life.allocations_fail_one_in());
    scope_ = {.least_size = std::max(least_size_, ring_->queue_count()),
              .largest_size = largest_size_,
              .may_reset_statistics = may_reset_statistics_};
  }

  void work() {
    std::vector<std::jthread> threads;
    for (std::uint32_t i = random_.between(2, 5); i > 0; --i) {
      threads.emplace_back([this, seed = random_.next(), count = target_.operations()] {
        Worker(*ring_, scope_, *shop_, seed).run(count);
      });
    }
  }

  /// Once all threads have ended: waits for what they left behind, and compares.
  void check(Life& life) {
    Ledger& ledger = life.ledger();
    const auto give_up = std::chrono::steady_clock::now() + patience;
    std::string wrong;
    do {
      std::this_thread::yield();
      inbox_->resume_all();
      try {
        ring_->drain();
        if (ledger.lost) throw Inconsistency("drain() goes on after the device was lost");
      } catch (const DeviceLost&) {
        ledger.lost = true;
      } catch (const BackendError&) {
        if (!life.calls_fail()) throw;
      }
      require(ledger.complaint());
      wrong = difference(ledger, ring_->statistics(), ring_->leaked());
    } while (!wrong.empty() && std::chrono::steady_clock::now() < give_up);
    require(wrong);
    if (!ledger.lost) return;
    try {
      (void)ring_->try_acquire();
      throw Inconsistency("try_acquire() goes on after the device was lost");
    } catch (const DeviceLost&) {
      ++totals_.lost_devices;
    }
  }

  /// Ends the ring's time on this backend by `call`, mostly with something left of it.
  template <typename Call>
  void end(Life& life, const Call& call) {
    Ledger& ledger = life.ledger();
    if (ledger.lost || random_.one_in(4)) {
      call();
      observer_->expect_silence();
    } else if (random_.one_in(3)) {
      end_quietly(life, call);
    } else {
      end_contested(call);
    }
    require(ledger.complaint());
    if (life.in_use()) throw Inconsistency("something of the ring is left after its end");
    if (ledger.kept != 0) throw Inconsistency("an object is kept after the end of its ring");
    require(callback_difference(ledger));
    // A loss that no ticket tells of.
    if (observer_->losses != 0) ledger.lost = true;
    require(difference(ledger, *observer_));
    observer_->clear();
    count(life);
  }

  /// With a lease and a submission left.
  template <typename Call>
  void end_quietly(Life& life, const Call& call) {
    Ledger& ledger = life.ledger();
    std::optional<Lease> lease;
    std::optional<Ticket> ticket;
    leave_behind(life, lease, ticket);
    call();
    observer_->expect_silence();
    if (ticket && !ticket->done()) throw Inconsistency("work goes on after the end of its ring");
    if (lease) {
      try {
        (void)std::move(*lease).submit();
        throw Inconsistency("a lease was submitted after the end of its ring");
      } catch (const Error&) {
        ++ledger.refused_submits;
        ++ledger.late_ends;
      }
    }
  }

  /// While other threads work what is left: leases, tickets, a sequence, callbacks, coroutines.
  template <typename Call>
  void end_contested(const Call& call) {
    const Neighbour neighbour;
    std::vector<std::unique_ptr<Heir>> heirs;
    for (std::uint32_t i = random_.between(1, 4); i > 0; --i) {
      heirs.push_back(std::make_unique<Heir>(*ring_, neighbour, *shop_, random_.next()));
    }
    std::vector<std::jthread> threads;
    for (const auto& heir : heirs) threads.emplace_back([&heir = *heir] { heir.run(); });
    struct Ending {
      explicit Ending(Shop& its_shop) : shop(its_shop) {}
      Ending(const Ending&) = delete;
      Ending& operator=(const Ending&) = delete;
      // They wait for it, whatever happens here.
      ~Ending() {
        shop.ended = true;
        shop.ended.notify_all();
      }
      Shop& shop;
    };
    {
      const Ending ending(*shop_);
      disturb();
      shop_->ending = true;
      call();
      observer_->expect_silence();
    }
    threads.clear();
    inbox_->resume_all();
    ++totals_.contested_ends;
  }

  /// What may happen to the ring while its leases and tickets are worked.
  void disturb() {
    if (random_.one_in(2)) {
      CommandBufferRing elsewhere(std::move(*ring_));
      // NOLINTNEXTLINE(bugprone-use-after-move): that is the question.
      if (ring_->valid()) throw Inconsistency("a ring is valid that was moved from");
      *ring_ = std::move(elsewhere);
      ++totals_.moves;
    }
    if (random_.one_in(2)) {
      const std::uint32_t size = random_.between(scope_.least_size, scope_.largest_size);
      if (may_fail([&] { ring_->set_ring_size(size); })) ++totals_.resizes;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random_.pick(300)));
  }

  void count(Life& life) {
    const Ledger& ledger = life.ledger();
    totals_.submissions += ledger.submits;
    totals_.failures += ledger.failed_begins + ledger.refused_submits + ledger.failures_seen;
    totals_.callbacks += ledger.callbacks_run;
    totals_.timeouts += ledger.came_away_empty;
    totals_.resizes += ledger.resizes;
    totals_.abandoned += ledger.abandoned;
    totals_.cancelled_callbacks += ledger.callbacks_cancelled;
    totals_.destroyed_coroutines += ledger.coroutines_destroyed;
    totals_.failed_allocations += ledger.failed_allocations;
    totals_.failed_calls += life.failed_calls();
  }

  void leave_behind(Life& life, std::optional<Lease>& lease, std::optional<Ticket>& ticket) {
    Ledger& ledger = life.ledger();
    try {
      lease = ring_->try_acquire();
      if (!lease) return;
      ++ledger.leases;
      std::optional<Lease> other = ring_->try_acquire();
      if (!other) return;
      ++ledger.leases;
      const RecordedWork work = life.workplace().record(*other, random_);
      if (work.needs != nullptr) other->keep_alive(work.needs);
      ++ledger.refused_submits;
      ticket = std::move(*other).submit();
      --ledger.refused_submits;
      ++ledger.submits;
    } catch (const DeviceLost&) {
      ledger.lost = true;
      ++totals_.lost_devices;
    } catch (const BackendError&) {
      // What wasn't left behind doesn't matter.
      return;
    }
  }

  Random random_;
  Target& target_;
  Totals& totals_;
  Count& heartbeat_;
  const std::shared_ptr<CountingObserver> observer_;
  const std::shared_ptr<Inbox> inbox_;
  RingOptions options_;
  Scope scope_{};
  std::uint32_t least_size_ = 1;
  std::uint32_t largest_size_ = 1;
  bool may_reset_statistics_ = false;
  std::unique_ptr<Shop> shop_;
  std::optional<CommandBufferRing> ring_;
};

}  // namespace

void run_round(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat) {
  if (seed % 4 == 0) {
    run_graph_round(seed, target, totals, heartbeat);
  } else {
    Round(seed, target, totals, heartbeat).run();
  }
}

}  // namespace cbr::soak
