// Which free slot a request gets, if any. Pure logic: the ring's lock guards it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <string_view>
#include <vector>

#include <cbr/options.h>
#include <cbr/types.h>

#include "core/slot_table.h"

namespace cbr::detail {

struct SequenceRecord;

/// One request for a slot.
struct SlotRequest {
  /// 0 is the highest.
  std::uint32_t level = 0;
  /// A slot of this queue only.
  std::optional<QueueIndex> queue;
  /// The sequence that the lease takes its place in, or null. Not owned.
  const std::shared_ptr<SequenceRecord>* sequence = nullptr;
  /// The work's name, and who asks.
  std::string_view label = {};
  std::source_location where;
  /// When it was asked for, if anyone wants to know.
  TimePoint asked_at{};
};

class Admission {
 public:
  /// The options are checked: see check(). `queue_priorities` has the device's priority of each
  /// queue.
  Admission(const RingOptions& options, std::vector<float> queue_priorities);

  /// Throws InvalidOption if the options don't make sense for rings of `ring_size`.
  static void check(const RingOptions& options, std::uint32_t ring_size);

  /// The free slot for this request, or nothing if it has to wait.
  [[nodiscard]] std::optional<SlotIndex> choose(const SlotTable& table,
                                                const SlotRequest& request) const;
  /// Since when the request could have had that slot, which choose() gave it: a slot that is kept
  /// for others is free, and not for everyone. Unknown where that of one of the slots is that
  /// count.
  [[nodiscard]] TimePoint free_since(const SlotTable& table, const SlotRequest& request,
                                     SlotIndex slot) const;
  /// Whether requests differ by level.
  [[nodiscard]] bool has_levels() const { return strategy_ == AllocationStrategy::priority; }
  /// The queue with the least unfinished work; the first of several.
  [[nodiscard]] QueueIndex least_busy_queue() const;

  void leased(QueueIndex queue, std::uint32_t level) {
    ++queues_[to_number(queue)].unfinished;
    ++held_by_level_[level];
  }
  void freed(QueueIndex queue, std::uint32_t level) {
    --queues_[to_number(queue)].unfinished;
    --held_by_level_[level];
  }
  /// A submission of `queue` took this much GPU time.
  void measured(QueueIndex queue, std::chrono::nanoseconds gpu_time);

 private:
  struct Queue {
    /// Slots leased or in flight.
    std::uint32_t unfinished = 0;
    /// A moving average of the GPU time of its submissions; 0 if none is known.
    double gpu_ns = 0;
    /// Queues of one priority are of one class; 0 has the highest priority.
    std::uint32_t priority_class = 0;
  };

  /// How many slots are kept for levels other than this one.
  [[nodiscard]] std::uint32_t kept_from(std::uint32_t level) const;
  [[nodiscard]] std::optional<SlotIndex> choose_least_busy(const SlotTable& table,
                                                           std::uint32_t first_class) const;
  /// The class of queues that a level is meant for.
  [[nodiscard]] std::uint32_t class_of(std::uint32_t level) const;
  /// GPU time of a queue's unfinished work, in units that are the same for all queues.
  [[nodiscard]] double load(const Queue& queue) const;

  const AllocationStrategy strategy_;
  std::vector<std::uint32_t> reserved_;
  std::vector<std::uint32_t> held_by_level_;
  std::vector<Queue> queues_;
  std::uint32_t class_count_ = 1;
  /// The GPU time that counts for a queue without measurements; 1 if no queue has any.
  double usual_gpu_ns_ = 1;
};

}  // namespace cbr::detail
