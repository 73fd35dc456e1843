#include "core/slot_table.h"

#include <stdexcept>

#include <fmt/format.h>

namespace cbr::detail {

SlotTable::SlotTable(std::uint32_t ring_size, std::uint32_t queue_count)
    : slots_(ring_size), queue_count_(queue_count), size_(ring_size) {
  counts_[static_cast<std::size_t>(SlotState::free)] = ring_size;
  for (std::uint32_t i = 0; i < ring_size; ++i) slots_[i].queue = QueueIndex{i % queue_count};
}

std::optional<SlotIndex> SlotTable::next_free() const {
  if (!has_free()) return std::nullopt;
  std::uint32_t index = cursor_;
  while (slots_[index].state != SlotState::free) index = index + 1 == size_ ? 0 : index + 1;
  return SlotIndex{index};
}

std::optional<SlotIndex> SlotTable::next_free(QueueIndex queue) const {
  std::uint32_t index = cursor_;
  for (std::uint32_t i = 0; i < size_; ++i, index = index + 1 == size_ ? 0 : index + 1) {
    const Slot& slot = slots_[index];
    if (slot.state == SlotState::free && slot.queue == queue) return SlotIndex{index};
  }
  return std::nullopt;
}

void SlotTable::lease(SlotIndex slot, std::uint32_t level) {
  move(slot, SlotState::free, SlotState::leased);
  (*this)[slot].level = level;
  const std::uint32_t next = to_number(slot) + 1;
  cursor_ = next >= size_ ? 0 : next;
}

void SlotTable::resize(std::uint32_t size) {
  for (std::uint32_t i = extent(); i < size; ++i) {
    Slot& slot = slots_.emplace_back();
    slot.state = SlotState::absent;
    slot.queue = QueueIndex{i % queue_count_};
    ++counts_[static_cast<std::size_t>(SlotState::absent)];
  }
  size_ = size;
  if (cursor_ >= size_) cursor_ = 0;
  for (std::uint32_t i = 0; i < extent(); ++i) {
    const SlotState state = slots_[i].state;
    if (i < size && state == SlotState::outside) move(SlotIndex{i}, state, SlotState::free);
    if (i >= size && state == SlotState::free) move(SlotIndex{i}, state, SlotState::outside);
  }
}

std::optional<SlotIndex> SlotTable::missing() const {
  for (std::uint32_t i = 0; i < size_; ++i) {
    if (slots_[i].state == SlotState::absent) return SlotIndex{i};
  }
  return std::nullopt;
}

void SlotTable::add(SlotIndex slot) {
  move(slot, SlotState::absent, to_number(slot) < size_ ? SlotState::free : SlotState::outside);
}

std::optional<SlotIndex> SlotTable::take_outside() {
  if (!has_outside()) return std::nullopt;
  std::uint32_t index = size_;
  while (slots_[index].state != SlotState::outside) ++index;
  move(SlotIndex{index}, SlotState::outside, SlotState::absent);
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
  for (std::uint32_t i = 0; i < extent(); ++i) {
    if (slots_[i].state != SlotState::in_flight) continue;
    const bool older = slots_[found].state != SlotState::in_flight ||
                       slots_[i].submitted_at < slots_[found].submitted_at ||
                       (slots_[i].submitted_at == slots_[found].submitted_at &&
                        slots_[i].serial.value() < slots_[found].serial.value());
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
