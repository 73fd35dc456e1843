// The threads that wait for a slot, and who of them is next.
#pragma once

#include <cstdint>
#include <optional>

#include <cbr/types.h>

#include "core/admission.h"
#include "core/slot_table.h"
#include "core/sync.h"

namespace cbr::detail {

/// One waiting thread; lives on its stack. The ring's lock guards all of it.
struct Waiter {
  SlotRequest request;
  ConditionVariable wake_up;
  /// The slot that this thread was given; already leased.
  std::optional<SlotIndex> granted;
  /// When it came, and when it is next reported as still waiting.
  TimePoint since{};
  TimePoint next_report{};
  /// How many later requests have been served before this one.
  std::uint32_t overtaken = 0;
  Waiter* next = nullptr;
};

/// Whom a free slot goes to.
struct Grant {
  Waiter* waiter = nullptr;
  SlotIndex slot{};
};

/// The waiters in order of arrival. Owns none of them. Not thread-safe.
class WaiterQueue {
 public:
  /// A waiter that was overtaken `ageing_limit` times goes before all levels.
  explicit WaiterQueue(std::uint32_t ageing_limit) : ageing_limit_(ageing_limit) {}

  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Waiter* front() const { return first_; }
  void push(Waiter& waiter);
  /// Takes out the waiter that is to have one of the free slots, and says which. Of those that may
  /// take one: the first that has aged, else the first of the highest level. Counts how often the
  /// others are overtaken by this. Empty if no waiter may take any.
  std::optional<Grant> take_next(const Admission& admission, const SlotTable& table);
  /// Wakes every waiter, to look at the ring's state anew.
  void wake_all();
  /// Takes a waiter out, wherever it stands. Does nothing if it is not there.
  void remove(Waiter& waiter);

 private:
  /// 0 goes first.
  [[nodiscard]] std::uint32_t rank(const Waiter& waiter) const {
    return waiter.overtaken >= ageing_limit_ ? 0 : waiter.request.level + 1;
  }

  std::uint32_t ageing_limit_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace cbr::detail
