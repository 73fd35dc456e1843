// The places of a sequence: which of its slots runs next. Pure logic: the ring's lock guards it.
#pragma once

#include <cstdint>
#include <vector>

#include <cbr/types.h>

namespace cbr::detail {

/// The leases of one sequence that the driver has not got yet, in the order of acquisition.
struct SequenceRecord {
  explicit SequenceRecord(QueueIndex its_queue) : queue(its_queue) {}

  const QueueIndex queue;
  /// A handful: taking out the first moves the others up.
  std::vector<SlotIndex> places;

  [[nodiscard]] bool first(SlotIndex slot) const {
    return !places.empty() && places.front() == slot;
  }
  void reserve(SlotIndex slot) { places.push_back(slot); }
  /// Gives up the place of a slot, wherever it stands. Does nothing if it has none.
  void give_up(SlotIndex slot) { std::erase(places, slot); }
};

}  // namespace cbr::detail
