#include "scheduling/scenario.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "core/ring_context.h"
#include "core/sync.h"
#include "scheduling/scheduler.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using cbr::Fault;

void require(bool holds, const std::string& promise) {
  if (!holds) throw std::logic_error("broken: " + promise);
}

/// A submission that was accepted, and what the test learned of it.
struct Accepted {
  Ticket ticket;
  /// The number of its place in its thread's sequence; 0 without one.
  std::uint64_t place = 0;
  int sequence = -1;
};

class Scenario {
 public:
  Scenario(std::uint64_t seed, Coverage& coverage)
      : random_(seed * 2654435761U + 1), coverage_(coverage), coalesces_(seed % 2 == 0) {
    detail::gathers_regardless = true;
  }

  void run() {
    gpu_ = simulated::make_gpu(1 + pick(2));
    RingOptions options;
    options.ring_size = std::max(gpu_->queue_count(), 1 + pick(4));
    options.allocation_strategy = static_cast<AllocationStrategy>(pick(3));
    spins_ = pick(8) == 0;
    options.wait_strategy = spins_ ? WaitStrategy::spin : WaitStrategy::block;
    options.ageing_limit = pick(3);
    options.coalescing = coalesces_;
    // A thread that the scheduler doesn't know.
    options.hang_warning_ms = 0;
    options.log_sink = [](const LogMessage&) {};
    largest_size_ = options.ring_size;
    ring_.emplace(gpu_, options);

    std::vector<detail::Thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) threads.emplace_back([this] { work(); });
    // Ends hangs, once nobody can go on without.
    while (running_ > 0 && Scheduler::current()->wait_for_idle()) {
      if (running_ > 0) gpu_->release();
      if (++releases_ > 1000) throw ScheduleError("deadlock: released hangs don't help");
    }
    for (auto& thread : threads) thread.join();
    finish();
  }

 private:
  std::uint32_t pick(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  void work() {
    const std::uint32_t operations = 2 + pick(3);
    std::optional<Sequence> sequence;
    try {
      for (std::uint32_t i = 0; i < operations; ++i) step(sequence);
    } catch (const DeviceLost&) {
      // The end of this ring, as was asked for.
    }
    --running_;
  }

  void step(std::optional<Sequence>& sequence) {
    switch (pick(13)) {
      case 0:
        ring_->drain();
        return;
      case 1:
        resize();
        return;
      case 2:
        in_sequence(sequence);
        return;
      case 3: {
        const auto statistics = ring_->statistics();
        require(statistics.submissions ==
                    statistics.completions + statistics.failures + statistics.in_flight,
                "submissions = completions + failures + in flight");
        require(statistics.total_acquisitions == statistics.total_releases + statistics.leased,
                "acquisitions = releases + leased");
        return;
      }
      case 4:
        if (!accepted_.empty()) wait_for_some();
        return;
      case 5:
        ask();
        return;
      default:
        if (auto lease = acquire()) use(std::move(*lease), -1, 0);
    }
  }

  AcquireOptions request() {
    AcquireOptions options;
    options.priority = Priority{pick(3)};
    if (gpu_->queue_count() > 1 && pick(4) == 0) options.queue = QueueIndex{pick(2)};
    return options;
  }

  std::optional<Lease> acquire() {
    if (pick(16) == 0) gpu_->fail_next_begin();
    AcquireOptions options = request();
    try {
      switch (pick(4)) {
        case 0:
          return hold(ring_->try_acquire(options));
        case 1:
          options.timeout = 20us;
          return hold(ring_->try_acquire(options));
        case 2:
          options.timeout = 30us;
          return hold(ring_->acquire(options));
        default:
          return hold(ring_->acquire(options));
      }
    } catch (const AcquireTimeout&) {
      ++coverage_.timeouts;
    } catch (const DeviceLost&) {
      throw;
    } catch (const BackendError&) {
      ++coverage_.failed_begins;
    }
    return std::nullopt;
  }

  struct Answer {
    bool come = false;
    std::exception_ptr failure;
    detail::ConditionVariable changed;
  };

  /// Asks for a slot that the acquire thread uses, and takes that back, or waits for it to be over.
  void ask() {
    AcquireOptions options = request();
    if (pick(2) == 0) options.timeout = 20us;
    if (pick(16) == 0) gpu_->fail_next_begin();
    auto answer = std::make_shared<detail::Guarded<Answer>>();
    AcquireHandle handle = ring_->acquire_async(options, [this, answer](AcquireResult result) {
      std::exception_ptr failure = result.failure();
      try {
        if (failure == nullptr) use(*hold(std::move(result).lease()), -1, 0);
      } catch (...) {
        failure = std::current_exception();
      }
      const detail::Access<Answer> access(*answer);
      access->come = true;
      access->failure = failure;
      access->changed.notify_one();
    });
    if (pick(2) == 0 && handle.cancel()) {
      ++coverage_.taken_back;
      return;
    }
    std::exception_ptr failure;
    {
      detail::Access<Answer> access(*answer);
      while (!access->come) access.wait(access->changed);
      failure = access->failure;
    }
    try {
      if (failure != nullptr) std::rethrow_exception(failure);
      ++coverage_.answered;
    } catch (const AcquireTimeout&) {
      ++coverage_.timeouts;
    } catch (const DeviceLost&) {
      throw;
    } catch (const BackendError&) {
      ++coverage_.failed_begins;
    }
  }

  /// Notes that this thread has the slot, and that nobody else has.
  std::optional<Lease> hold(std::optional<Lease> lease) {
    if (!lease) return lease;
    bool& held = held_[to_number(lease->slot())];
    if (held) {
      lease->discard();
      require(false, "no slot is held twice");
    }
    held = true;
    require(to_number(lease->slot()) < largest_size_, "no slot beyond the ring's size");
    return lease;
  }

  void use(Lease lease, int sequence, std::uint64_t place) {
    simulated::Plan plan;
    plan.encode = std::chrono::microseconds(pick(3));
    plan.execute = std::chrono::microseconds(pick(20));
    plan.completion = std::chrono::microseconds(pick(3));
    switch (pick(40)) {
      case 0:
      case 1:
        plan.fault = Fault::fail_submit;
        break;
      case 2:
      case 3:
        plan.fault = Fault::fail_execution;
        break;
      case 4:
        plan.fault = Fault::lose_device;
        break;
      case 5:
      case 6:
        // A thread that spins never lets the others be idle, which is when hangs are ended.
        if (!spins_) plan.fault = Fault::hang;
        break;
      default:
        break;
    }
    simulated::record(lease, plan);
    if (pick(8) == 0) {
      // Before the slot can be another's.
      held_[to_number(lease.slot())] = false;
      lease.discard();
      return;
    }
    if (pick(4) == 0) {
      ++kept_;
      lease.keep_alive(std::shared_ptr<const int>(new int, [this](const int* object) {
        ++released_;
        delete object;
      }));
    }
    held_[to_number(lease.slot())] = false;
    try {
      Ticket ticket = std::move(lease).submit();
      if (ticket.serial().value() == 0) ++coverage_.held_back;
      const bool callback = pick(4) == 0;
      accepted_.push_back({ticket, place, sequence});
      if (callback) {
        ++callbacks_wanted_;
        ticket.on_complete([this](const Ticket& ended) {
          require(ended.done(), "a callback's ticket is done");
          ++callbacks_run_;
        });
      }
      // A part that waits for one that this thread has yet to submit would wait for ever.
      if (place <= 1 && pick(4) == 0) wait_for(ticket);
    } catch (const SubmitFailed&) {
      ++coverage_.failed_submits;
    }
  }

  void in_sequence(std::optional<Sequence>& sequence) {
    sequence.emplace(ring_->sequence());
    const int number = next_sequence_++;
    const std::uint32_t parts = 1 + pick(std::min(2U, ring_->ring_size() / ring_->queue_count()));
    std::vector<Lease> leases;
    try {
      for (std::uint32_t i = 0; i < parts; ++i) {
        AcquireOptions options;
        // Two threads with a part each may want a second of the other: only time helps there.
        if (i > 0) options.timeout = 10us;
        auto lease = hold(sequence->acquire(options));
        leases.push_back(std::move(*lease));
      }
    } catch (const AcquireTimeout&) {
      ++coverage_.timeouts;
    } catch (const DeviceLost&) {
      for (Lease& lease : leases) lease.discard();
      throw;
    } catch (const BackendError&) {
      ++coverage_.failed_begins;
    }
    // From the last to the first: all but the first are held back.
    std::exception_ptr failure;
    while (!leases.empty()) {
      const std::uint64_t place = leases.size();
      Lease lease = std::move(leases.back());
      leases.pop_back();
      try {
        use(std::move(lease), number, place);
      } catch (...) {
        failure = std::current_exception();
      }
    }
    if (failure != nullptr) std::rethrow_exception(failure);
  }

  /// A copy: other threads add to the list that it may come from.
  // NOLINTNEXTLINE(performance-unnecessary-value-param)
  void wait_for(Ticket ticket) {
    try {
      if (pick(2) == 0) {
        ticket.wait();
        require(ticket.done(), "a ticket is done after a wait");
      } else if (!ticket.wait_for(10us)) {
        ++coverage_.timeouts;
      }
    } catch (const ExecutionFailed&) {
      ++coverage_.failed_executions;
    } catch (const SubmitFailed&) {
      // It was held back, and refused in its turn.
      ++coverage_.failed_submits;
    }
  }

  static void wait_for_end(const Ticket& ticket) {
    try {
      ticket.wait();
    } catch (const Error&) {
      return;
    }
  }

  void wait_for_some() {
    if (pick(2) == 0) {
      wait_for(accepted_[pick(static_cast<std::uint32_t>(accepted_.size()))].ticket);
      return;
    }
    const std::array<Ticket, 2> two{accepted_.front().ticket, accepted_.back().ticket};
    // For held work it looks now and then, by the time that passes: no schedule could be replayed.
    for (const Ticket& ticket : two) {
      if (ticket.serial().value() == 0) return;
    }
    (void)wait_any_for(two, 10us);
  }

  void resize() {
    const std::uint32_t size = std::max(gpu_->queue_count(), 1 + pick(4));
    largest_size_ = std::max(largest_size_, size);
    ring_->set_ring_size(size);
    ++coverage_.resizes;
  }

  void finish() {
    const auto statistics_at = [this] { return ring_->statistics(); };
    gpu_->release();
    try {
      ring_->drain();
      // Nothing is lost: every slot can be had at once.
      const std::uint32_t size = ring_->ring_size();
      std::vector<Lease> all;
      for (std::uint32_t i = 0; i < size; ++i) {
        auto lease = try_all_levels();
        require(lease.has_value(), "no slot leaks");
        all.push_back(std::move(*lease));
      }
      for (Lease& lease : all) lease.discard();
    } catch (const DeviceLost&) {
      ++coverage_.lost_devices;
      // The completion thread may still be reading an outcome, which it tells in a moment.
      for (const Accepted& accepted : accepted_) wait_for_end(accepted.ticket);
    }
    const auto statistics = statistics_at();
    require(statistics.in_flight == 0 && statistics.leased == 0, "nothing is left in flight");
    require(statistics.submissions == accepted_.size(), "every accepted submission counts once");
    require(statistics.completions + statistics.failures == accepted_.size(),
            "every submission ends once");
    coverage_.submissions += statistics.submissions;
    coverage_.waits += statistics.wait_events;
    check_tickets();
    ring_.reset();
    require(callbacks_run_ == callbacks_wanted_, "every callback runs once");
    require(released_ == kept_, "every kept object is let go once");
    coverage_.callbacks += callbacks_run_;
  }

  std::optional<Lease> try_all_levels() {
    try {
      return ring_->try_acquire();
    } catch (const DeviceLost&) {
      throw;
    } catch (const BackendError&) {
      // A failure that was asked for and that no acquire had met yet.
      return ring_->try_acquire();
    }
  }

  void check_tickets() {
    std::map<std::pair<std::uint32_t, std::uint64_t>, GpuInterval> by_serial;
    std::map<std::pair<int, std::uint64_t>, std::uint64_t> serial_by_place;
    for (const Accepted& accepted : accepted_) {
      const Ticket& ticket = accepted.ticket;
      require(ticket.done(), "every ticket is resolved");
      (void)ticket.error();
      const std::uint64_t serial = ticket.serial().value();
      if (serial == 0) continue;
      const auto interval = ticket.gpu_interval();
      if (interval) {
        const bool fresh =
            by_serial.emplace(std::pair(to_number(ticket.queue()), serial), *interval).second;
        require(fresh, "a queue gives out no serial twice");
      }
      if (accepted.sequence >= 0) {
        serial_by_place[{accepted.sequence, accepted.place}] = serial;
      }
    }
    // Maps are in order: of serials within a queue, of places within a sequence.
    const auto* previous = static_cast<const decltype(by_serial)::value_type*>(nullptr);
    for (const auto& entry : by_serial) {
      if (previous != nullptr && previous->first.first == entry.first.first) {
        require(previous->second.start <= entry.second.start, "serial order is execution order");
      }
      previous = &entry;
    }
    const auto* before = static_cast<const decltype(serial_by_place)::value_type*>(nullptr);
    for (const auto& entry : serial_by_place) {
      if (before != nullptr && before->first.first == entry.first.first) {
        require(before->second < entry.second, "a sequence runs in the order of its acquisitions");
      }
      before = &entry;
    }
  }

  std::mt19937_64 random_;
  Coverage& coverage_;
  const bool coalesces_;
  std::shared_ptr<simulated::Gpu> gpu_;
  std::optional<CommandBufferRing> ring_;
  std::array<bool, 8> held_{};
  std::vector<Accepted> accepted_;
  bool spins_ = false;
  std::uint32_t largest_size_ = 0;
  int running_ = 4;
  int releases_ = 0;
  int next_sequence_ = 0;
  std::uint64_t callbacks_wanted_ = 0;
  std::uint64_t callbacks_run_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t released_ = 0;
};

}  // namespace

void run_scenario(std::uint64_t seed, Coverage& coverage) {
  Scheduler scheduler(seed);
  // On the heap: a schedule that fails leaves threads behind in the middle of it.
  auto scenario = std::make_unique<Scenario>(seed, coverage);
  try {
    scheduler.run([&scenario] { scenario->run(); });
  } catch (...) {
    (void)scenario.release();
    throw;
  }
  ++coverage.schedules;
  coverage.steps += scheduler.steps();
}

}  // namespace cbr::test
