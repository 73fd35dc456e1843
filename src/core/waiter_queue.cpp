#include "core/waiter_queue.h"

namespace cbr::detail {

void WaiterQueue::push(Waiter& waiter) {
  waiter.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &waiter;
  last_ = &waiter;
}

void WaiterQueue::wake_all() {
  for (Waiter* waiter = first_; waiter != nullptr; waiter = waiter->next) {
    waiter->wake_up.notify_one();
  }
}

void WaiterQueue::remove(Waiter& waiter) {
  Waiter* previous = nullptr;
  for (Waiter* current = first_; current != nullptr; previous = current, current = current->next) {
    if (current != &waiter) continue;
    (previous != nullptr ? previous->next : first_) = waiter.next;
    if (last_ == &waiter) last_ = previous;
    waiter.next = nullptr;
    return;
  }
}

}  // namespace cbr::detail
