#include "core/callbacks.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/callback_scope.h"
#include "core/messages.h"
#include "core/ring_core.h"
#include "core/waiting.h"

namespace cbr::detail {

bool runs_callbacks_of(const RingContext& ring) {
  return callbacks_of == &ring;
}

void Callbacks::require_thread(QueueIndex queue, const std::shared_ptr<RingCore>& core) {
  if (threads_[to_number(queue)].started.load(std::memory_order_acquire)) return;
  start_completion_thread(queue, core);
  ring_.sweep_outside_slots();
}

void Callbacks::start_completion_thread(QueueIndex queue, const std::shared_ptr<RingCore>& core) {
  CompletionThreadHandle& handle = threads_[to_number(queue)];
  const LockGuard lock(ring_.structure_mutex);
  if (handle.started.load(std::memory_order_relaxed)) return;
  {
    const StateAccess state(ring_.state);
    // The ring has ended meanwhile, and with it everything that could be waited for.
    if (state->completion_thread(queue).stop) return;
  }
  // The thread keeps the core: it may be the last to need it if a callback ends the ring.
  RingQueue& its_queue = ring_.queue(queue);
  handle.thread = start_thread([this, core, &its_queue] { run_thread(its_queue); });
  handle.started.store(true, std::memory_order_release);
}

bool Callbacks::add(Submission& submission, Continuation& continuation) {
  FollowUp follow_up;
  {
    const StateAccess state(ring_.state);
    if (submission.done.load(std::memory_order_relaxed)) return false;
    submission.continuations.push_back(continuation);
    continuation.queued_on = &submission;
    const Serial serial(submission.serial.load(std::memory_order_relaxed));
    if (serial.value() != 0) {
      state->watched(submission.queue).watch(submission);
      state->notify_completion_thread(submission.queue, serial, follow_up);
    }
  }
  ring_.follow_up(follow_up);
  return true;
}

bool Callbacks::remove(Continuation& continuation, QueueIndex queue) noexcept {
  StateAccess state(ring_.state);
  Submission* const submission = std::exchange(continuation.queued_on, nullptr);
  if (submission == nullptr) {
    CompletionThread& thread = state->completion_thread(queue);
    if (thread.id == this_thread_id()) return false;
    while (thread.running == &continuation) state.wait(thread.ran);
    return false;
  }
  submission->continuations.remove(continuation);
  // One that has ended stays where it is: the thread finds nothing to do for it.
  if (!submission->watched() && !submission->done.load(std::memory_order_relaxed)) {
    state->watched(queue).forget(*submission);
    // It may be what others wait for that have ended.
    if (state->watched(queue).has_ended()) state->completion_thread(queue).changed.notify_one();
  }
  return true;
}

bool Callbacks::cancel(CallbackNode& node) noexcept {
  const bool removed = remove(node, node.queue);
  if (removed) {
    // The list's reference. The program's destructors run without the lock.
    node.callback = nullptr;
    release(node);
  }
  release(node);
  return removed;
}

void Callbacks::release(CallbackNode& node) noexcept {
  FollowUp follow_up;
  const StateAccess state(ring_.state);
  if (--node.references == 0) state->give_back(node, follow_up);
}

void Callbacks::run(const std::function<void(const Ticket&)>& callback,
                    const Ticket& ticket) const noexcept {
  try {
    callback(ticket);
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    try {
      ring_.log.failure(LogEvent::callback_threw,
                        fmt::format("a callback for {} threw", slot_name(ticket.slot(), {})), error,
                        ticket.slot());
    } catch (...) {
      // No memory for the text.
      return;
    }
  }
}

void Callbacks::run_thread(RingQueue& queue) noexcept {
  Backoff backoff;
  {
    const StateAccess state(ring_.state);
    state->completion_thread(queue.index).id = this_thread_id();
  }
  for (;;) {
    Submission* ended = nullptr;
    SyncPoint point;
    std::uint64_t wake_number = 0;
    {
      StateAccess state(ring_.state);
      CompletionThread& thread = state->completion_thread(queue.index);
      thread.wake_number = 0;
      ended = state->watched(queue.index).pop_ended();
      if (ended == nullptr) {
        if (thread.stop && !state->watched(queue.index).has_ended()) return;
        const auto oldest = state->watched(queue.index).oldest();
        if (!oldest || state->lost != nullptr) {
          state.wait(thread.changed);
          continue;
        }
        point = {queue.index, *oldest};
        thread.wake_number = wake_number = state->next_wake_number();
        thread.waits_for = *oldest;
      }
    }
    if (ended != nullptr) {
      see_to(*ended);
      // A callback has forked, and this is the child: nothing runs here any more.
      if (!ring_.gate.same_process()) return;
    } else {
      wait_for_work(queue, point, wake_number, backoff);
    }
  }
}

void Callbacks::wait_for_work(RingQueue& queue, SyncPoint point, std::uint64_t wake_number,
                              Backoff& backoff) noexcept {
  try {
    ThreadWait wait(ring_, strategy_, no_deadline, Interruptible::no);
    (void)retirement_.wait_in_backend(wait, {&point, 1}, wake_number);
    retirement_.collect(queue);
    backoff.reset();
    return;
  } catch (const DeviceLost&) {
    // What was in flight has failed, and its callbacks are to be run.
    return;
  } catch (...) {
    // It concerns this wait alone; once is enough to tell.
    if (backoff.is_fresh()) {
      ring_.log.failure(LogEvent::backend_failure, "the wait of a completion thread failed",
                        std::current_exception());
    }
  }
  const TimePoint until = Clock::now() + backoff.next();
  StateAccess state(ring_.state);
  CompletionThread& thread = state->completion_thread(queue.index);
  if (!thread.stop && !state->watched(queue.index).has_ended()) {
    (void)state.wait_until(thread.changed, until);
  }
}

void Callbacks::see_to(Submission& submission) noexcept {
  const CallbackScope scope(&ring_);
  // Takes over the ring's reference.
  const Ticket ticket = TicketAccess::make(submission);
  CallbackNode* node = nullptr;
  while (Continuation* const continuation = next_continuation(submission, node)) {
    // A coroutine's continuation is gone once it was run.
    node = continuation->is_callback ? static_cast<CallbackNode*>(continuation) : nullptr;
    continuation->run(ticket);
    if (!ring_.gate.same_process()) return;
    if (node != nullptr) node->callback = nullptr;
  }
  for (auto& object : submission.kept_alive) object.reset();
  submission.kept_alive.clear();
}

Continuation* Callbacks::next_continuation(Submission& submission, CallbackNode* last) noexcept {
  FollowUp follow_up;
  const StateAccess state(ring_.state);
  CompletionThread& thread = state->completion_thread(submission.queue);
  if (thread.running != nullptr) thread.ran.notify_all();
  thread.running = nullptr;
  if (last != nullptr && --last->references == 0) state->give_back(*last, follow_up);
  Continuation* const next = submission.continuations.pop_front();
  if (next != nullptr) next->queued_on = nullptr;
  thread.running = next;
  return next;
}

void Callbacks::stop() noexcept {
  std::uint64_t wake_number = 0;
  {
    // None is started after this.
    const LockGuard lock(ring_.structure_mutex);
    const StateAccess state(ring_.state);
    for (const RingQueue& queue : ring_.queues) {
      CompletionThread& thread = state->completion_thread(queue.index);
      thread.stop = true;
      thread.changed.notify_one();
      wake_number = std::max(wake_number, thread.wake_number);
    }
  }
  ring_.wake(wake_number);
  for (CompletionThreadHandle& handle : threads_) {
    if (!handle.thread.joinable()) continue;
    if (handle.thread.get_id() == this_thread_id()) {
      handle.thread.detach();
    } else {
      handle.thread.join();
    }
  }
}

}  // namespace cbr::detail
