#include "core/slot_table.h"

#include <bit>
#include <stdexcept>

#include <fmt/format.h>

namespace cbr::detail {

std::optional<std::uint32_t> SlotSet::next(std::uint32_t start) const {
  std::uint32_t word = start / 64;
  std::uint64_t bits = words_[word] & (~std::uint64_t{0} << (start % 64));
  // One round more than there are words: the bits before `start` come last.
  for (std::size_t i = 0; i <= words_.size(); ++i) {
    if (bits != 0) return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
    word = word + 1 == words_.size() ? 0 : word + 1;
    bits = words_[word];
  }
  return std::nullopt;
}

SlotTable::SlotTable(std::uint32_t ring_size, std::uint32_t queue_count)
    : slots_(ring_size),
      queue_count_(queue_count),
      size_(ring_size),
      free_of_queue_(queue_count > 1 ? queue_count : 0) {
  counts_[static_cast<std::size_t>(SlotState::free)] = ring_size;
  for (std::uint32_t i = 0; i < ring_size; ++i) {
    slots_[i].queue = QueueIndex{i % queue_count};
    free_.insert(i);
    if (queue_count > 1) free_of_queue_[i % queue_count].insert(i);
  }
}

std::optional<SlotIndex> SlotTable::next_free() const {
  if (!has_free()) return std::nullopt;
  return SlotIndex{*free_.next(cursor_)};
}

std::optional<SlotIndex> SlotTable::next_free(QueueIndex queue) const {
  if (queue_count_ == 1) return next_free();
  const auto found = free_of_queue_[to_number(queue)].next(cursor_);
  if (!found) return std::nullopt;
  return SlotIndex{*found};
}

void SlotTable::take(SlotIndex slot, std::uint32_t level, Submission& submission) {
  move(slot, SlotState::free, SlotState::taken);
  Slot& entry = slots_[to_number(slot)];
  entry.level = level;
  entry.submission = &submission;
  const std::uint32_t next = to_number(slot) + 1;
  cursor_ = next >= size_ ? 0 : next;
}

void SlotTable::free(SlotIndex slot, TimePoint since) {
  move(slot, SlotState::taken, to_number(slot) < size_ ? SlotState::free : SlotState::outside);
  slots_[to_number(slot)].submission = nullptr;
  slots_[to_number(slot)].free_since = since;
}

void SlotTable::lose(SlotIndex slot) {
  move(slot, SlotState::taken, SlotState::lost);
  slots_[to_number(slot)].submission = nullptr;
}

void SlotTable::resize(std::uint32_t size) noexcept {
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

void SlotTable::move(SlotIndex slot, SlotState from, SlotState to) {
  const std::uint32_t index = to_number(slot);
  Slot& entry = slots_[index];
  if (entry.state != from) throw_wrong_state(slot, from);
  --counts_[static_cast<std::size_t>(from)];
  ++counts_[static_cast<std::size_t>(to)];
  entry.state = to;
  // Whoever waits for it could not have had it before; when it was last in use is of no matter.
  if (to == SlotState::free) entry.free_since = {};
  if (from == SlotState::free) {
    free_.erase(index);
    if (queue_count_ > 1) free_of_queue_[index % queue_count_].erase(index);
  }
  if (to == SlotState::free) {
    free_.insert(index);
    if (queue_count_ > 1) free_of_queue_[index % queue_count_].insert(index);
  }
}

void SlotTable::throw_wrong_state(SlotIndex slot, SlotState expected) const {
  throw std::logic_error(fmt::format("slot #{} is in state {}, not {}", to_number(slot),
                                     static_cast<int>((*this)[slot].state),
                                     static_cast<int>(expected)));
}

}  // namespace cbr::detail
