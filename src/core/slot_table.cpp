#include "core/slot_table.h"

#include <stdexcept>

#include <fmt/format.h>

namespace cbr::detail {

SlotTable::SlotTable(std::uint32_t ring_size, std::uint32_t queue_count) : slots_(ring_size) {
  counts_[static_cast<std::size_t>(SlotState::free)] = ring_size;
  for (std::uint32_t i = 0; i < ring_size; ++i) slots_[i].queue = QueueIndex{i % queue_count};
}

std::optional<SlotIndex> SlotTable::lease_next() {
  if (!has_free()) return std::nullopt;
  std::uint32_t index = cursor_;
  while (slots_[index].state != SlotState::free) index = index + 1 == size() ? 0 : index + 1;
  move(SlotIndex{index}, SlotState::free, SlotState::leased);
  cursor_ = index + 1 == size() ? 0 : index + 1;
  return SlotIndex{index};
}

bool SlotTable::pending(QueueIndex queue, Serial serial) const {
  for (const Slot& slot : slots_) {
    const bool busy = slot.state == SlotState::in_flight || slot.state == SlotState::retiring;
    if (busy && slot.queue == queue && serial.covers(slot.serial)) return true;
  }
  return false;
}

SlotIndex SlotTable::in_the_way() const {
  std::uint32_t found = cursor_;
  for (std::uint32_t i = 0; i < size(); ++i) {
    if (slots_[i].state != SlotState::in_flight) continue;
    const bool older = slots_[found].state != SlotState::in_flight ||
                       slots_[i].serial.value() < slots_[found].serial.value();
    if (older) found = i;
  }
  return SlotIndex{found};
}

void SlotTable::throw_wrong_state(SlotIndex slot, SlotState expected) const {
  throw std::logic_error(fmt::format("slot #{} is in state {}, not {}", to_number(slot),
                                     static_cast<int>((*this)[slot].state),
                                     static_cast<int>(expected)));
}

}  // namespace cbr::detail
