// The threads that wait for a slot, and who of them is next. Pure logic: the ring's state mutex
// guards it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <cbr/types.h>

#include "core/admission.h"
#include "core/intrusive_list.h"
#include "core/slot_table.h"
#include "core/sync.h"

namespace cbr::detail {

/// One waiting thread; lives on its stack.
struct Waiter {
  SlotRequest request;
  ConditionVariable wake_up;
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
  /// How many later requests have been served before this one.
  std::uint32_t overtaken = 0;
  /// Its place in the order of arrival.
  std::uint64_t arrival = 0;
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
};

/// Whom a free slot goes to.
struct Grant {
  Waiter* waiter = nullptr;
  SlotIndex slot{};
};

/// The waiters in order of arrival, apart for each queue that they ask for: a free slot is offered
/// to those only that may have it. Owns none of them.
class WaiterQueue {
 public:
  /// A waiter that was overtaken `ageing_limit` times goes before all levels.
  WaiterQueue(std::uint32_t queue_count, std::uint32_t ageing_limit)
      : ageing_limit_(ageing_limit), lists_(std::size_t{queue_count} + 1) {}

  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// The one that came first.
  [[nodiscard]] Waiter* front() const;
  void push(Waiter& waiter);
  /// Takes out the waiter that is to have one of the free slots, and says which. Of those that may
  /// take one: the first that has aged, else the first of the highest level. Counts how often the
  /// others are overtaken by this. Empty if no waiter may take any.
  std::optional<Grant> take_next(const Admission& admission, const SlotTable& table);
  /// Takes a waiter out, wherever it stands.
  void remove(Waiter& waiter);
  /// Calls `function` for each waiter; those of one queue in order of arrival.
  template <typename Function>
  void for_each(Function&& function) {
    for (List& list : lists_) {
      for (Waiter* waiter = list.front(); waiter != nullptr; waiter = waiter->next) {
        function(*waiter);
      }
    }
  }

 private:
  using List = IntrusiveList<Waiter, &Waiter::previous, &Waiter::next>;

  /// 0 goes first.
  [[nodiscard]] std::uint32_t rank(const Waiter& waiter) const {
    return waiter.overtaken >= ageing_limit_ ? 0 : waiter.request.level + 1;
  }
  [[nodiscard]] List& list_of(const Waiter& waiter) {
    return waiter.request.queue ? lists_[std::size_t{to_number(*waiter.request.queue)} + 1]
                                : lists_[0];
  }
  /// Whether `left` goes before `right`.
  [[nodiscard]] bool before(const Waiter& left, const Waiter& right) const;

  std::uint32_t ageing_limit_;
  std::uint64_t arrivals_ = 0;
  std::uint32_t count_ = 0;
  /// First those that take a slot of any queue, then those of each queue.
  std::vector<List> lists_;
};

}  // namespace cbr::detail
