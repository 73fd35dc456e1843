#include "core/waiter_queue.h"

namespace cbr::detail {

Waiter* WaiterQueue::front() const {
  Waiter* first = nullptr;
  for (const List& list : lists_) {
    Waiter* const candidate = list.front();
    if (candidate == nullptr) continue;
    if (first == nullptr || candidate->arrival < first->arrival) first = candidate;
  }
  return first;
}

void WaiterQueue::push(Waiter& waiter) {
  waiter.arrival = ++arrivals_;
  list_of(waiter).push_back(waiter);
  ++count_;
}

void WaiterQueue::remove(Waiter& waiter) {
  list_of(waiter).remove(waiter);
  --count_;
}

bool WaiterQueue::before(const Waiter& left, const Waiter& right) const {
  const std::uint32_t left_rank = rank(left);
  const std::uint32_t right_rank = rank(right);
  return left_rank != right_rank ? left_rank < right_rank : left.arrival < right.arrival;
}

std::optional<Grant> WaiterQueue::take_next(const Admission& admission, const SlotTable& table) {
  if (empty() || !table.has_free()) return std::nullopt;
  // Without levels, the first of each list stands for those behind it.
  const bool has_levels = admission.has_levels();
  std::optional<Grant> best;
  const auto consider = [&](const List& list) {
    for (Waiter* waiter = list.front(); waiter != nullptr; waiter = waiter->next) {
      if (!best ||
          (has_levels ? before(*waiter, *best->waiter) : waiter->arrival < best->waiter->arrival)) {
        if (const auto slot = admission.choose(table, waiter->request)) best = Grant{waiter, *slot};
      }
      if (!has_levels) return;
      // Nobody behind it goes before the first that has aged.
      if (best && best->waiter == waiter && rank(*waiter) == 0) return;
    }
  };
  consider(lists_[0]);
  for (std::uint32_t queue = 0; queue < table.queue_count(); ++queue) {
    const List& list = lists_[std::size_t{queue} + 1];
    if (!list.empty() && table.next_free(QueueIndex{queue})) consider(list);
  }
  if (!best) return std::nullopt;
  if (has_levels) {
    for_each([&](Waiter& waiter) {
      if (waiter.arrival >= best->waiter->arrival) return;
      if (admission.choose(table, waiter.request)) ++waiter.overtaken;
    });
  }
  remove(*best->waiter);
  return best;
}

}  // namespace cbr::detail
