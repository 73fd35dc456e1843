#include "core/acquire_requests.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <cbr/errors.h>

#include "core/callback_scope.h"
#include "core/ring_core.h"
#include "core/steady_now.h"

namespace cbr::detail {

void AcquireRequest::prepare(const SlotRequest& checked, Timeout its_limit) {
  request = checked;
  label.assign(checked.label);
  request.label = label.view();
  sequence = checked.sequence != nullptr ? *checked.sequence : nullptr;
  request.sequence = sequence != nullptr ? &sequence : nullptr;
  limit = its_limit;
  granted = timed_out = taken_back = false;
  submission = nullptr;
  failure = nullptr;
  references = 1;
}

void AcquireRequests::require_thread(const std::shared_ptr<RingCore>& core) {
  if (started_.load(std::memory_order_acquire)) return;
  {
    const LockGuard lock(ring_.structure_mutex);
    if (!started_.load(std::memory_order_relaxed)) {
      // It keeps the core: it may be the last to need it if a callback ends the ring.
      thread_ = start_thread([this, core] { run_thread(); });
      started_.store(true, std::memory_order_release);
    }
  }
  ring_.sweep_outside_slots();
}

bool AcquireRequests::enter(AcquireRequest& request, const std::shared_ptr<RingCore>& core,
                            Submission*& submission) {
  const bool may_wait = request.limit != Timeout(std::chrono::nanoseconds(0));
  // First, since it may take a while.
  if (may_wait) require_thread(core);
  request.since = ring_.backend->now();
  request.deadline = request.limit.after(request.since);
  request.steady_deadline = request.limit.after(steady_now());
  SlotIndex in_the_way{};
  FollowUp follow_up;
  {
    const StateAccess state(ring_.state);
    state->require_usable();
    // Waiters have been offered every slot that is free, so to take one overtakes nobody.
    submission = state->lease(request.request);
    if (submission != nullptr) return false;
    if (!may_wait) {
      state->counter.wait_started();
      state->counter.timed_out();
      request.timed_out = true;
      return false;
    }
    AcquireThread& thread = state->acquire_thread;
    request.thread = &thread.waits;
    slot_wait_.enter(*state, request);
    if (const auto tried_since = state->tries.take(this_thread_id())) {
      request.request.asked_at = *tried_since;
    }
    request.phase = AcquireRequest::Phase::waiting;
    ++request.references;
    thread.earliest_deadline = std::min(thread.earliest_deadline, request.deadline);
    thread.earliest_steady_deadline =
        std::min(thread.earliest_steady_deadline, request.steady_deadline);
    thread.waits.wake_up.notify_one();
    // It waits in the backend, and would come back too late.
    if (state->lead.thread == &thread.waits && request.deadline < thread.leads_until) {
      follow_up.wake(state->lead.wake_number);
    }
    if (ring_.options.log_wait_events) in_the_way = state->in_the_way();
  }
  // From here on the request may have been answered, and be gone.
  ring_.follow_up(follow_up);
  slot_wait_.report_waiting(in_the_way);
  return true;
}

void AcquireRequests::answer(AcquireRequest& request, Submission* submission,
                             std::chrono::nanoseconds waited) const noexcept {
  try {
    if (submission != nullptr) {
      request.lease = leasing_.begin(*submission, waited);
      return;
    }
    // A request whose time was over while the ring still was.
    if (request.timed_out) {
      leasing_.throw_timeout(ring_.backend->now() - request.since, *request.limit.value());
    }
    ring_.require_usable();
  } catch (...) {
    request.failure = std::current_exception();
  }
}

void AcquireRequests::run(AcquireRequest& request) const noexcept {
  const Executor& executor = ring_.options.executor;
  const char* text = "a callback for a slot threw";
  try {
    if (request.callback) {
      request.callback(request.failure != nullptr
                           ? AcquireResult(std::exchange(request.failure, nullptr))
                           : AcquireResult(std::move(request.lease)));
    } else if (executor) {
      text = "the executor of a coroutine threw";
      executor(request.coroutine);
    } else {
      text = "a coroutine let an exception out";
      request.coroutine.resume();
    }
  } catch (...) {
    ring_.log.failure(LogEvent::callback_threw, text, std::current_exception());
  }
}

bool AcquireRequests::cancel(AcquireRequest& request) noexcept {
  bool taken_back = false;
  Submission* slot = nullptr;
  FollowUp follow_up;
  {
    StateAccess state(ring_.state);
    AcquireThread& thread = state->acquire_thread;
    if (request.phase == AcquireRequest::Phase::waiting) {
      taken_back = true;
      if (request.granted) slot = request.submission;
      take_out(*state, request, follow_up);
      request.phase = AcquireRequest::Phase::idle;
      // The ring's reference; the caller has one.
      --request.references;
    } else {
      if (request.phase == AcquireRequest::Phase::answering) taken_back = request.taken_back = true;
      if (thread.id != this_thread_id()) {
        while (thread.answering == &request) state.wait(thread.answered);
      }
    }
  }
  ring_.follow_up(follow_up);
  if (slot != nullptr) leasing_.give_up_unbegun(*slot);
  // The program's destructors run without the lock.
  if (taken_back) request.callback = nullptr;
  return taken_back;
}

void AcquireRequests::expire(RingState& state, TimePoint slept_until, FollowUp& follow_up) {
  AcquireThread& thread = state.acquire_thread;
  if (thread.earliest_deadline == no_deadline) return;
  const TimePoint now = ring_.backend->now();
  if (now < thread.earliest_deadline && slept_until < thread.earliest_steady_deadline) return;
  thread.earliest_deadline = thread.earliest_steady_deadline = no_deadline;
  for (Waiter* waiter = thread.waits.waiting.front(); waiter != nullptr;) {
    auto& request = static_cast<AcquireRequest&>(*waiter);
    waiter = WaitingThread::Requests::next(*waiter);
    if (now < request.deadline && slept_until < request.steady_deadline) {
      thread.earliest_deadline = std::min(thread.earliest_deadline, request.deadline);
      thread.earliest_steady_deadline =
          std::min(thread.earliest_steady_deadline, request.steady_deadline);
      continue;
    }
    state.counter.timed_out();
    slot_wait_.leave(state, request, follow_up);
    request.timed_out = true;
    thread.expired.push_back(request);
  }
}

AcquireRequest* AcquireRequests::next_to_answer(RingState& state) {
  AcquireThread& thread = state.acquire_thread;
  Waiter* next = thread.expired.front();
  if (next == nullptr) next = thread.waits.granted.front();
  if (next == nullptr && (state.lost != nullptr || state.closed)) {
    next = thread.waits.waiting.front();
  }
  return static_cast<AcquireRequest*>(next);
}

void AcquireRequests::take_out(RingState& state, AcquireRequest& request, FollowUp& follow_up) {
  if (request.timed_out) {
    state.acquire_thread.expired.remove(request);
  } else {
    slot_wait_.leave(state, request, follow_up);
  }
}

void AcquireRequests::run_thread() noexcept {
  Backoff backoff;
  TimePoint slept_until = no_wait;
  {
    const StateAccess state(ring_.state);
    state->acquire_thread.id = this_thread_id();
  }
  for (;;) {
    AcquireRequest* answered = nullptr;
    SlotWait::Leading leading;
    TimePoint deadline = no_deadline;
    FollowUp follow_up;
    {
      StateAccess state(ring_.state);
      AcquireThread& thread = state->acquire_thread;
      // What it leaves to be done is done with the first that has expired.
      expire(*state, std::exchange(slept_until, no_wait), follow_up);
      answered = next_to_answer(*state);
      if (answered != nullptr) {
        take_out(*state, *answered, follow_up);
        answered->phase = AcquireRequest::Phase::answering;
        thread.answering = answered;
      } else if (thread.waits.waiting.empty()) {
        if (thread.stop) return;
        thread.earliest_deadline = thread.earliest_steady_deadline = no_deadline;
        state.wait(thread.waits.wake_up);
        continue;
      } else {
        slot_wait_.try_to_lead(*state, thread.waits, leading);
        if (!leading) {
          const TimePoint until = thread.earliest_steady_deadline;
          if (sleep(state, until)) slept_until = until;
          continue;
        }
        deadline = thread.leads_until = thread.earliest_deadline;
      }
    }
    ring_.follow_up(follow_up);
    if (answered == nullptr) {
      ThreadWait wait(ring_, strategy_, deadline, Interruptible::no);
      lead(wait, leading, backoff);
      continue;
    }
    see_to(*answered);
    // A callback has forked, and this is the child: nothing runs here any more.
    if (!ring_.gate.same_process()) return;
  }
}

bool AcquireRequests::sleep(StateAccess& state, TimePoint until) {
  ConditionVariable& wake_up = state->acquire_thread.waits.wake_up;
  if (until != no_deadline) return !state.wait_until(wake_up, until);
  state.wait(wake_up);
  return false;
}

void AcquireRequests::lead(ThreadWait& wait, const SlotWait::Leading& leading,
                           Backoff& backoff) noexcept {
  std::exception_ptr failure;
  try {
    slot_wait_.lead(wait, leading);
    backoff.reset();
  } catch (const DeviceLost&) {
    // Every request learns of it, this thread's too.
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const StateAccess state(ring_.state);
    state->lead.end();
    if (failure == nullptr && !state->acquire_thread.waits.waiting.empty()) return;
    slot_wait_.pass_on_lead(*state);
    if (failure == nullptr) return;
  }
  // It concerns this wait alone, and no request has made it; once is enough to tell.
  if (backoff.is_fresh()) {
    const CallbackScope scope(&ring_);
    ring_.log.failure(LogEvent::backend_failure, "the wait for a slot failed", failure);
  }
  StateAccess state(ring_.state);
  if (next_to_answer(*state) != nullptr) return;
  sleep(state,
        std::min(state->acquire_thread.earliest_steady_deadline, steady_now() + backoff.next()));
}

void AcquireRequests::see_to(AcquireRequest& request) noexcept {
  const CallbackScope scope(&ring_);
  answer(request, request.granted ? request.submission : nullptr,
         ring_.backend->now() - request.since);
  bool taken_back = false;
  {
    const StateAccess state(ring_.state);
    taken_back = request.taken_back;
    if (!taken_back) request.phase = AcquireRequest::Phase::running;
  }
  if (taken_back) {
    request.lease.discard();
  } else {
    run(request);
    if (!ring_.gate.same_process()) return;
  }
  request.callback = nullptr;
  FollowUp follow_up;
  const StateAccess state(ring_.state);
  AcquireThread& thread = state->acquire_thread;
  thread.answering = nullptr;
  thread.answered.notify_all();
  request.phase = AcquireRequest::Phase::idle;
  if (--request.references == 0) state->give_back(request, follow_up);
}

void AcquireRequests::stop() noexcept {
  std::uint64_t wake_number = 0;
  {
    // None is started after this.
    const LockGuard lock(ring_.structure_mutex);
    const StateAccess state(ring_.state);
    state->acquire_thread.stop = true;
    state->acquire_thread.waits.wake_up.notify_one();
    if (state->lead.thread == &state->acquire_thread.waits) wake_number = state->lead.wake_number;
  }
  ring_.wake(wake_number);
  if (!thread_.joinable()) return;
  if (thread_.get_id() == this_thread_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

}  // namespace cbr::detail
