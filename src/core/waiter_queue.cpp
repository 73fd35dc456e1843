#include "core/waiter_queue.h"

namespace cbr::detail {

void WaiterQueue::push(Waiter& waiter) {
  waiter.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &waiter;
  last_ = &waiter;
}

std::optional<Grant> WaiterQueue::take_next(const Admission& admission, const SlotTable& table) {
  if (!table.has_free()) return std::nullopt;
  std::optional<Grant> best;
  for (Waiter* waiter = first_; waiter != nullptr; waiter = waiter->next) {
    if (best && rank(*waiter) >= rank(*best->waiter)) continue;
    const auto slot = admission.choose(table, waiter->request);
    if (slot) best = Grant{waiter, *slot};
    // Nobody goes before the first of the highest level but those that have aged.
    if (slot && rank(*waiter) == 0) break;
  }
  if (!best) return std::nullopt;
  for (Waiter* waiter = first_; waiter != best->waiter; waiter = waiter->next) {
    if (admission.choose(table, waiter->request)) ++waiter->overtaken;
  }
  remove(*best->waiter);
  return best;
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
