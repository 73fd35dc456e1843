#include "soak/hand.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include <cbr/ring.h>

namespace cbr::soak {

using namespace std::chrono_literals;

void Hand::count_unsubmitted(Count& count) {
  ++count;
  // Afterwards: if the end had not begun, the observer was told.
  if (shop_.ending) ++shop_.ledger.late_ends;
}

void Hand::discard(Lease lease) {
  scarce([&] { lease.discard(); });
  count_unsubmitted(shop_.ledger.discards);
}

RecordedWork Hand::record(Lease& lease) {
  RecordedWork work = shop_.workplace.record(lease, random_);
  // Not to be done without.
  if (work.needs != nullptr) lease.keep_alive(work.needs);
  return work;
}

void Hand::decorate(Lease& lease) {
  if (random_.one_in(3)) {
    for (std::uint32_t i = random_.between(1, 3); i > 0; --i) {
      auto kept = std::make_shared<Kept>(shop_.ledger);
      // What is refused is let go of.
      (void)attempt([&] { lease.keep_alive(std::move(kept)); });
    }
  }
  if (random_.one_in(8)) {
    scarce([&] { lease.set_label("a label that is longer than the thirty-one bytes kept"); });
  }
}

void Hand::use(Lease lease, bool may_wait) {
  if (random_.one_in(16)) {
    discard(std::move(lease));
    return;
  }
  const RecordedWork work = record(lease);
  decorate(lease);
  if (random_.one_in(16)) {
    discard(std::move(lease));
  } else if (random_.one_in(400)) {
    drop(std::move(lease));
  } else if (const auto ticket = submit(std::move(lease))) {
    look_after(*ticket, work, may_wait);
  }
}

void Hand::drop(Lease lease) {
  // Before the lease ends: who looks at the ledger then has it right.
  ++shop_.ledger.abandoned;
  scarce([&] { const Lease dropped = std::move(lease); });
  if (shop_.ending) ++shop_.ledger.late_ends;
}

std::optional<Ticket> Hand::submit(Lease lease) {
  Ledger& ledger = shop_.ledger;
  const bool ended = shop_.ended;
  try {
    std::optional<Ticket> ticket = scarce([&] { return std::move(lease).submit(); });
    if (ended) ledger.complain("a lease was submitted after the end of its ring");
    ++ledger.submits;
    return ticket;
  } catch (const DeviceLost&) {
    count_unsubmitted(ledger.refused_submits);
    throw;
  } catch (const BackendError&) {
    count_unsubmitted(ledger.refused_submits);
  } catch (const std::bad_alloc&) {
    if (shop_.allocations_fail_one_in == 0) throw;
    count_unsubmitted(ledger.refused_submits);
  } catch (const InvalidUsage&) {
    if (!shop_.ending) throw;
    count_unsubmitted(ledger.refused_submits);
  }
  return std::nullopt;
}

void Hand::look_after(const Ticket& ticket, const RecordedWork& work, bool may_wait) {
  switch (random_.pick(8)) {
    case 0:
      ++shop_.ledger.blind;
      break;
    case 1:
    case 2:
      add_callback(ticket, work);
      break;
    case 3:
      await(ticket, work);
      break;
    case 4:
      if (may_wait) (void)has_ended(ticket);
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

void Hand::add_callback(const Ticket& ticket, const RecordedWork& work) {
  Ledger& ledger = shop_.ledger;
  ++ledger.callbacks_due;
  const bool submits_more = ring_ != nullptr && random_.one_in(8);
  auto ran = std::make_shared<std::atomic_flag>();
  std::function<void(const Ticket&)> callback = [&shop = shop_, ring = ring_, work, submits_more,
                                                 seed = random_.next(), ran](const Ticket& its) {
    const test::FailNone own_affairs;
    Ledger& its_ledger = shop.ledger;
    if (ran->test_and_set()) its_ledger.complain("a callback ran twice");
    if (!has_ended(its)) its_ledger.complain("a callback ran before the end of the work");
    judge(its_ledger, its.error(), work);
    if (submits_more) {
      try {
        // What never waits for a slot. Its tickets go to callbacks, or are waited for here.
        Hand helper(shop, seed, ring);
        if (auto lease = helper.counted([&] { return ring->try_acquire(); })) {
          helper.use(std::move(*lease), false);
        }
        helper.settle(0);
      } catch (const DeviceLost&) {
        its_ledger.lost = true;
      } catch (const std::exception& error) {
        its_ledger.complain(fmt::format("an unexpected exception in a callback: {}", error.what()));
      }
    }
    ++its_ledger.callbacks_run;
  };
  CallbackHandle handle;
  if (!attempt([&] { handle = ticket.on_complete(std::move(callback)); })) {
    ++ledger.callbacks_refused;
    if (ran.use_count() != 1) ledger.complain("a callback that was refused lives on");
    tickets_.push_back({ticket, work});
  } else if (random_.one_in(3)) {
    callbacks_.push_back({std::move(handle), std::move(ran), {ticket, work}});
  }
}

void Hand::cancel_a_callback() {
  if (callbacks_.empty()) return;
  const auto chosen =
      callbacks_.begin() + random_.pick(static_cast<std::uint32_t>(callbacks_.size()));
  Given given = std::move(*chosen);
  callbacks_.erase(chosen);
  const bool cancelled = scarce([&] { return given.handle.cancel(); });
  Ledger& ledger = shop_.ledger;
  if (given.ran.use_count() != 1) ledger.complain("cancel() leaves its callback in use");
  if (cancelled == given.ran->test()) {
    ledger.complain(cancelled ? "cancel() takes back a callback that ran"
                              : "cancel() returned false for a callback that never ran");
  }
  if (!cancelled) return;
  ++ledger.callbacks_cancelled;
  tickets_.push_back(std::move(given.open));
}

std::coroutine_handle<> Hand::start_coroutine(const Ticket& ticket, const RecordedWork& work,
                                              bool& started) {
  ++shop_.ledger.callbacks_due;
  RecordedWork its_work = work;
  std::optional<Executor> executor;
  if (random_.one_in(2)) executor = executor_to(shop_.inbox);
  bool refused = false;
  Task task;
  started = attempt([&] {
    task =
        judge_when_ended(ticket, std::move(its_work), shop_.ledger, std::move(executor), refused);
  });
  started = started && !refused;
  if (!started) ++shop_.ledger.callbacks_refused;
  return task.coroutine;
}

void Hand::await(const Ticket& ticket, const RecordedWork& work) {
  bool started = false;
  (void)start_coroutine(ticket, work, started);
  if (!started) tickets_.push_back({ticket, work});
}

void Hand::submit_and_give_up_waiting(Lease lease) {
  const RecordedWork work = record(lease);
  const auto ticket = submit(std::move(lease));
  if (!ticket) return;
  bool started = false;
  const std::coroutine_handle<> coroutine = start_coroutine(*ticket, work, started);
  if (started) {
    scarce([&] { coroutine.destroy(); });
    ++shop_.ledger.coroutines_destroyed;
  }
  look_after(*ticket, work, false);
}

void Hand::go_on_with_a_coroutine() {
  const std::coroutine_handle<> coroutine = shop_.inbox->take();
  if (!coroutine) return;
  if (random_.one_in(4)) {
    // With its ticket, of which it never learned how it ended.
    ++shop_.ledger.blind;
    scarce([&] { coroutine.destroy(); });
    ++shop_.ledger.coroutines_destroyed;
  } else {
    scarce([&] { coroutine.resume(); });
  }
}

void Hand::wait_for_some(const Ticket* other) {
  if (tickets_.empty()) return;
  std::vector<Ticket> tickets;
  tickets.reserve(tickets_.size() + 1);
  if (other != nullptr) tickets.push_back(*other);
  for (const Open& open : tickets_) tickets.push_back(open.ticket);
  switch (random_.pick(other != nullptr ? 2 : 3)) {
    case 0: {
      std::size_t index = 0;
      if (!attempt([&] { index = wait_any(tickets); })) return;
      if (!has_ended(tickets.at(index))) shop_.ledger.complain("wait_any returned too early");
      return;
    }
    case 1:
      (void)attempt([&] { (void)wait_any_for(tickets, 100us); });
      return;
    default:
      try {
        if (!scarce([&] { return wait_all_for(tickets, 500us); })) return;
      } catch (const Error&) {
        // Judged below, each by itself.
      } catch (const std::bad_alloc&) {
        if (shop_.allocations_fail_one_in == 0) throw;
      }
      settle(0);
  }
}

void Hand::look_at_a_ticket() {
  if (tickets_.empty()) return;
  const Ticket& ticket = tickets_[random_.pick(static_cast<std::uint32_t>(tickets_.size()))].ticket;
  (void)attempt([&] {
    (void)ticket.done();
    (void)ticket.error();
    (void)ticket.gpu_interval();
    (void)ticket.gpu_end();
    (void)ticket.sync_point();
  });
}

void Hand::follow_what_has_ended() {
  if (tickets_.empty()) return;
  const Open open = std::move(tickets_.back());
  tickets_.pop_back();
  if (random_.one_in(2)) {
    add_callback(open.ticket, open.work);
  } else {
    await(open.ticket, open.work);
  }
}

bool Hand::all_ended() const {
  return std::all_of(tickets_.begin(), tickets_.end(),
                     [](const Open& open) { return has_ended(open.ticket); });
}

void Hand::wait_for_end(const Ticket& ticket) {
  do {
    try {
      scarce([&] {
        if (random_.one_in(2)) (void)ticket.wait_for(50us);
        ticket.wait();
      });
      if (!has_ended(ticket)) {
        shop_.ledger.complain("a wait returned before the end of the work");
      }
    } catch (const Error&) {
      // How the work ended, which is judged, or why the wait did.
      if (!calls_break()) break;
    } catch (const std::bad_alloc&) {
      if (!calls_break()) throw;
    }
  } while (!has_ended(ticket));
  if (!has_ended(ticket)) shop_.ledger.complain("a wait failed before the end of the work");
}

void Hand::settle(std::size_t left) {
  while (tickets_.size() > left) {
    const Open open = std::move(tickets_.front());
    tickets_.erase(tickets_.begin());
    wait_for_end(open.ticket);
    judge(shop_.ledger, open.ticket.error(), open.work);
  }
}

}  // namespace cbr::soak
