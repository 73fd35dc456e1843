#include "core/submitting.h"

#include <algorithm>
#include <chrono>
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
  result.recording = true;
  // Let go of with no lock held.
  Dependencies seen;
  Told told;
  const bool depends = !submission.after.empty();
  Predecessors::Survey survey;
  try {
    if (depends) survey = predecessors_.survey(submission);
  } catch (...) {
    result.failure = std::current_exception();
    return result;
  }
  {
    const LogHold hold;
    const LockGuard lock(queue.submit_mutex);
    bool held = false;
    try {
      // Without a visit of the gate: the ring's end passes through this mutex.
      if (ring_.stopped.load(std::memory_order_relaxed)) ring_.require_usable();
      if (depends) queue.waits.reserve(submission.after.size());
      held = (depends || sequence != nullptr) && hold_back(submission, survey, seen);
      if (!held) {
        // The backend's submit ends the recording, whatever comes of it.
        result.recording = false;
        send(queue, submission, told);
      }
    } catch (...) {
      result.failure = std::current_exception();
    }
    if (result.failure == nullptr && (held || sequence != nullptr)) {
      advance(queue, sequence.get(), &submission, told);
    }
    if (!told.empty()) visit.emplace(ring_.gate, Visit::Unasked{});
  }
  tell(queue, told);
  return result;
}

void Submitting::send(RingQueue& queue, Submission& submission, Told& told) {
  const Serial serial = queue.timeline.next();
  // One that has failed just now fails this one too, once it has ended.
  if (!submission.after.empty()) (void)predecessors_.look(submission, queue.waits);
  submission.times.submit_begin = ring_.noted_now();
  try {
    send_or_gather(queue, submission, serial);
  } catch (const DeviceLost&) {
    queue.waits.clear();
    told.loss = std::current_exception();
    throw;
  } catch (...) {
    queue.waits.clear();
    throw;
  }
  queue.waits.clear();
  note_sent(submission);
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
    state->send(submission, told.follow_up);
  }
  if (observed) told.sent.push(submission);
  note(queue, told);
}

void Submitting::send_or_gather(RingQueue& queue, Submission& submission, Serial serial) {
  ring_.settle_due(queue);
  const auto send_by = may_wait_until(queue, submission);
  if (!send_by || !ring_.backend->gather(submission.slot, serial, *send_by)) {
    if (!send_by) ring_.backend->submit(submission.slot, serial, queue.waits);
    ring_.note_sent(queue, serial);
    return;
  }
  if (queue.gathered++ == 0) {
    queue.gathered_from.store(serial.value(), std::memory_order_release);
  } else if (*send_by >= queue.send_by.load(std::memory_order_relaxed)) {
    return;
  }
  queue.send_by = *send_by;
  if (when_gathered_ != nullptr) when_gathered_(*send_by);
}

std::optional<TimePoint> Submitting::may_wait_until(RingQueue& queue,
                                                    const Submission& submission) const {
  // How long before the GPU runs dry it has to have the work: a sleeping thread wakes about so
  // late, and the GPU takes some time to begin.
  constexpr std::chrono::nanoseconds ahead = std::chrono::microseconds(50);
  if (!ring_.coalesces) return std::nullopt;
  // In this order: what was retired had been noticed before.
  const Serial retired = queue.timeline.retired();
  queue.backlog.ended(retired, queue.noticed.load(std::memory_order_relaxed));
  const TimePoint now = ring_.backend->now();
  queue.pace.came(now);
  if (!submission.after.empty() || submission.foreign_waits.count > 0) return std::nullopt;
  // Longer than there is any gain in, and as long as a wrong estimate may cost.
  constexpr std::chrono::milliseconds longest(1);
  if (gathers_regardless) return now + longest;
  const std::uint32_t slots = ring_.ring_size / ring_.queue_count();
  // The driver has the other half meanwhile.
  if (queue.gathered + 1 >= slots / 2) return std::nullopt;
  const auto busy_until = queue.backlog.busy_until();
  if (!busy_until) return std::nullopt;
  const TimePoint send_by = std::min(*busy_until - ahead, now + longest);
  // Nothing is gained if the next one comes too late.
  const TimePoint next = now + queue.pace.expected();
  return next < send_by ? std::optional(send_by) : std::nullopt;
}

void Submitting::note_sent(Submission& submission) const {
  if (!ring_.notes_submit_times && !ring_.notes_times) return;
  submission.submit_time = ring_.backend->now();
  if (ring_.notes_times) submission.times.submit_end = submission.submit_time;
}

void Submitting::note(RingQueue& queue, Told& told) {
  if (queue.wanted.load()) {
    const StateAccess state(ring_.state);
    state->note_submission(queue, told.follow_up);
  }
  // The device may have gone away between the native submit and the record of it.
  if (ring_.stopped.load()) told.late = true;
}

bool Submitting::hold_back(Submission& submission, const Predecessors::Survey& survey,
                           Dependencies& seen) {
  if (!survey.any_held) return hold_back(submission, survey.can_go);
  const LockGuard order(Predecessors::order());
  Predecessors::require_no_cycle(submission, seen);
  return hold_back(submission, false);
}

bool Submitting::hold_back(Submission& submission, bool can_go) {
  if (can_go && submission.sequence == nullptr) return false;
  if (ring_.notes_submit_times || ring_.notes_times) {
    submission.submit_time = ring_.backend->now();
    if (ring_.notes_times) submission.times.held_from = submission.submit_time;
  }
  const StateAccess state(ring_.state);
  state->require_usable();
  if (can_go && submission.sequence->first(submission)) {
    submission.times.held_from = {};
    return false;
  }
  submission.times.held_for_dependency = !can_go;
  submission.references.store(2, std::memory_order_relaxed);
  state->hold(submission);
  return true;
}

void Submitting::advance(RingQueue& queue, SequenceRecord* sequence, Submission* alone,
                         Told& told) {
  while (told.loss == nullptr) {
    Submission* next = alone;
    {
      const StateAccess state(ring_.state);
      if (sequence != nullptr) next = sequence->front();
      if (next == nullptr || next->phase.load(std::memory_order_relaxed) != Phase::held) return;
      // Whoever sees what it hangs on come, resumes it.
      if (next->hangs) return;
      // Kept until it has been told of: its ticket may be gone by then.
      next->references.fetch_add(1, std::memory_order_relaxed);
    }
    if (!send_held(queue, *next, told) || sequence == nullptr) return;
  }
}

bool Submitting::send_held(RingQueue& queue, Submission& submission, Told& told) {
  const Predecessors::Verdict verdict = predecessors_.look(submission, queue.waits);
  if (verdict == Predecessors::Verdict::hangs) {
    // Not the last: what it hangs on has one, and nobody resumes it before this lock is free.
    submission.references.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  if (verdict == Predecessors::Verdict::needs_end) {
    told.hanging.push(submission);
    return false;
  }
  std::exception_ptr failure;
  if (verdict == Predecessors::Verdict::failed) {
    failure = predecessors_.failure(submission);
    ring_.backend->discard(submission.slot);
  } else {
    submission.times.submit_begin = ring_.noted_now();
    try {
      const Serial serial = queue.timeline.next();
      ring_.backend->submit(submission.slot, serial, queue.waits);
      ring_.note_sent(queue, serial);
    } catch (const DeviceLost&) {
      // It fails with all others that are held.
      told.loss = std::current_exception();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  queue.waits.clear();
  {
    const StateAccess state(ring_.state);
    // Lost with the device meanwhile: its ticket knows, and there is nothing else to tell.
    if (told.loss != nullptr || submission.phase.load(std::memory_order_relaxed) != Phase::held) {
      told.lost.push(submission);
      return false;
    }
    told.sent.push(submission);
    if (failure == nullptr) {
      note_sent(submission);
      // Reckoned from then on as well: what was due before lies before its start.
      submission.next_hang_warning = {};
      state->send(submission, told.follow_up);
    } else {
      state->refuse(submission, failure, told.follow_up);
      state->serve_waiters(told.follow_up);
      state->settle(told.follow_up);
    }
  }
  if (failure == nullptr) note(queue, told);
  return true;
}

void Submitting::resume(Submission& submission, ResumedSubmissions& more) noexcept {
  RingQueue& queue = ring_.queue(submission.queue);
  Told told;
  {
    const LogHold hold;
    const LockGuard lock(queue.submit_mutex);
    submission.hangs = false;
    advance(queue, submission.sequence.get(), &submission, told);
  }
  while (Submission* const next = told.follow_up.resumed.pop_front()) more.push_back(*next);
  tell(queue, told);
}

void Submitting::fail_held(RingQueue& queue) noexcept {
  for (SlotIndex slot{0};; slot = SlotIndex{to_number(slot) + 1}) {
    Told told;
    {
      const LogHold hold;
      const LockGuard lock(queue.submit_mutex);
      Submission* held = nullptr;
      {
        const StateAccess state(ring_.state);
        if (to_number(slot) >= state->slots.extent()) return;
        Submission* const submission = state->slots[slot].submission;
        if (submission == nullptr || submission->queue != queue.index) continue;
        if (submission->phase.load(std::memory_order_relaxed) != Phase::held) continue;
        held = submission;
        held->references.fetch_add(1, std::memory_order_relaxed);
      }
      const std::exception_ptr failure = predecessors_.ended_before(*held);
      ring_.backend->discard(slot);
      const StateAccess state(ring_.state);
      if (held->phase.load(std::memory_order_relaxed) == Phase::held) {
        state->refuse(*held, failure, told.follow_up);
        told.sent.push(*held);
      } else {
        told.lost.push(*held);
      }
    }
    tell(queue, told);
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
  while (Submission* const submission = told.hanging.pop()) {
    Predecessors::hang_on_end(*submission);
  }
  while (Submission* const submission = told.sent.pop()) {
    const Ticket ticket = TicketAccess::make(*submission);
    const Serial serial = ticket.serial();
    const bool refused = serial.value() == 0;
    const SubmissionTimes& times = submission->times;
    const std::string_view label = submission->label.view();
    ring_.observe(&Observer::on_submit, SubmitEvent{submission->slot, submission->queue, serial,
                                                    label, times.submit_begin, times.submit_end});
    if (!refused) continue;
    ring_.observe(&Observer::on_complete, CompleteEvent{submission->slot, submission->queue, serial,
                                                        std::nullopt, true, label, times});
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
    advance(queue, sequence.get(), nullptr, told);
  }
  tell(queue, told);
}

void Submitting::send_held(SequenceRecord& sequence) noexcept {
  RingQueue& queue = ring_.queue(sequence.queue);
  Told told;
  {
    const LogHold hold;
    const LockGuard lock(queue.submit_mutex);
    advance(queue, &sequence, nullptr, told);
  }
  tell(queue, told);
}

}  // namespace cbr::detail
