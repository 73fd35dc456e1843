// The threads that wait for a slot, in order of arrival.
#pragma once

#include <condition_variable>
#include <optional>

#include <cbr/types.h>

namespace cbr::detail {

/// One waiting thread; lives on its stack. The ring's lock guards all of it.
struct Waiter {
  std::condition_variable wake_up;
  /// The slot that this thread was given; already leased.
  std::optional<SlotIndex> granted;
  Waiter* next = nullptr;
};

/// A first-in, first-out list of waiters. Owns none of them. Not thread-safe.
class WaiterQueue {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Waiter* front() const { return first_; }
  void push(Waiter& waiter);
  /// Wakes every waiter, to look at the ring's state anew.
  void wake_all();
  /// Takes a waiter out, wherever it stands. Does nothing if it is not there.
  void remove(Waiter& waiter);

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace cbr::detail
