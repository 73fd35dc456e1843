// The state that a ring and its backend must agree on, and the rules for moving it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <cbr/options.h>
#include <cbr/types.h>
#include <cbr/validation.h>

#include "backends/decorators/wait_claims.h"

namespace cbr::detail {

/// The book-keeping behind cbr::validate: told of every call before and after it, it reports what
/// breaks a rule. Knows no backend.
///
/// A function that starts with a call's name and ends in `_starts` comes before the call; the other
/// one after it, or, where the call threw, `_failed`. All may be called by any thread. The sink is
/// called with no lock held: not by what concerns `abandon`, which comes under a lock of the
/// ring's; what that breaks is reported by the next function.
class Contract {
 public:
  Contract(std::uint32_t queue_count, ViolationSink sink);

  /// `timelines` is what the backend gives for each queue.
  void attached(std::uint32_t ring_size, GpuTimes gpu_times,
                std::vector<std::shared_ptr<const QueueTimeline>> timelines);
  /// The calls that may follow are those of another ring, so this one comes before the call only.
  void detach_starts();

  void add_starts(SlotIndex slot);
  void added(SlotIndex slot);
  void add_failed(SlotIndex slot);
  void remove_starts(SlotIndex slot);
  void removed(SlotIndex slot);

  void begin_starts(SlotIndex slot);
  void begun(SlotIndex slot, const void* handle);
  void begin_failed(SlotIndex slot);

  /// `call` is submit or gather.
  void submit_starts(const char* call, SlotIndex slot, Serial serial,
                     std::span<TimelinePoint> waits);
  /// The driver has it, or it is `gathered`.
  void submitted(SlotIndex slot, bool gathered);
  void submit_failed(SlotIndex slot, Serial serial);

  /// `gather` was called for a backend that can't.
  void gathered_in_vain();
  void flush_starts(QueueIndex queue);
  void flushed(QueueIndex queue);
  void flush_failed(QueueIndex queue);

  /// Allocates only where a rule is broken.
  void abandon_starts(SlotIndex slot) noexcept;
  void abandoned(SlotIndex slot, const void* objects) noexcept;

  void discard_starts(SlotIndex slot);
  void discarded(SlotIndex slot);

  void finish_starts(SlotIndex slot);
  void finished(SlotIndex slot, const Completion& completion);
  void finish_failed(SlotIndex slot);

  /// What is known before a call of `completed`, and so what it has to agree with.
  struct Known {
    Serial at_least;
    std::uint64_t claims = 0;
  };
  [[nodiscard]] Known completed_starts(QueueIndex queue);
  void completed(QueueIndex queue, const Known& known, Serial result);
  void completed_failed(QueueIndex queue);

  /// Returns whether one of the points is known to have ended, so that the wait must say `reached`.
  [[nodiscard]] bool wait_starts(std::span<const SyncPoint> points);
  void wait_failed();
  /// Whether it is true, later calls of `completed` tell.
  void wait_reached(std::span<const SyncPoint> points);
  void wait_woken(std::uint64_t wake_number, bool had_ended);
  void wait_timed_out(TimePoint deadline, TimePoint now, bool had_ended);
  void wake_starts(std::uint64_t wake_number);
  /// After the call, whether it threw or not.
  void wake_ended();

  /// True once a call threw DeviceLost.
  [[nodiscard]] bool lost() const;
  void lose();
  /// A call succeeded; `was_lost` is what lost() said before it.
  void succeeded(const char* call, bool was_lost);
  /// SlotLayout::report was called after detach().
  void reported_late();

 private:
  enum class State : std::uint8_t { absent, free, recording, in_flight, abandoned };

  struct SlotRecord {
    State state = State::absent;
    Serial serial;
    /// The call under way, else null.
    const char* call = nullptr;
    /// What the submission waits for on queues of this backend.
    std::vector<SyncPoint> waits = {};
  };
  struct QueueRecord {
    Serial submitted;
    /// What the driver has of that: the rest is gathered.
    Serial sent;
    /// What `completed` has returned, and what is known from waits too.
    Serial completed;
    Serial reached;
    Serial finished;
    bool submitting = false;
    /// `completed` or `finish`, where one is under way; else null.
    const char* retiring = nullptr;
  };
  /// What one call broke, reported once the lock is free.
  using Violations = std::vector<std::string>;

  static const char* text(State state);
  static std::string where(const char* call, SlotIndex slot);
  static void raise(Serial& mark, Serial serial);
  /// Runs `rules(violations)` under the lock.
  template <typename Rules>
  void check(Rules&& rules);
  /// What all calls for a slot have in common. Marks the call as under way.
  void enter(Violations& violations, const char* call, SlotIndex slot, State expected);
  void leave(SlotIndex slot, State state);
  /// The same for adding and removing, which one thread at a time does.
  void enter_change(Violations& violations, const char* call, SlotIndex slot, State expected);
  void leave_change(SlotIndex slot, State state);
  void require_attached(Violations& violations, const char* call) const;
  void require_waits(Violations& violations, SlotIndex slot, std::span<TimelinePoint> waits);
  void require_times(Violations& violations, SlotIndex slot, const Completion& completion) const;
  /// False, and a violation, if there is no such queue.
  bool require_queue(Violations& violations, const char* call, QueueIndex queue) const;
  [[nodiscard]] SlotRecord& record(SlotIndex slot);
  [[nodiscard]] QueueRecord& queue_of(SlotIndex slot);

  const ViolationSink sink_;
  mutable std::mutex mutex_;
  // All below is guarded by mutex_.
  bool attached_ = false;
  bool lost_ = false;
  /// A slot is being added or removed.
  bool changing_slots_ = false;
  GpuTimes gpu_times_ = GpuTimes::both;
  /// Calls of `wait`, `wake` and `completed` under way.
  std::uint32_t waits_ = 0;
  std::uint64_t woken_ = 0;
  /// One more than there can be: the last stands for all that are out of range.
  std::vector<SlotRecord> slots_{max_ring_size + 1};
  std::vector<QueueRecord> queues_;
  WaitClaims claims_;
  /// One a queue; null where nothing can wait for them.
  std::vector<std::shared_ptr<const QueueTimeline>> timelines_;
  /// Broken by `abandon`, not reported yet.
  Violations deferred_;
};

}  // namespace cbr::detail
