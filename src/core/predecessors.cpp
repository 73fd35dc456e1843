#include "core/predecessors.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/messages.h"
#include "core/ring_core.h"
#include "core/sequence_record.h"

namespace cbr::detail {
namespace {

Submission& record_of(const Dependency& dependency) {
  return *TicketAccess::record(dependency.ticket());
}

bool is_held(const Submission& submission) {
  return submission.phase.load(std::memory_order_acquire) == Phase::held;
}

/// Whether the submission has failed, and those that depend on it with it.
bool has_failed(const Dependency& dependency) {
  const Submission& submission = record_of(dependency);
  if (dependency.options().if_failed == IfFailed::run) return false;
  return submission.done.load(std::memory_order_acquire) && submission.completion.error != nullptr;
}

/// What failed first, where one failure has led to others. So neither texts nor exceptions grow
/// with the length of a chain.
std::exception_ptr root_cause(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const DependencyFailed& failure) {
    return failure.cause();
  } catch (...) {
    return error;
  }
}

/// Marks what it comes by, so that each is looked at once.
class CycleSearch {
 public:
  CycleSearch(const Submission& lease, Dependencies& seen) : lease_(lease), seen_(seen) {
    static std::uint64_t searches = 0;
    number_ = ++searches;
  }
  /// Whether something that is held, of all that `lease` waits for, waits for `lease`.
  [[nodiscard]] bool finds_lease() {
    add_held(lease_.after);
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      if (waits_for_lease(record_of(seen_[i]))) return true;
    }
    return false;
  }

 private:
  void add(Submission& submission) {
    if (std::exchange(submission.search, number_) == number_) return;
    seen_.add(TicketAccess::share(&submission));
  }
  void add_held(const Dependencies& dependencies) {
    for (std::size_t i = 0; i < dependencies.size(); ++i) {
      Submission& submission = record_of(dependencies[i]);
      if (is_held(submission)) add(submission);
    }
  }
  /// Adds what `submission` waits for itself: what is before it in its sequence, and its own
  /// dependencies.
  bool waits_for_lease(Submission& submission) {
    const StateAccess state(submission.core->context().state);
    // Sent meanwhile, or failed: it waits for nothing that is not sent.
    if (!is_held(submission)) return false;
    add_held(submission.after);
    for (Submission* before = submission.sequence_previous; before != nullptr;
         before = before->sequence_previous) {
      if (before == &lease_) return true;
      if (is_held(*before)) add(*before);
    }
    return false;
  }

  const Submission& lease_;
  Dependencies& seen_;
  std::uint64_t number_ = 0;
};

}  // namespace

Predecessors::Survey Predecessors::survey(const Submission& submission) const {
  Survey survey;
  for (std::size_t i = 0; i < submission.after.size(); ++i) {
    const Dependency& dependency = submission.after[i];
    if (!dependency.ticket().valid()) {
      throw InvalidUsage(
          fmt::format("{}: submit: ticket {} of `after` is empty", ring_.options.name, i));
    }
    const Submission& predecessor = record_of(dependency);
    const bool by_gpu = gpu_can_wait_for(predecessor);
    if (!by_gpu) require_host_wait(dependency, i);
    try {
      predecessor.core->send_now(predecessor);
    } catch (const DeviceLost&) {
      // It has failed then, as its record tells.
    }
    if (predecessor.done.load(std::memory_order_acquire)) {
      if (has_failed(dependency)) survey.can_go = false;
    } else if (is_held(predecessor)) {
      survey = {.any_held = true, .can_go = false};
    } else if (!by_gpu) {
      survey.can_go = false;
    }
  }
  return survey;
}

void Predecessors::require_host_wait(const Dependency& dependency, std::size_t index) const {
  const Submission& predecessor = record_of(dependency);
  RingCore& core = *predecessor.core;
  if (!dependency.options().allow_host_wait) {
    const bool both_can = ring_.gpu_waits_on != nullptr && core.context().gpu_waits_on != nullptr;
    throw InvalidUsage(
        fmt::format("{}: submit: the GPU can't wait for ticket {} of `after`, which is {} of ring "
                    "'{}' {}; with allow_host_wait, the host waits",
                    ring_.options.name, index, slot_name(predecessor.slot, predecessor.label),
                    core.options().name,
                    both_can ? "on another device" : "and not both backends have timelines"));
  }
  core.require_completion_thread(predecessor);
}

Mutex& Predecessors::order() {
  static Mutex mutex;
  return mutex;
}

void Predecessors::require_no_cycle(const Submission& lease, Dependencies& seen) {
  if (!CycleSearch(lease, seen).finds_lease()) return;
  throw InvalidUsage(fmt::format(
      "{}: submit: {} would wait for work that is held back behind it in a sequence, and "
      "so for itself",
      lease.core->options().name, slot_name(lease.slot, lease.label)));
}

Predecessors::Verdict Predecessors::look(Submission& submission,
                                         std::vector<TimelinePoint>& waits) const {
  waits.clear();
  Verdict verdict = Verdict::ready;
  for (std::size_t i = 0; i < submission.after.size(); ++i) {
    const Dependency& dependency = submission.after[i];
    Submission& predecessor = record_of(dependency);
    if (gpu_can_wait_for(predecessor)) {
      if (is_held(predecessor) && hang_until_sent(submission, predecessor)) return Verdict::hangs;
      add_wait(predecessor, waits);
    } else if (!predecessor.done.load(std::memory_order_acquire)) {
      submission.hangs = true;
      submission.end_watch.awaited = dependency.ticket();
      return Verdict::needs_end;
    }
    if (has_failed(dependency)) verdict = Verdict::failed;
  }
  return verdict;
}

bool Predecessors::hang_until_sent(Submission& submission, Submission& predecessor) {
  const StateAccess state(predecessor.core->context().state);
  if (!is_held(predecessor)) return false;
  submission.hangs = true;
  submission.references.fetch_add(1, std::memory_order_relaxed);
  predecessor.dependants.push_back(submission);
  return true;
}

void Predecessors::add_wait(const Submission& predecessor,
                            std::vector<TimelinePoint>& waits) const {
  const Serial serial(predecessor.serial.load(std::memory_order_acquire));
  // What never was sent is not to be waited for.
  if (serial.value() == 0) return;
  RingContext& ring = predecessor.core->context();
  const RingQueue& queue = ring.queue(predecessor.queue);
  if (&ring == &ring_) {
    // It is there: the ring's end passes through the submit mutex that this thread holds. It stays
    // until the ring's work has ended, so the wait needs no share of it.
    waits.push_back({{std::shared_ptr<const void>(), queue.gpu_timeline.get()}, serial});
    return;
  }
  const StateAccess state(ring.state);
  if (queue.gpu_timeline != nullptr) waits.push_back({queue.gpu_timeline, serial});
}

void Predecessors::hang_on_end(Submission& submission) noexcept {
  // It may run at once, and hang on something else then.
  const Ticket awaited = std::move(submission.end_watch.awaited);
  Submission& predecessor = *TicketAccess::record(awaited);
  submission.end_watch.dependant = &submission;
  try {
    if (predecessor.core->add_continuation(predecessor, submission.end_watch)) return;
  } catch (...) {
    // Its thread is there: survey() has seen to that. What is left is a child that was forked off,
    // where nothing goes on.
    return;
  }
  submission.core->resume(submission);
}

Submission* Predecessors::unresolved(const Submission& submission) noexcept {
  for (std::size_t i = 0; i < submission.after.size(); ++i) {
    Submission& predecessor = record_of(submission.after[i]);
    if (!predecessor.done.load(std::memory_order_acquire)) return &predecessor;
  }
  return nullptr;
}

TimePoint Predecessors::gpu_end(const Submission& submission) const noexcept {
  TimePoint last{};
  for (std::size_t i = 0; i < submission.after.size(); ++i) {
    const Submission& predecessor = record_of(submission.after[i]);
    // The host has other clocks for other devices.
    if (!gpu_can_wait_for(predecessor) || !predecessor.times.gpu) continue;
    last = std::max(last, predecessor.times.gpu->end);
  }
  return last;
}

std::exception_ptr Predecessors::failure(const Submission& submission) const noexcept {
  for (std::size_t i = 0; i < submission.after.size(); ++i) {
    const Dependency& dependency = submission.after[i];
    if (has_failed(dependency)) return failure_of(submission, record_of(dependency));
  }
  return nullptr;
}

std::exception_ptr Predecessors::failure_of(const Submission& submission,
                                            Submission& predecessor) const noexcept {
  // The program learns of it by the one that waited.
  predecessor.looked_at.store(true, std::memory_order_relaxed);
  try {
    const std::exception_ptr cause = root_cause(predecessor.completion.error);
    return std::make_exception_ptr(DependencyFailed(
        fmt::format("{}: {} had to wait for {} of ring '{}', which failed: {}", ring_.options.name,
                    slot_name(submission.slot, submission.label),
                    slot_name(predecessor.slot, predecessor.label),
                    predecessor.core->options().name, what_of(cause)),
        cause));
  } catch (...) {
    // No memory for the text: that is what it fails with.
    return std::current_exception();
  }
}

std::exception_ptr Predecessors::ended_before(const Submission& submission) const noexcept {
  try {
    return std::make_exception_ptr(
        InvalidUsage(fmt::format("{}: the ring ended while {}, submitted at {}, was held back: "
                                 "what it waits for had not come",
                                 ring_.options.name, slot_name(submission.slot, submission.label),
                                 place(submission.submitted_at))));
  } catch (...) {
    return std::current_exception();
  }
}

bool Predecessors::gpu_can_wait_for(const Submission& predecessor) const noexcept {
  const RingContext& ring = predecessor.core->context();
  // A forked child has nothing of its parent's device; not even the locks of its rings.
  return ring.gpu_waits_on != nullptr && ring.gpu_waits_on == ring_.gpu_waits_on &&
         ring.gate.same_process();
}

}  // namespace cbr::detail
