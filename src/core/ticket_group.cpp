// Waiting for several tickets.
#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <cbr/errors.h>
#include <cbr/ticket.h>

#include "core/ring_core.h"
#include "core/steady_now.h"

namespace cbr {
namespace {

using detail::RingCore;
using detail::Submission;
using detail::TicketAccess;

/// How long a thread waits in one ring before it looks at the next.
constexpr std::chrono::nanoseconds first_slice = std::chrono::microseconds(20);
constexpr std::chrono::nanoseconds longest_slice = std::chrono::milliseconds(1);

void require_tickets(std::span<const Ticket> tickets, const char* function) {
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    if (!tickets[i].valid()) {
      throw InvalidUsage(std::string(function) + ": ticket " + std::to_string(i) + " is empty");
    }
  }
}

/// A thread's wait for the first of several tickets. It belongs to this thread alone: nothing is
/// left with the submissions, and no other thread helps. All memory is on the stack, unless there
/// are tickets of many rings.
class AnyWait {
 public:
  AnyWait(std::span<const Ticket> tickets, Timeout timeout)
      : tickets_(tickets), deadline_(timeout.after(detail::steady_now())) {
    for (const Ticket& ticket : tickets) {
      RingCore& core = *TicketAccess::record(ticket)->core;
      const bool known = rings_.any_of([&](const Ring& ring) { return ring.core == &core; });
      if (!known) rings_.add(core, timeout.after(core.backend().now()));
    }
  }

  std::optional<std::size_t> run() {
    for (std::chrono::nanoseconds slice = first_slice;;
         slice = std::min(2 * slice, longest_slice)) {
      rings_.for_each([this](Ring& ring) { look_for_points(ring); });
      if (const auto index = first_done()) return index;
      if (expired()) return std::nullopt;
      rings_.for_each([](Ring& ring) { ring.wait.pause(); });
      // One wait of one backend covers everything, if it has everything.
      if (rings_.size() == 1 && rings_[0].points_are_complete) {
        const Ring& ring = rings_[0];
        ring.core->wait_for_any(ring.points.get(), ring.deadline);
      } else {
        wait_in_slices(slice);
      }
    }
  }

 private:
  /// The earliest point of each queue of a ring, for that ends first.
  class Points {
   public:
    void clear() { count_ = 0; }
    /// False if there is no room for it.
    bool add(SyncPoint point) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (points_[i].queue != point.queue) continue;
        if (point.serial.value() < points_[i].serial.value()) points_[i] = point;
        return true;
      }
      if (count_ == points_.size()) return false;
      points_[count_++] = point;
      return true;
    }
    [[nodiscard]] std::span<const SyncPoint> get() const { return {points_.data(), count_}; }

   private:
    std::array<SyncPoint, 16> points_;
    std::size_t count_ = 0;
  };
  struct Ring {
    Ring(RingCore& its_core, TimePoint its_deadline)
        : core(&its_core), deadline(its_deadline), wait(its_core.make_wait(no_deadline)) {}

    RingCore* core;
    TimePoint deadline;
    /// Asks for interruptions of its ring's waits.
    detail::ThreadWait wait;
    Points points = {};
    /// Everything that is asked of this ring is in `points`.
    bool points_are_complete = true;
  };
  /// Few rings without an allocation.
  class Rings {
   public:
    void add(RingCore& core, TimePoint deadline) {
      if (count_ < few_.size()) {
        few_[count_].emplace(core, deadline);
      } else {
        more_.push_back(std::make_unique<Ring>(core, deadline));
      }
      ++count_;
    }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] Ring& operator[](std::size_t i) {
      return i < few_.size() ? *few_[i] : *more_[i - few_.size()];
    }
    template <typename Function>
    void for_each(const Function& function) {
      for (std::size_t i = 0; i < count_; ++i) function((*this)[i]);
    }
    template <typename Predicate>
    [[nodiscard]] bool any_of(const Predicate& predicate) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (predicate((*this)[i])) return true;
      }
      return false;
    }

   private:
    std::array<std::optional<Ring>, 4> few_;
    std::vector<std::unique_ptr<Ring>> more_;
    std::size_t count_ = 0;
  };

  /// Has a ring notice what has ended, and finds out what is still to be waited for.
  void look_for_points(Ring& ring) {
    ring.points.clear();
    ring.points_are_complete = true;
    bool any_left = false;
    for (const Ticket& ticket : tickets_) {
      const Submission& submission = *TicketAccess::record(ticket);
      if (submission.core != ring.core) continue;
      if (submission.done.load(std::memory_order_acquire)) continue;
      any_left = true;
      const Serial serial(submission.serial.load(std::memory_order_acquire));
      const bool added = serial.value() != 0 && ring.points.add({submission.queue, serial});
      ring.points_are_complete = ring.points_are_complete && added;
    }
    // A forked child may ask what had ended, and no more.
    if (any_left && !ring.core->collect(ring.points.get())) {
      // A wait in the backend would return at once, again and again.
      ring.points.clear();
      ring.points_are_complete = false;
    }
  }

  /// By the clock of each ring; or by the time that passes, where a virtual clock stands still.
  [[nodiscard]] bool expired() {
    if (deadline_ == no_deadline) return false;
    return detail::steady_now() >= deadline_ || !rings_.any_of([](const Ring& ring) {
      return ring.deadline != no_wait && ring.core->backend().now() < ring.deadline;
    });
  }

  /// The lowest index of those that have ended.
  [[nodiscard]] std::optional<std::size_t> first_done() const {
    const auto found = std::find_if(tickets_.begin(), tickets_.end(), [](const Ticket& ticket) {
      return TicketAccess::record(ticket)->done.load(std::memory_order_acquire);
    });
    if (found == tickets_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - tickets_.begin());
  }

  /// A while in each ring. No backend can wait for another's work, nor for what a sequence holds
  /// back.
  void wait_in_slices(std::chrono::nanoseconds slice) {
    for (std::size_t i = 0; i < rings_.size(); ++i) {
      const Ring& ring = rings_[i];
      const TimePoint start = detail::steady_now();
      if (!ring.points.get().empty()) {
        const TimePoint end = Timeout(slice).after(ring.core->backend().now());
        if (ring.core->wait_for_any(ring.points.get(), std::min(end, ring.deadline))) return;
      }
      // Where the clock is virtual, or there is nothing to wait for in the backend.
      std::this_thread::sleep_until(start + slice);
    }
  }

  const std::span<const Ticket> tickets_;
  /// By the steady clock.
  const TimePoint deadline_;
  Rings rings_;
};

}  // namespace

std::size_t wait_any(std::span<const Ticket> tickets) {
  return *wait_any_for(tickets, Timeout());
}

std::optional<std::size_t> wait_any_for(std::span<const Ticket> tickets, Timeout timeout) {
  require_tickets(tickets, "wait_any");
  if (tickets.empty()) throw InvalidUsage("wait_any: no tickets");
  return AnyWait(tickets, timeout).run();
}

void wait_all(std::span<const Ticket> tickets) {
  (void)wait_all_for(tickets, Timeout());
}

bool wait_all_for(std::span<const Ticket> tickets, Timeout timeout) {
  require_tickets(tickets, "wait_all");
  // By the clock of each ring; a simulated one has its own.
  std::vector<TimePoint> deadlines;
  deadlines.reserve(tickets.size());
  for (const Ticket& ticket : tickets) {
    deadlines.push_back(timeout.after(TicketAccess::record(ticket)->core->backend().now()));
  }
  std::exception_ptr failure;
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    try {
      if (!tickets[i].wait_until(deadlines[i])) return false;
    } catch (...) {
      // It is the wait that failed, and not the work: that says nothing of the others.
      const Submission& submission = *TicketAccess::record(tickets[i]);
      if (!submission.done.load(std::memory_order_acquire)) throw;
      if (failure == nullptr) failure = std::current_exception();
    }
  }
  if (failure != nullptr) std::rethrow_exception(failure);
  return true;
}

}  // namespace cbr
