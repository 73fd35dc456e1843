#include "core/admission.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::detail {
namespace {

/// How much the newest measurement counts in the average.
constexpr double newest_share = 0.125;

}  // namespace

void Admission::check(const RingOptions& options, std::uint32_t ring_size) {
  if (options.priority_levels < 1 || options.priority_levels > max_priority_levels) {
    throw InvalidOption(fmt::format("{}: priority_levels is {}, allowed are 1 to {}", options.name,
                                    options.priority_levels, max_priority_levels));
  }
  if (options.reserved_slots.empty()) return;
  if (options.allocation_strategy != AllocationStrategy::priority) {
    throw InvalidOption(
        fmt::format("{}: reserved_slots needs allocation_strategy priority, which is {}",
                    options.name, to_string(options.allocation_strategy)));
  }
  if (options.reserved_slots.size() != options.priority_levels) {
    throw InvalidOption(fmt::format("{}: reserved_slots has {} values, priority_levels asks for {}",
                                    options.name, options.reserved_slots.size(),
                                    options.priority_levels));
  }
  const std::uint64_t reserved = std::accumulate(options.reserved_slots.begin(),
                                                 options.reserved_slots.end(), std::uint64_t{0});
  const bool each_has_one =
      std::none_of(options.reserved_slots.begin(), options.reserved_slots.end(),
                   [](std::uint32_t slots) { return slots == 0; });
  if (reserved > ring_size || (reserved == ring_size && !each_has_one)) {
    throw InvalidOption(fmt::format(
        "{}: reserved_slots keeps {} of {} slots: a level without any could never get one",
        options.name, reserved, ring_size));
  }
}

Admission::Admission(const RingOptions& options, std::vector<float> queue_priorities)
    : strategy_(options.allocation_strategy),
      reserved_(options.reserved_slots),
      held_by_level_(options.priority_levels),
      queues_(queue_priorities.size()) {
  std::vector<float> classes = queue_priorities;
  std::sort(classes.begin(), classes.end(), std::greater<>());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  class_count_ = static_cast<std::uint32_t>(classes.size());
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const auto found = std::find(classes.begin(), classes.end(), queue_priorities[i]);
    queues_[i].priority_class = static_cast<std::uint32_t>(found - classes.begin());
  }
}

std::optional<SlotIndex> Admission::choose(const SlotTable& table,
                                           const SlotRequest& request) const {
  if (!table.has_free()) return std::nullopt;
  if (!reserved_.empty() && table.free_count() <= kept_from(request.level)) return std::nullopt;
  if (request.queue) return table.next_free(*request.queue);
  const bool by_turns = queues_.size() == 1 || strategy_ == AllocationStrategy::round_robin;
  if (by_turns) return table.next_free();
  const bool by_level = strategy_ == AllocationStrategy::priority;
  return choose_least_busy(table, by_level ? class_of(request.level) : 0);
}

TimePoint Admission::free_since(const SlotTable& table, const SlotRequest& request,
                                SlotIndex slot) const {
  const TimePoint since = table[slot].free_since;
  if (reserved_.empty()) return since;
  // There were enough when one more was free than is kept for others.
  std::array<TimePoint, max_ring_size> free{};
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < table.extent() && count < free.size(); ++i) {
    const Slot& other = table[SlotIndex{i}];
    if (other.state == SlotState::free) free[count++] = other.free_since;
  }
  const std::size_t kept = kept_from(request.level);
  if (kept >= count) return since;
  auto* const enough = free.begin() + kept;
  std::nth_element(free.begin(), enough, free.begin() + count);
  return std::max(since, *enough);
}

std::uint32_t Admission::kept_from(std::uint32_t level) const {
  std::uint32_t kept = 0;
  for (std::uint32_t other = 0; other < reserved_.size(); ++other) {
    if (other == level || held_by_level_[other] >= reserved_[other]) continue;
    kept += reserved_[other] - held_by_level_[other];
  }
  return kept;
}

std::optional<SlotIndex> Admission::choose_least_busy(const SlotTable& table,
                                                      std::uint32_t first_class) const {
  // A request goes to the class of its level, or to a lower one; never to a higher one, whose work
  // it would slow down. Of equals, the one goes first whose slot's turn comes first.
  std::optional<SlotIndex> best;
  std::uint32_t best_class = 0;
  double best_load = 0;
  std::uint32_t best_turn = 0;
  for (std::uint32_t index = 0; index < queues_.size(); ++index) {
    const Queue& queue = queues_[index];
    // Other strategies than `priority` have no classes.
    const std::uint32_t its_class = has_levels() ? queue.priority_class : 0;
    if (its_class < first_class) continue;
    const auto slot = table.next_free(QueueIndex{index});
    if (!slot) continue;
    const double its_load = load(queue);
    const std::uint32_t from_cursor = to_number(*slot) + table.size() - to_number(table.cursor());
    const std::uint32_t turn = from_cursor % table.size();
    if (best && std::tie(best_class, best_load, best_turn) <= std::tie(its_class, its_load, turn)) {
      continue;
    }
    best = slot;
    best_class = its_class;
    best_load = its_load;
    best_turn = turn;
  }
  return best;
}

std::uint32_t Admission::class_of(std::uint32_t level) const {
  return level * class_count_ / static_cast<std::uint32_t>(held_by_level_.size());
}

QueueIndex Admission::least_busy_queue() const {
  std::uint32_t best = 0;
  for (std::uint32_t i = 1; i < queues_.size(); ++i) {
    if (load(queues_[i]) < load(queues_[best])) best = i;
  }
  return QueueIndex{best};
}

double Admission::load(const Queue& queue) const {
  return queue.unfinished * (queue.gpu_ns > 0 ? queue.gpu_ns : usual_gpu_ns_);
}

void Admission::measured(QueueIndex queue, std::chrono::nanoseconds gpu_time) {
  // Nobody asks for loads where there is only one queue.
  if (queues_.size() == 1) return;
  const auto newest = std::max(1.0, static_cast<double>(gpu_time.count()));
  double& average = queues_[to_number(queue)].gpu_ns;
  average = average == 0 ? newest : average + newest_share * (newest - average);
  double sum = 0;
  std::uint32_t known = 0;
  for (const Queue& entry : queues_) {
    sum += entry.gpu_ns;
    known += entry.gpu_ns > 0 ? 1 : 0;
  }
  usual_gpu_ns_ = sum / known;
}

}  // namespace cbr::detail
