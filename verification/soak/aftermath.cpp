#include "soak/aftermath.h"

#include <new>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "unit/core/allocations.h"

namespace cbr::soak {

bool has_ended(const Ticket& ticket) noexcept {
  try {
    return ticket.done();
  } catch (...) {
    return false;
  }
}

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
  } catch (const std::bad_alloc&) {
    // Likewise, or there was no memory for its outcome.
    if (ledger.failed_allocations == 0) ledger.complain("a ticket tells of a lack of memory");
  } catch (const std::exception& other) {
    ledger.complain(fmt::format("a ticket tells of an unexpected failure: {}", other.what()));
  }
}

void Inbox::add(std::coroutine_handle<> coroutine) {
  observer_->hear(observer_->others);
  const std::lock_guard lock(mutex_);
  coroutines_.push_back(coroutine);
}

std::coroutine_handle<> Inbox::take() {
  const std::lock_guard lock(mutex_);
  if (coroutines_.empty()) return {};
  const std::coroutine_handle<> coroutine = coroutines_.back();
  coroutines_.pop_back();
  return coroutine;
}

void Inbox::resume_all() {
  while (const std::coroutine_handle<> coroutine = take()) coroutine.resume();
}

Executor executor_to(std::shared_ptr<Inbox> inbox) {
  return [inbox = std::move(inbox)](std::coroutine_handle<> coroutine) { inbox->add(coroutine); };
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): both outlive it.
Task judge_when_ended(Ticket ticket, RecordedWork work, Ledger& ledger,
                      std::optional<Executor> executor, bool& refused) {
  bool thrown = false;
  try {
    if (executor) {
      co_await ticket.resume_on(*executor);
    } else {
      co_await ticket;
    }
  } catch (...) {
    thrown = true;
  }
  const test::FailNone own_affairs;
  if (!has_ended(ticket)) {
    // The caller is still there, for this has never been suspended.
    if (!thrown) ledger.complain("a coroutine went on before the end of the work");
    refused = true;
    co_return;
  }
  const std::exception_ptr error = ticket.error();
  if (error != nullptr && !thrown) ledger.complain("co_await keeps a failure to itself");
  judge(ledger, error, work);
  ticket = {};
  work = {};
  ++ledger.callbacks_run;
}

}  // namespace cbr::soak
