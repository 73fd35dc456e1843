// Waiting for several tickets.
#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include <cbr/errors.h>
#include <cbr/ticket.h>

#include "core/ring_core.h"

namespace cbr {
namespace {

/// Where tickets of several rings meet: the first to end leaves its index.
class FirstEnded {
 public:
  void ended(std::size_t index) {
    {
      const detail::LockGuard lock(mutex_);
      if (!index_) index_ = index;
    }
    changed_.notify_one();
  }
  /// `check` is RingOptions::interrupt_check, and may be null.
  std::optional<std::size_t> wait_until(TimePoint deadline, const std::function<void()>& check) {
    detail::UniqueLock lock(mutex_);
    while (!index_) {
      const TimePoint until =
          check == nullptr ? deadline
                           : std::min(deadline, Clock::now() + std::chrono::milliseconds(50));
      if (until == no_deadline) {
        changed_.wait(lock);
      } else if (changed_.wait_until(lock, until) == std::cv_status::timeout) {
        if (until == deadline) break;
        lock.unlock();
        check();
        lock.lock();
      }
    }
    return index_;
  }

 private:
  detail::Mutex mutex_;
  detail::ConditionVariable changed_;
  std::optional<std::size_t> index_;
};

void require_tickets(std::span<const Ticket> tickets, const char* function) {
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    if (!tickets[i].valid()) {
      throw InvalidUsage(std::string(function) + ": ticket " + std::to_string(i) + " is empty");
    }
  }
}

std::optional<std::size_t> first_done(std::span<const Ticket> tickets) {
  const auto found = std::find_if(tickets.begin(), tickets.end(),
                                  [](const Ticket& ticket) { return ticket.done(); });
  if (found == tickets.end()) return std::nullopt;
  return static_cast<std::size_t>(found - tickets.begin());
}

}  // namespace

std::size_t wait_any(std::span<const Ticket> tickets) {
  return *wait_any_for(tickets, std::chrono::nanoseconds::max());
}

std::optional<std::size_t> wait_any_for(std::span<const Ticket> tickets,
                                        std::chrono::nanoseconds timeout) {
  require_tickets(tickets, "wait_any");
  if (tickets.empty()) throw InvalidUsage("wait_any: no tickets");
  if (const auto index = first_done(tickets)) return index;

  detail::RingCore& core = *tickets.front().core_;
  const bool in_one_wait = std::all_of(tickets.begin(), tickets.end(), [&](const Ticket& ticket) {
    return ticket.core_.get() == &core && ticket.serial().value() != 0;
  });
  if (in_one_wait) {
    std::vector<const detail::Submission*> submissions;
    submissions.reserve(tickets.size());
    for (const Ticket& ticket : tickets) submissions.push_back(ticket.submission_);
    return core.wait_any(submissions, core.deadline_after(timeout));
  }

  // No backend can wait for another's work, nor for what the driver has not got yet.
  const auto first = std::make_shared<FirstEnded>();
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    tickets[i].on_complete([first, i](const Ticket&) { first->ended(i); });
  }
  const TimePoint now = Clock::now();
  const TimePoint deadline = timeout >= no_deadline - now ? no_deadline : now + timeout;
  if (!first->wait_until(deadline, core.options().interrupt_check)) return std::nullopt;
  return first_done(tickets);
}

void wait_all(std::span<const Ticket> tickets) {
  (void)wait_all_for(tickets, std::chrono::nanoseconds::max());
}

bool wait_all_for(std::span<const Ticket> tickets, std::chrono::nanoseconds timeout) {
  require_tickets(tickets, "wait_all");
  // By the clock of each ring; a simulated one has its own.
  std::vector<TimePoint> deadlines;
  deadlines.reserve(tickets.size());
  for (const Ticket& ticket : tickets) deadlines.push_back(ticket.deadline_after(timeout));
  std::exception_ptr failure;
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    try {
      if (!tickets[i].wait_until(deadlines[i])) return false;
    } catch (...) {
      if (failure == nullptr) failure = std::current_exception();
    }
  }
  if (failure != nullptr) std::rethrow_exception(failure);
  return true;
}

}  // namespace cbr
