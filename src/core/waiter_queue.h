// The requests that wait for a slot, and which of them is next. Pure logic: the ring's state mutex
// guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <cbr/types.h>

#include "core/admission.h"
#include "core/intrusive_list.h"
#include "core/slot_table.h"
#include "core/sync.h"
#include "core/waiter_line.h"

namespace cbr::detail {

struct WaitingThread;

/// One request that waits: on the stack of the thread that waits for it, or asynchronous, in a
/// record of its own (AcquireRequest).
struct Waiter {
  SlotRequest request;
  /// Is woken when there is something to be done for it.
  WaitingThread* thread = nullptr;
  /// What its lease will be recorded in, taken before it began to wait: a slot can be handed to it
  /// without allocating.
  Submission* submission = nullptr;
  /// It has been given a slot; `submission` says which.
  bool granted = false;
  /// When it came, and when it is next reported as still waiting.
  TimePoint since{};
  TimePoint next_report{};
  /// From when on the statistics count its wait: since it came, or since they were reset.
  TimePoint counted_from{};
  /// How often the statistics had been reset by then.
  std::uint64_t resets = 0;
  /// Its number in the order of arrival.
  std::uint64_t arrival = 0;
  /// Where it stands in its line, which sets it.
  std::size_t place = 0;
  /// Its neighbours among the requests of its thread.
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
};

/// A thread that waits for slots: for one of its own, or for those of all asynchronous requests.
struct WaitingThread {
  using Requests = IntrusiveList<Waiter, &Waiter::previous, &Waiter::next>;

  ConditionVariable wake_up;
  /// In order of arrival.
  Requests waiting;
  /// Those that have been given a slot, in that order, until the thread has seen it.
  Requests granted;
  /// Its neighbours among those that wait for a slot of their own.
  WaitingThread* previous = nullptr;
  WaitingThread* next = nullptr;
};

/// Whom a free slot goes to.
struct Grant {
  Waiter* waiter = nullptr;
  SlotIndex slot{};
};

/// The waiters in order of arrival, in a line for each queue and level that they ask for: what a
/// free slot costs to hand on depends on the number of lines, and not on how many wait. Owns none
/// of them.
class WaiterQueue {
 public:
  /// A waiter that later requests were served before `ageing_limit` times goes before all levels.
  WaiterQueue(std::uint32_t queue_count, std::uint32_t level_count, std::uint32_t ageing_limit);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// If this throws std::bad_alloc, nothing has changed.
  void push(Waiter& waiter);
  /// Takes out the waiter that is to have one of the free slots, and says which. Of those that may
  /// take one: the first that has aged, else the first of the highest level. Counts for those that
  /// came before it and might have had a slot that they were overtaken. Empty if no waiter may take
  /// any.
  std::optional<Grant> take_next(const Admission& admission, const SlotTable& table);
  /// Takes a waiter out, wherever it stands.
  void remove(Waiter& waiter);
  /// Calls `function` for each waiter; those of one line in order of arrival.
  template <typename Function>
  void for_each(const Function& function) {
    for (WaiterLine& line : lines_) line.for_each(function);
  }

 private:
  /// Of the first of a line; 0 goes first.
  [[nodiscard]] std::uint32_t rank(const WaiterLine& line) const;
  [[nodiscard]] WaiterLine& line_of(const Waiter& waiter);

  std::uint32_t level_count_;
  std::uint32_t ageing_limit_;
  std::uint64_t arrivals_ = 0;
  std::uint32_t count_ = 0;
  /// By level, first those that take a slot of any queue, then those of each queue.
  std::vector<WaiterLine> lines_;
};

}  // namespace cbr::detail
