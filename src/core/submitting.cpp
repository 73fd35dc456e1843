#include "core/submitting.h"

#include <memory>
#include <optional>

#include <cbr/errors.h>

namespace cbr::detail {

Submitting::Result Submitting::submit(Submission& submission) {
  // The ring's end waits until all is told.
  std::optional<Visit> visit;
  RingQueue& queue = ring_.queue(submission.queue);
  // A reference of its own: the submission may have ended before this function does.
  const std::shared_ptr<SequenceRecord> sequence = submission.sequence;
  Result result;
  Told told;
  {
    const LogHold hold;
    const LockGuard lock(queue.submit_mutex);
    result.recording = true;
    try {
      // Without a visit of the gate: the ring's end passes through this mutex.
      if (ring_.stopped.load(std::memory_order_relaxed)) ring_.require_usable();
      if (sequence != nullptr && hold_back(submission)) return {};
      // The backend's submit ends the recording, whatever comes of it.
      result.recording = false;
      send(queue, submission, told);
    } catch (...) {
      result.failure = std::current_exception();
    }
    if (sequence != nullptr && result.failure == nullptr) advance(queue, *sequence, told);
    if (!told.empty()) visit.emplace(ring_.gate, Visit::Unasked{});
  }
  tell(queue, told);
  return result;
}

void Submitting::send(RingQueue& queue, Submission& submission, Told& told) {
  const Serial serial = queue.timeline.next();
  try {
    ring_.backend->submit(submission.slot, serial);
  } catch (const DeviceLost&) {
    told.loss = std::current_exception();
    throw;
  }
  if (ring_.notes_submit_times) submission.submit_time = ring_.backend->now();
  // The ring's, the ticket's, and one for an observer to be told of it.
  const bool observed = ring_.options.observer != nullptr;
  submission.references.store(observed ? 3 : 2, std::memory_order_relaxed);
  if (submission.sequence == nullptr && submission.kept_alive.empty()) {
    // The path of a plain step takes no lock but this queue's.
    submission.serial.store(serial.value(), std::memory_order_relaxed);
    submission.phase.store(Phase::in_flight, std::memory_order_release);
    queue.timeline.push(submission);
  } else {
    const StateAccess state(ring_.state);
    state->send(submission);
  }
  if (observed) told.sent.push(submission);
  note(queue, told);
}

void Submitting::note(RingQueue& queue, Told& told) {
  if (queue.wanted.load()) {
    const StateAccess state(ring_.state);
    state->note_submission(queue, told.follow_up);
  }
  // The device may have gone away between the native submit and the record of it.
  if (ring_.stopped.load()) told.late = true;
}

bool Submitting::hold_back(Submission& submission) {
  if (ring_.notes_submit_times) submission.submit_time = ring_.backend->now();
  const StateAccess state(ring_.state);
  state->require_usable();
  if (submission.sequence->first(submission)) return false;
  submission.references.store(2, std::memory_order_relaxed);
  state->hold(submission);
  return true;
}

void Submitting::advance(RingQueue& queue, SequenceRecord& sequence, Told& told) {
  while (told.loss == nullptr) {
    Submission* next = nullptr;
    {
      const StateAccess state(ring_.state);
      next = sequence.front();
      if (next == nullptr || next->phase.load(std::memory_order_relaxed) != Phase::held) return;
      // Kept until it has been told of: its ticket may be gone by then.
      next->references.fetch_add(1, std::memory_order_relaxed);
    }
    std::exception_ptr failure;
    try {
      ring_.backend->submit(next->slot, queue.timeline.next());
    } catch (const DeviceLost&) {
      // It fails with all others that are held.
      told.loss = std::current_exception();
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const StateAccess state(ring_.state);
      // Lost with the device meanwhile: its ticket knows, and there is nothing else to tell.
      if (told.loss != nullptr || next->phase.load(std::memory_order_relaxed) != Phase::held) {
        told.lost.push(*next);
        return;
      }
      told.sent.push(*next);
      if (failure == nullptr) {
        if (ring_.notes_submit_times) next->submit_time = ring_.backend->now();
        // Reckoned from then on as well: what was due before lies before its start.
        next->next_hang_warning = {};
        state->send(*next);
      } else {
        state->refuse(*next, failure, told.follow_up);
        state->serve_waiters(told.follow_up);
        state->settle(told.follow_up);
      }
    }
    if (failure == nullptr) note(queue, told);
  }
}

void Submitting::tell(RingQueue& queue, Told& told) noexcept {
  ring_.follow_up(told.follow_up);
  if (told.loss != nullptr) (void)retirement_.lose(told.loss);
  if (told.late) retirement_.fail_late(queue);
  while (Submission* const submission = told.lost.pop()) {
    // Gives the reference back.
    const Ticket ticket = TicketAccess::make(*submission);
  }
  while (Submission* const submission = told.sent.pop()) {
    const Ticket ticket = TicketAccess::make(*submission);
    const Serial serial = ticket.serial();
    const bool refused = serial.value() == 0;
    ring_.observe(&Observer::on_submit, SubmitEvent{submission->slot, submission->queue, serial});
    if (!refused) continue;
    ring_.observe(&Observer::on_complete,
                  CompleteEvent{submission->slot, submission->queue, serial, std::nullopt, true});
  }
}

void Submitting::leave_sequence(Submission& submission) noexcept {
  // A reference of its own, as above.
  const std::shared_ptr<SequenceRecord> sequence = submission.sequence;
  if (sequence == nullptr) return;
  RingQueue& queue = ring_.queue(submission.queue);
  Told told;
  {
    const LogHold hold;
    const LockGuard lock(queue.submit_mutex);
    {
      const StateAccess state(ring_.state);
      sequence->give_up(submission);
    }
    advance(queue, *sequence, told);
  }
  tell(queue, told);
}

void Submitting::send_held(SequenceRecord& sequence) noexcept {
  RingQueue& queue = ring_.queue(sequence.queue);
  Told told;
  {
    const LogHold hold;
    const LockGuard lock(queue.submit_mutex);
    advance(queue, sequence, told);
  }
  tell(queue, told);
}

}  // namespace cbr::detail
