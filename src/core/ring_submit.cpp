// How leases end: by a submission, in its turn where a sequence says so, or by giving up the slot.
#include <algorithm>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/messages.h"
#include "core/ring_core.h"

namespace cbr::detail {

Ticket RingCore::submit(Submission& submission, const std::source_location& where,
                        std::shared_ptr<RingCore> self) {
  require_same_process();
  const SlotIndex slot = submission.slot;
  const QueueIndex queue = submission.queue;
  // A reference of its own: the submission may have ended before this function does.
  const std::shared_ptr<SequenceRecord> sequence = submission.sequence;
  submission.submitted_at = where;
  std::uint64_t wake_number = 0;
  HeldEvents events;
  std::exception_ptr failure;
  bool recording = true;
  {
    const LockGuard submit_lock(submit_mutex(queue));
    try {
      if (stopped_.load(std::memory_order_relaxed)) {
        const LockGuard lock(state_mutex_);
        require_usable();
      }
      if (sequence != nullptr && hold_back(submission)) {
        return Ticket(std::move(self), &submission);
      }
      // The backend's submit ends the recording, whatever comes of it.
      recording = false;
      send(slot, submission, wake_number);
    } catch (...) {
      failure = std::current_exception();
    }
    if (sequence != nullptr && failure == nullptr) advance(*sequence, wake_number, events);
  }
  wake(wake_number);
  if (failure != nullptr) {
    if (recording) discard_recording(slot);
    end_unsubmitted(submission);
    if (options_.observer != nullptr) options_.observer->on_discard(slot);
    std::rethrow_exception(failure);
  }
  Ticket ticket(std::move(self), &submission);
  if (options_.observer != nullptr) {
    observe(&Observer::on_submit, SubmitEvent{slot, queue, ticket.serial()});
    tell(events);
  }
  return ticket;
}

void RingCore::send(SlotIndex slot, Submission& submission, std::uint64_t& wake_number) {
  const Serial serial = timeline(submission.queue).last_submitted().next();
  guarded([&] { backend_->submit(slot, serial); });
  const TimePoint now = options_.hang_warning_ms != 0 ? backend_->now() : TimePoint{};
  const LockGuard lock(state_mutex_);
  if (submission.sequence != nullptr) submission.sequence->give_up(slot);
  counter_.submitted();
  submission.references.store(2, std::memory_order_relaxed);
  record_in_flight(submission, serial, now, wake_number);
}

void RingCore::record_in_flight(Submission& submission, Serial serial, TimePoint now,
                                std::uint64_t& wake_number) {
  submission.serial.store(serial.value(), std::memory_order_release);
  table_.submit(submission.slot, serial);
  Slot& entry = table_[submission.slot];
  entry.submitted_at = now;
  entry.next_hang_warning = now + std::chrono::milliseconds(options_.hang_warning_ms);
  timeline(submission.queue).push(submission.slot);
  const bool watched = submission.watched();
  if (lost_ != nullptr) {
    // The device went away between the native submit and this line.
    fail_in_flight();
  } else {
    wake_number = std::max(wake_number, note_new_point(submission.queue));
  }
  if (watched) completion_queues_[to_number(submission.queue)].changed.notify_one();
}

bool RingCore::hold_back(Submission& submission) {
  const TimePoint now = options_.hang_warning_ms != 0 ? backend_->now() : TimePoint{};
  const LockGuard lock(state_mutex_);
  require_usable();
  if (submission.sequence->first(submission.slot)) return false;
  submission.references.store(2, std::memory_order_relaxed);
  table_.hold(submission.slot);
  Slot& entry = table_[submission.slot];
  entry.submitted_at = now;
  entry.next_hang_warning = now + std::chrono::milliseconds(options_.hang_warning_ms);
  counter_.submitted();
  return true;
}

void RingCore::tell(const HeldEvents& events) const {
  for (const auto& [event, failed] : events) {
    observe(&Observer::on_submit, event);
    if (!failed) continue;
    observe(&Observer::on_complete,
            CompleteEvent{event.slot, event.queue, event.serial, std::nullopt, true});
  }
}

void RingCore::advance(SequenceRecord& sequence, std::uint64_t& wake_number, HeldEvents& events) {
  for (;;) {
    SlotIndex slot{};
    {
      const LockGuard lock(state_mutex_);
      if (sequence.places.empty()) return;
      slot = sequence.places.front();
      if (table_[slot].state != SlotState::held) return;
    }
    const Serial serial = timeline(sequence.queue).last_submitted().next();
    std::exception_ptr failure;
    try {
      guarded([&] { backend_->submit(slot, serial); });
    } catch (...) {
      failure = std::current_exception();
    }
    const TimePoint now = options_.hang_warning_ms != 0 ? backend_->now() : TimePoint{};
    const LockGuard lock(state_mutex_);
    // Lost with the device meanwhile: its ticket knows.
    if (table_[slot].state != SlotState::held) return;
    Submission& submission = *table_[slot].submission;
    sequence.give_up(slot);
    if (options_.observer != nullptr) {
      const Serial told = failure == nullptr ? serial : Serial();
      events.emplace_back(SubmitEvent{slot, sequence.queue, told}, failure != nullptr);
    }
    if (failure == nullptr) {
      record_in_flight(submission, serial, now, wake_number);
    } else {
      table_[slot].submission = nullptr;
      free_slot(slot);
      resolve(submission, {std::nullopt, failure});
      wake_number = std::max(wake_number, serve_waiters());
    }
    resolved_.notify_all();
  }
}

void RingCore::discard(Submission& submission) noexcept {
  if (!process_.same_process()) return;
  const Visit visit(*this);
  if (!visit.allowed()) {
    // close() has discarded it already, and the backend may serve another ring by now.
    submission.kept_alive.clear();
    return;
  }
  backend_->discard(submission.slot);
  const SlotIndex slot = submission.slot;
  end_unsubmitted(submission);
  if (options_.observer != nullptr) options_.observer->on_discard(slot);
}

void RingCore::discard_recording(SlotIndex slot) noexcept {
  const Visit visit(*this);
  // After close() the backend may serve another ring, and has nothing of this one's any more.
  if (visit.allowed()) backend_->discard(slot);
}

void RingCore::end_unsubmitted(Submission& submission) noexcept {
  // The user's destructors run without the lock.
  submission.kept_alive.clear();
  leave_sequence(submission);
  UniqueLock lock(state_mutex_);
  const SlotIndex slot = submission.slot;
  table_[slot].submission = nullptr;
  pool_.give_back(&submission);
  free_slot(slot);
  counter_.discarded();
  const std::uint64_t wake_number = serve_waiters();
  settle(lock);
  lock.unlock();
  wake(wake_number);
}

void RingCore::leave_sequence(const Submission& submission) noexcept {
  if (submission.sequence == nullptr) return;
  std::uint64_t wake_number = 0;
  HeldEvents events;
  {
    const LockGuard submit_lock(submit_mutex(submission.queue));
    {
      const LockGuard lock(state_mutex_);
      submission.sequence->give_up(submission.slot);
    }
    advance(*submission.sequence, wake_number, events);
  }
  wake(wake_number);
  tell(events);
}

void RingCore::keep_alive(Submission& submission, std::shared_ptr<const void> object) {
  require_completion_thread(submission.queue);
  submission.kept_alive.push_back(std::move(object));
}

void RingCore::set_label(Submission& submission, std::string_view label) {
  // The lease's own, but a thread whose acquire timed out names the lease that is in its way.
  const LockGuard lock(state_mutex_);
  submission.label = Label(label);
}

void RingCore::report_abandoned(const Submission& submission) noexcept {
  log_.leak({.kind = Leak::Kind::abandoned_lease,
             .slot = submission.slot,
             .acquired_at = submission.acquired_at,
             .submitted_at = submission.acquired_at,
             .text = abandoned_text(submission)});
}

}  // namespace cbr::detail
