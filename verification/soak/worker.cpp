#include "soak/worker.h"

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::soak {
namespace {

using namespace std::chrono_literals;

/// A coroutine that starts at once and that nobody waits for.
struct Task {
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

/// Notes how work ended. To be called once for each ticket that is looked at.
void judge(Ledger& ledger, const std::exception_ptr& error, const RecordedWork& work) {
  if (error == nullptr) {
    if (work.correct && !work.correct())
      ledger.complain("work that ended well did the wrong thing");
    return;
  }
  ++ledger.failures_seen;
  try {
    std::rethrow_exception(error);
  } catch (const DeviceLost&) {
    ledger.lost = true;
  } catch (const ExecutionFailed&) {
  } catch (const BackendError&) {
    // Work of a sequence that the driver refused when its turn came.
  } catch (const std::exception& other) {
    ledger.complain(fmt::format("a ticket tells of an unexpected failure: {}", other.what()));
  }
}

Task judge_when_ended(Ticket ticket, RecordedWork work, Ledger& ledger) {
  std::exception_ptr error;
  try {
    co_await ticket;
  } catch (...) {
    error = std::current_exception();
  }
  judge(ledger, error, work);
  ticket = {};
  work = {};
  ++ledger.callbacks_run;
}

}  // namespace

void Worker::run(std::uint32_t operations) noexcept {
  try {
    try {
      for (std::uint32_t i = 0; i < operations && !shop_.ledger.lost; ++i) step();
    } catch (const DeviceLost&) {
      shop_.ledger.lost = true;
    }
    settle(0);
  } catch (const std::exception& error) {
    shop_.ledger.complain(fmt::format("an unexpected exception: {}", error.what()));
  }
}

void Worker::step() {
  ++shop_.heartbeat;
  switch (random_.pick(40)) {
    case 0:
      drain();
      break;
    case 1:
      shop_.ring.set_ring_size(random_.between(shop_.least_size, shop_.largest_size));
      ++shop_.ledger.resizes;
      break;
    case 2:
    case 3:
      look_at_statistics();
      break;
    case 4:
    case 5:
    case 6:
      sequence();
      break;
    case 7:
    case 8:
    case 9:
      wait_for_some();
      break;
    default:
      if (auto lease = acquire()) use(std::move(*lease), true);
  }
  settle(16);
}

AcquireOptions Worker::request() {
  AcquireOptions options;
  options.priority = Priority{random_.pick(3)};
  if (random_.one_in(4)) options.queue = QueueIndex{random_.pick(shop_.ring.queue_count())};
  if (random_.one_in(4)) options.label = "soak";
  return options;
}

template <typename Call>
std::optional<Lease> Worker::counted(const Call& call) {
  try {
    std::optional<Lease> lease = call();
    ++(lease ? shop_.ledger.leases : shop_.ledger.came_away_empty);
    return lease;
  } catch (const AcquireTimeout&) {
    ++shop_.ledger.came_away_empty;
  } catch (const DeviceLost&) {
    ++shop_.ledger.lost_acquires;
    throw;
  } catch (const BackendError&) {
    ++shop_.ledger.failed_begins;
  }
  return std::nullopt;
}

std::optional<Lease> Worker::acquire() {
  AcquireOptions options = request();
  const auto timeout = std::chrono::microseconds(random_.pick(200));
  switch (random_.pick(6)) {
    case 0:
      return counted([&] { return shop_.ring.try_acquire(options); });
    case 1:
      return counted([&] { return shop_.ring.try_acquire_for(timeout); });
    case 2:
      options.timeout = timeout;
      return counted([&] { return std::optional(shop_.ring.acquire(options)); });
    default:
      return counted([&] { return std::optional(shop_.ring.acquire(options)); });
  }
}

void Worker::use(Lease lease, bool may_wait) {
  if (random_.one_in(16)) {
    lease.discard();
    ++shop_.ledger.discards;
    return;
  }
  const RecordedWork work = shop_.workplace.record(lease, random_);
  if (work.needs != nullptr) lease.keep_alive(work.needs);
  if (random_.one_in(3)) {
    for (std::uint32_t i = random_.between(1, 3); i > 0; --i) {
      lease.keep_alive(std::make_shared<Kept>(shop_.ledger));
    }
  }
  if (random_.one_in(8)) lease.set_label("a label that is longer than the thirty-one bytes kept");
  if (random_.one_in(16)) {
    lease.discard();
    ++shop_.ledger.discards;
  } else if (random_.one_in(400)) {
    // Before the lease ends, on leaving: who looks at the ledger then has it right.
    ++shop_.ledger.abandoned;
  } else {
    submit(std::move(lease), work, may_wait);
  }
}

void Worker::submit(Lease lease, const RecordedWork& work, bool may_wait) {
  std::optional<Ticket> ticket;
  try {
    ticket = std::move(lease).submit();
  } catch (const DeviceLost&) {
    ++shop_.ledger.refused_submits;
    throw;
  } catch (const BackendError&) {
    ++shop_.ledger.refused_submits;
    return;
  }
  ++shop_.ledger.submits;
  look_after(*ticket, work, may_wait);
}

void Worker::look_after(const Ticket& ticket, const RecordedWork& work, bool may_wait) {
  Ledger& ledger = shop_.ledger;
  switch (random_.pick(8)) {
    case 0:
      ++ledger.blind;
      break;
    case 1:
    case 2:
      add_callback(ticket, work);
      break;
    case 3:
      ++ledger.callbacks_due;
      judge_when_ended(ticket, work, ledger);
      break;
    case 4:
      if (may_wait) (void)ticket.done();
      tickets_.push_back({ticket, work});
      break;
    case 5:
      tickets_.push_back({ticket, work});
      if (may_wait) settle(0);
      break;
    default:
      tickets_.push_back({ticket, work});
  }
}

void Worker::add_callback(const Ticket& ticket, const RecordedWork& work) {
  ++shop_.ledger.callbacks_due;
  const bool submits_more = random_.one_in(8);
  ticket.on_complete([&shop = shop_, work, submits_more, seed = random_.next(),
                      ran = std::make_shared<std::atomic_flag>()](const Ticket& its) {
    Ledger& ledger = shop.ledger;
    if (ran->test_and_set()) ledger.complain("a callback ran twice");
    if (!its.done()) ledger.complain("a callback ran before the end of the work");
    judge(ledger, its.error(), work);
    if (submits_more) {
      try {
        // The worker's part that never waits. Its tickets go to callbacks, or are waited for here.
        Worker helper(shop, seed);
        if (auto lease = helper.counted([&] { return shop.ring.try_acquire(); })) {
          helper.use(std::move(*lease), false);
        }
        helper.settle(0);
      } catch (const DeviceLost&) {
        ledger.lost = true;
      } catch (const std::exception& error) {
        ledger.complain(fmt::format("an unexpected exception in a callback: {}", error.what()));
      }
    }
    ++ledger.callbacks_run;
  });
}

void Worker::sequence() {
  Sequence sequence = shop_.ring.sequence();
  std::vector<Lease> leases;
  leases.reserve(3);
  for (std::uint32_t i = random_.between(1, 3); i > 0; --i) {
    AcquireOptions options = request();
    options.queue.reset();
    // Others may hold leases and want more, too: nobody waits for ever with one in hand.
    options.timeout = std::chrono::microseconds(random_.between(1, 200));
    try {
      if (auto lease = counted([&] { return std::optional(sequence.acquire(options)); })) {
        leases.push_back(std::move(*lease));
      }
    } catch (const DeviceLost&) {
      shop_.ledger.discards += leases.size();
      for (Lease& lease : leases) lease.discard();
      throw;
    }
  }
  std::exception_ptr lost;
  while (!leases.empty()) {
    const auto chosen = leases.begin() + random_.pick(static_cast<std::uint32_t>(leases.size()));
    Lease lease = std::move(*chosen);
    leases.erase(chosen);
    try {
      use(std::move(lease), leases.empty());
    } catch (const DeviceLost&) {
      lost = std::current_exception();
    }
  }
  if (lost != nullptr) std::rethrow_exception(lost);
}

void Worker::wait_for_some() {
  if (tickets_.empty()) return;
  std::vector<Ticket> tickets;
  tickets.reserve(tickets_.size());
  for (const Open& open : tickets_) tickets.push_back(open.ticket);
  switch (random_.pick(3)) {
    case 0: {
      const std::size_t index = wait_any(tickets);
      if (!tickets.at(index).done()) shop_.ledger.complain("wait_any returned too early");
      return;
    }
    case 1:
      (void)wait_any_for(tickets, 100us);
      return;
    default:
      try {
        if (!wait_all_for(tickets, 500us)) return;
      } catch (const Error&) {
        // Judged below, each by itself.
      }
      settle(0);
  }
}

void Worker::drain() {
  shop_.ring.drain();
  // This thread has submitted them, and holds no lease of a sequence that could hold them back.
  const bool all = std::all_of(tickets_.begin(), tickets_.end(),
                               [](const Open& open) { return open.ticket.done(); });
  if (!all) shop_.ledger.complain("drain() returned before the end of earlier work");
}

void Worker::look_at_statistics() {
  const RingStatistics statistics = shop_.ring.statistics();
  if (const std::string broken = broken_equation(statistics); !broken.empty()) {
    shop_.ledger.complain("at one moment, " + broken);
  }
  if (shop_.may_reset_statistics && random_.one_in(4)) {
    shop_.ledger.statistics_reset = true;
    shop_.ring.reset_statistics();
  }
}

void Worker::settle(std::size_t left) {
  while (tickets_.size() > left) {
    const Open open = std::move(tickets_.front());
    tickets_.erase(tickets_.begin());
    std::exception_ptr error;
    try {
      if (random_.one_in(2)) (void)open.ticket.wait_for(50us);
      open.ticket.wait();
    } catch (const Error&) {
      error = std::current_exception();
    }
    if (!open.ticket.done()) shop_.ledger.complain("a wait returned before the end of the work");
    judge(shop_.ledger, error, open.work);
  }
}

}  // namespace cbr::soak
