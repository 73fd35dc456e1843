#include "core/slot_leasing.h"

#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/messages.h"
#include "core/sequence_record.h"

namespace cbr::detail {
namespace {

/// A line that there is no memory for is lost, and not the slot.
void report_wait(const RingLog& log, SlotIndex slot, std::chrono::nanoseconds waited) noexcept {
  try {
    const std::string text = waited_text(waited, slot);
    log.write({.level = LogLevel::debug,
               .event = LogEvent::waited,
               .text = text,
               .slot = slot,
               .duration = waited});
  } catch (...) {
    return;
  }
}

}  // namespace

SlotRequest SlotLeasing::check(const AcquireOptions& options,
                               const std::shared_ptr<SequenceRecord>* sequence,
                               const std::source_location& where) const {
  SlotRequest request{.level = 0,
                      .queue = options.queue,
                      .sequence = sequence,
                      .label = options.label,
                      .where = where};
  ring_.require_queue(options.queue, "acquire");
  if (ring_.options.allocation_strategy == AllocationStrategy::priority) {
    request.level = options.priority ? static_cast<std::uint32_t>(*options.priority)
                                     : ring_.options.priority_levels / 2;
    if (request.level >= ring_.options.priority_levels) {
      throw InvalidOption(fmt::format("{}: acquire asks for priority {}, allowed are 0 to {}",
                                      ring_.options.name, request.level,
                                      ring_.options.priority_levels - 1));
    }
  }
  if (sequence != nullptr) {
    if (request.queue && *request.queue != (*sequence)->queue) {
      throw InvalidOption(fmt::format("{}: a lease of a sequence on queue {} asks for queue {}",
                                      ring_.options.name, to_number((*sequence)->queue),
                                      to_number(*request.queue)));
    }
    request.queue = (*sequence)->queue;
  }
  return request;
}

Submission* SlotLeasing::take_free(const SlotRequest& request) {
  // A hint: if it is out of date, the slot is found on the longer way.
  if (ring_.full.load(std::memory_order_relaxed)) return nullptr;
  const StateAccess state(ring_.state);
  state->require_usable();
  return state->lease(request);
}

Lease SlotLeasing::begin(Submission& submission, std::chrono::nanoseconds waited) {
  if (ring_.options.log_wait_events && waited > std::chrono::nanoseconds(0)) {
    report_wait(ring_.log, submission.slot, waited);
  }
  void* handle = nullptr;
  try {
    handle = retirement_.guarded([&] { return ring_.backend->begin(submission.slot); });
    submission.native_slot = ring_.backend->native_slot(submission.slot);
  } catch (...) {
    give_up(submission);
    throw;
  }
  submission.times.waited = waited > std::chrono::nanoseconds(0);
  const bool noted = ring_.notes_times || ring_.notes_submit_times;
  const TimePoint begun = noted ? ring_.backend->now() : TimePoint{};
  if (ring_.notes_times) submission.times.acquire_end = begun;
  submission.leased_since.store(begun.time_since_epoch().count(), std::memory_order_relaxed);
  ring_.observe(&Observer::on_acquire,
                AcquireEvent{submission.slot, submission.queue, waited, submission.label.view(),
                             submission.times.acquire_begin, submission.times.acquire_end});
  return Lease(submission, handle);
}

void SlotLeasing::throw_timeout(std::chrono::nanoseconds waited, std::chrono::nanoseconds limit) {
  const StateAccess state(ring_.state);
  const SlotIndex index = state->in_the_way();
  throw AcquireTimeout(timeout_text(ring_.options.name, waited, limit, index, state->slots[index]));
}

void SlotLeasing::give_up(Submission& submission) noexcept {
  submitting_.leave_sequence(submission);
  FollowUp follow_up;
  {
    const TimePoint now = ring_.noted_now();
    const StateAccess state(ring_.state);
    state->end_unsubmitted(submission, now, follow_up);
  }
  ring_.follow_up(follow_up);
}

void SlotLeasing::give_up_after_ring(Submission& submission) noexcept {
  // Destroyed in the opposite order: the lock is free before the native objects go, and these go
  // before the core may.
  FollowUp follow_up;
  std::unique_ptr<NativeSlot> native;
  const StateAccess state(ring_.state);
  native = std::move(submission.abandoned);
  state->end_after_ring(submission, follow_up);
}

void SlotLeasing::give_up_unbegun(Submission& submission) noexcept {
  const Visit visit(ring_.gate);
  if (visit.allowed()) {
    give_up(submission);
  } else {
    give_up_after_ring(submission);
  }
}

}  // namespace cbr::detail
