// The record of one submission: what lease, ring and tickets share.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <source_location>
#include <vector>

#include <cbr/backend.h>
#include <cbr/dependency.h>
#include <cbr/lease.h>
#include <cbr/submission_times.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

#include "core/foreign_waits.h"
#include "core/intrusive_list.h"
#include "core/label.h"
#include "core/sync.h"

namespace cbr::detail {

class RingCore;
struct SequenceRecord;

/// What a submission keeps alive.
using KeptObjects = std::vector<std::shared_ptr<const void>>;

/// Objects that a submission kept, on their way out. A few leave the record's memory to the record,
/// so that steady state allocates nothing.
class ReleasedObjects {
 public:
  /// Leaves `objects` empty.
  void take(KeptObjects& objects) noexcept {
    if (objects.size() > few_.size()) {
      many_.swap(objects);
    } else {
      std::move(objects.begin(), objects.end(), few_.begin());
      objects.clear();
    }
  }

 private:
  std::array<std::shared_ptr<const void>, 4> few_;
  KeptObjects many_;
};

/// How far a submission has come. A slot that is not free has one record, in one of these phases.
enum class Phase : std::uint8_t {
  /// A lease has it.
  leased,
  /// It waits for its turn in a sequence, or for what the GPU can't wait for by itself, and is not
  /// yet the driver's.
  held,
  /// The driver has it.
  in_flight,
  /// It has ended, or never ran.
  ended,
};

/// A thread that waits for one submission to be sent or to end; lives on its stack.
struct Sleeper {
  ConditionVariable wake_up;
  Sleeper* previous = nullptr;
  Sleeper* next = nullptr;
};

/// What wakes a held submission once another one has ended, which only the host can see.
class EndWatch final : public Continuation {
 public:
  void run(const Ticket& ticket) noexcept override;
  /// What it is about to hang on.
  Ticket awaited;
  /// Has a reference to it while this hangs there.
  Submission* dependant = nullptr;
};

/// One submission: first as its lease sees it, then as its tickets do.
///
/// Until it is submitted, the lease alone writes to it. What is not atomic has been written before
/// `phase` says so and doesn't change until the record goes back to its pool; the ring's state
/// mutex guards what is marked (state), its queue's submit mutex what is marked (submit), and the
/// process's order of submissions what is marked (order).
struct Submission {
  /// The ring's core, which lives as long as any record is in use.
  RingCore* core = nullptr;
  SlotIndex slot{};
  QueueIndex queue{};
  /// The number on its queue; 0 until the driver has it. Stored here and nowhere else.
  Atomic<std::uint64_t> serial = 0;
  Atomic<Phase> phase = Phase::leased;
  /// The outcome is there to be read.
  Atomic<bool> done = false;
  /// The ring holds one until it has ended, each ticket holds one.
  Atomic<std::uint32_t> references = 0;
  /// A ticket was asked how it ended.
  Atomic<bool> looked_at = false;

  /// Written by who retires it, before `done`.
  Completion completion;
  /// Written by whoever comes by each moment: the lease's thread, who sends it, who retires it.
  SubmissionTimes times;
  /// When the lease began, for those who look at one that is another thread's; 0 until it is known.
  Atomic<TimePoint::rep> leased_since = 0;

  /// (state) while it is leased: a thread whose acquire timed out names the lease in its way.
  Label label;
  /// What the GPU waits for beside `after`. The lease's own until it is submitted.
  ForeignWaits foreign_waits;
  std::source_location acquired_at;
  std::source_location submitted_at;
  /// When the driver, or a sequence, got it; by the backend's clock.
  TimePoint submit_time{};
  /// (state) When it is next reported as hung; unset until the watchdog has seen it.
  TimePoint next_hang_warning{};

  /// What is to be let go of when it has ended. The lease's own until it is submitted, the
  /// completion thread's once it has ended.
  KeptObjects kept_alive;
  /// (state) What is to be done when it has ended.
  IntrusiveList<Continuation, &Continuation::previous, &Continuation::next> continuations;
  /// (state) The threads that wait for it here, and not in the backend.
  mutable IntrusiveList<Sleeper, &Sleeper::previous, &Sleeper::next> sleepers;

  /// What it waits for. The lease's own until it is submitted, and fixed from then on. Once it has
  /// ended it is taken out with the submit mutex held, and let go of without.
  Dependencies after;
  /// (submit) It is held, and hangs on something that it has to wait for: whoever sees that come
  /// resumes it.
  bool hangs = false;
  EndWatch end_watch;
  /// Its neighbours among those that hang on one submission: (state) of that one's ring.
  Submission* hanging_previous = nullptr;
  Submission* hanging_next = nullptr;
  /// (state) Those that are held until this one is sent, each with a reference of its own.
  IntrusiveList<Submission, &Submission::hanging_previous, &Submission::hanging_next> dependants;
  /// (order) The last search that has come by, see Predecessors.
  std::uint64_t search = 0;

  /// The sequence that this is a part of, or null, and (state) its neighbours there.
  std::shared_ptr<SequenceRecord> sequence;
  Submission* sequence_previous = nullptr;
  Submission* sequence_next = nullptr;
  bool in_sequence = false;

  /// (state) Its neighbours among those that a completion thread waits for, or has to see to.
  Submission* watched_previous = nullptr;
  Submission* watched_next = nullptr;
  bool in_watched = false;

  /// The slot's native objects: the lease's until it is submitted.
  NativeSlot* native_slot = nullptr;
  /// (state) The same, once the ring has ended under the lease.
  std::unique_ptr<NativeSlot> abandoned;
  /// The next in the pool, or in a chain of those that have to be told of.
  Submission* chain_next = nullptr;
  /// The next of those that have ended, and have to let go of what they waited for.
  Submission* settled_next = nullptr;

  /// (state) True if a completion thread has something to do when it has ended.
  [[nodiscard]] bool watched() const { return !continuations.empty() || !kept_alive.empty(); }
};

/// Makes tickets, which is the library's to do.
class TicketAccess {
 public:
  /// Takes over one reference.
  static Ticket make(Submission& submission) { return Ticket(&submission); }
  /// Adds one. Null gives an empty ticket.
  static Ticket share(Submission* submission) {
    if (submission != nullptr) submission->references.fetch_add(1, std::memory_order_relaxed);
    return Ticket(submission);
  }
  static Submission* record(const Ticket& ticket) { return ticket.submission_; }
};

/// Says more of a lease than the program can, for functions of a backend.
class LeaseAccess {
 public:
  /// What the GPU is to wait for that is not the ring's. The lease is not empty.
  static void set_foreign_waits(const Lease& lease, const ForeignWaits& waits) {
    lease.submission_->foreign_waits = waits;
  }
};

/// Several records to be seen to once no lock is held, in the order of their coming.
template <Submission* Submission::*Next>
class LinkedSubmissions {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  void push(Submission& submission) {
    submission.*Next = nullptr;
    (last_ != nullptr ? last_->*Next : first_) = &submission;
    last_ = &submission;
  }
  /// Null if it is empty.
  Submission* pop() {
    Submission* const submission = first_;
    if (submission == nullptr) return nullptr;
    first_ = submission->*Next;
    if (first_ == nullptr) last_ = nullptr;
    submission->*Next = nullptr;
    return submission;
  }

 private:
  Submission* first_ = nullptr;
  Submission* last_ = nullptr;
};
using SubmissionChain = LinkedSubmissions<&Submission::chain_next>;
/// Each has a reference of its own.
using SettledSubmissions = LinkedSubmissions<&Submission::settled_next>;

/// Records in a list of the links of `dependants`, which they hang in no more.
using ResumedSubmissions =
    IntrusiveList<Submission, &Submission::hanging_previous, &Submission::hanging_next>;

/// Hands out records and takes them back, so that steady state allocates nothing. The ring's state
/// mutex guards it.
class SubmissionPool {
 public:
  /// Makes `count` records at once, for tickets of `core`.
  SubmissionPool(RingCore& core, std::uint32_t count) : core_(core) { grow(count); }

  /// A blank record. Allocates only when all are in use, because tickets outlive their slots; if
  /// that fails, nothing has changed.
  Submission& take();
  /// `submission` keeps nothing alive any more: what it kept has been let go of without the lock.
  void give_back(Submission& submission) noexcept;
  /// How many are with leases, waiting threads, tickets or the ring.
  [[nodiscard]] std::uint32_t in_use() const { return in_use_; }

 private:
  void grow(std::uint32_t count);

  RingCore& core_;
  std::vector<std::unique_ptr<Submission[]>> blocks_;
  std::uint32_t total_ = 0;
  std::uint32_t in_use_ = 0;
  Submission* free_ = nullptr;
};

}  // namespace cbr::detail
