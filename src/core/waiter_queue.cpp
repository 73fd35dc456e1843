#include "core/waiter_queue.h"

#include <tuple>

namespace cbr::detail {

WaiterQueue::WaiterQueue(std::uint32_t queue_count, std::uint32_t level_count,
                         std::uint32_t ageing_limit)
    : level_count_(level_count),
      ageing_limit_(ageing_limit),
      lines_(std::size_t{level_count} * (queue_count + 1)) {}

void WaiterQueue::push(Waiter& waiter) {
  waiter.arrival = arrivals_ + 1;
  line_of(waiter).push(waiter);
  ++arrivals_;
  ++count_;
}

void WaiterQueue::remove(Waiter& waiter) {
  line_of(waiter).remove(waiter);
  --count_;
}

std::uint32_t WaiterQueue::rank(const WaiterLine& line) const {
  return line.front_overtaken() >= ageing_limit_ ? 0 : line.front()->request.level + 1;
}

WaiterLine& WaiterQueue::line_of(const Waiter& waiter) {
  const SlotRequest& request = waiter.request;
  const std::size_t group = request.queue ? std::size_t{to_number(*request.queue)} + 1 : 0;
  return lines_[group * level_count_ + request.level];
}

std::optional<Grant> WaiterQueue::take_next(const Admission& admission, const SlotTable& table) {
  if (empty() || !table.has_free()) return std::nullopt;
  const bool has_levels = admission.has_levels();
  std::optional<Grant> best;
  std::uint32_t best_rank = 0;
  for (const WaiterLine& line : lines_) {
    Waiter* const waiter = line.front();
    if (waiter == nullptr) continue;
    const std::uint32_t its_rank = has_levels ? rank(line) : 0;
    if (best && std::tie(best_rank, best->waiter->arrival) < std::tie(its_rank, waiter->arrival)) {
      continue;
    }
    const auto slot = admission.choose(table, waiter->request);
    if (!slot) continue;
    best = Grant{waiter, *slot};
    best_rank = its_rank;
  }
  if (!best) return std::nullopt;
  if (has_levels) {
    for (WaiterLine& line : lines_) {
      const Waiter* const waiter = line.front();
      if (waiter == nullptr || waiter->arrival >= best->waiter->arrival) continue;
      if (admission.choose(table, waiter->request)) line.overtake(best->waiter->arrival);
    }
  }
  remove(*best->waiter);
  return best;
}

}  // namespace cbr::detail
