#include "soak/round.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/validation.h>

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

/// A backend with its faults, and the account of what a ring did on it. Outlives the ring's use.
class Life {
 public:
  Life(Target& target, Random& random) {
    const bool may_lose_device = random.one_in(4);
    workplace_ = target.make(random, may_lose_device);
    backend_ = workplace_->backend();
    if (may_lose_device || random.one_in(2)) {
      injector_ = inject_faults(backend_, {.seed = random.next(),
                                           .begin = 0.005,
                                           .submit = 0.01,
                                           .execution = 0.02,
                                           .hang = 0.005,
                                           .device_loss = may_lose_device ? 0.003 : 0});
      backend_ = injector_;
    }
    if (random.one_in(4)) {
      backend_ = validate(backend_, [this](std::string_view line) {
        ledger_.complain(fmt::format("backend contract broken: {}", line));
      });
    }
    releaser_ = std::jthread([this](const std::stop_token& stop) { release_hangs(stop); });
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;
  ~Life() = default;

  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] Workplace& workplace() { return *workplace_; }
  [[nodiscard]] const std::shared_ptr<Backend>& backend() const { return backend_; }

 private:
  /// Hung work is let go of a little later, whoever waits for it.
  void release_hangs(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      stopped.wait_for(lock, stop, 1ms, [] { return false; });
      if (injector_ != nullptr) injector_->release();
      workplace_->release();
    }
  }

  Ledger ledger_;
  std::unique_ptr<Workplace> workplace_;
  std::shared_ptr<FaultInjector> injector_;
  std::shared_ptr<Backend> backend_;
  std::jthread releaser_;
};

class Round {
 public:
  Round(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat)
      : random_(seed), target_(target), totals_(totals), heartbeat_(heartbeat) {}

  void run() {
    auto life = begin();
    for (int resets = 0; resets < 3; ++resets) {
      work(*life);
      check(*life);
      if (!random_.one_in(life->ledger().lost ? 2 : 8)) break;
      std::unique_ptr<Life> next;
      end(*life, [&] { next = reset(); });
      life = std::move(next);
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
      if (may_fail(
              [&] { ring_.emplace(life->backend(), options(life->backend()->queue_count())); })) {
        return life;
      }
    }
  }

  /// The same for another life of the ring.
  std::unique_ptr<Life> reset() {
    for (;;) {
      auto life = std::make_unique<Life>(target_, random_);
      // A ring needs a slot for each queue.
      if (life->backend()->queue_count() > ring_->ring_size()) continue;
      if (!may_fail([&] { ring_->reset(life->backend()); })) continue;
      ++totals_.resets;
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

  RingOptions options(std::uint32_t queue_count) {
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
    options.name = "soak";
    options.log_sink = [](const LogMessage&) {};
    if (random_.one_in(2)) {
      options.executor = [](std::coroutine_handle<> coroutine) { coroutine.resume(); };
    }
    options.observer = observer_;
    may_reset_statistics_ = random_.one_in(8);
    return options;
  }

  void work(Life& life) {
    shop_.emplace(Shop{.ring = *ring_,
                       .workplace = life.workplace(),
                       .ledger = life.ledger(),
                       .heartbeat = heartbeat_,
                       .least_size = std::max(least_size_, ring_->queue_count()),
                       .largest_size = largest_size_,
                       .may_reset_statistics = may_reset_statistics_});
    std::vector<std::jthread> threads;
    for (std::uint32_t i = random_.between(2, 5); i > 0; --i) {
      threads.emplace_back([this, seed = random_.next(), count = target_.operations()] {
        Worker(*shop_, seed).run(count);
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
      try {
        ring_->drain();
        if (ledger.lost) throw Inconsistency("drain() goes on after the device was lost");
      } catch (const DeviceLost&) {
        ledger.lost = true;
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

  /// Ends the ring's time on this backend by `call`, now and then with a lease and a submission
  /// left.
  template <typename Call>
  void end(Life& life, const Call& call) {
    Ledger& ledger = life.ledger();
    std::optional<Lease> lease;
    std::optional<Ticket> ticket;
    if (random_.one_in(2) && !ledger.lost) leave_behind(life, lease, ticket);
    call();
    if (ticket && !ticket->done()) throw Inconsistency("work goes on after the end of its ring");
    if (lease) {
      try {
        (void)std::move(*lease).submit();
        throw Inconsistency("a lease was submitted after the end of its ring");
      } catch (const Error&) {
        ++ledger.refused_submits;
      }
    }
    require(ledger.complaint());
    require(difference(ledger, *observer_));
    observer_->clear();

    totals_.submissions += ledger.submits;
    totals_.failures += ledger.failed_begins + ledger.refused_submits + ledger.failures_seen;
    totals_.callbacks += ledger.callbacks_run;
    totals_.timeouts += ledger.came_away_empty;
    totals_.resizes += ledger.resizes;
    totals_.abandoned += ledger.abandoned;
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
  const std::shared_ptr<CountingObserver> observer_ = std::make_shared<CountingObserver>();
  std::uint32_t least_size_ = 1;
  std::uint32_t largest_size_ = 1;
  bool may_reset_statistics_ = false;
  std::optional<Shop> shop_;
  std::optional<CommandBufferRing> ring_;
};

}  // namespace

void run_round(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat) {
  Round(seed, target, totals, heartbeat).run();
}

}  // namespace cbr::soak
