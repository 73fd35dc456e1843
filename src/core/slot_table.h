// Which slot is free, leased or in flight. Pure logic: no locks, no clock, no driver.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <vector>

#include <cbr/types.h>

namespace cbr::detail {

struct Submission;

/// A slot is in one state at a time:
///
///     free ──lease──▶ leased ──submit──▶ in_flight ──retire──▶ retiring ──free──▶ free
///                       └─────────────────────free─────────────────────────────▶ free
///
/// `retiring` is in flight to the outside: the GPU is done, and one thread reads the outcome.
/// `lost` is final: the device went away while the slot was in flight.
enum class SlotState : std::uint8_t { free, leased, in_flight, retiring, lost };

/// Everything the ring knows of one slot.
struct Slot {
  SlotState state = SlotState::free;
  QueueIndex queue{};
  /// Serial of the slot's last submission.
  Serial serial;
  /// The record of the submission under way; owned by the pool.
  Submission* submission = nullptr;
  std::source_location acquired_at;
};

class SlotTable {
 public:
  /// Slot i belongs to queue i modulo `queue_count`.
  SlotTable(std::uint32_t ring_size, std::uint32_t queue_count);

  /// Leases the first free slot at or after the cursor and moves the cursor behind it, so that
  /// slots take turns. A slot that is busy for long is passed over: it must not block free ones.
  std::optional<SlotIndex> lease_next();
  /// leased → in_flight.
  void submit(SlotIndex slot, Serial serial) {
    move(slot, SlotState::leased, SlotState::in_flight);
    (*this)[slot].serial = serial;
  }
  /// in_flight → retiring.
  void retire(SlotIndex slot) { move(slot, SlotState::in_flight, SlotState::retiring); }
  /// leased or retiring → free.
  void free(SlotIndex slot) {
    const bool leased = (*this)[slot].state == SlotState::leased;
    move(slot, leased ? SlotState::leased : SlotState::retiring, SlotState::free);
  }
  /// in_flight → lost.
  void lose(SlotIndex slot) { move(slot, SlotState::in_flight, SlotState::lost); }

  [[nodiscard]] Slot& operator[](SlotIndex slot) { return slots_[to_number(slot)]; }
  [[nodiscard]] const Slot& operator[](SlotIndex slot) const { return slots_[to_number(slot)]; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(slots_.size()); }
  [[nodiscard]] bool has_free() const { return count(SlotState::free) > 0; }
  /// The slot at which the next search starts.
  [[nodiscard]] SlotIndex cursor() const { return SlotIndex{cursor_}; }
  [[nodiscard]] std::uint32_t leased() const { return count(SlotState::leased); }
  /// In flight, retiring included.
  [[nodiscard]] std::uint32_t in_flight() const {
    return count(SlotState::in_flight) + count(SlotState::retiring);
  }
  [[nodiscard]] std::uint32_t retiring() const { return count(SlotState::retiring); }
  /// True while a submission of `queue` up to `serial` has not been freed or lost.
  [[nodiscard]] bool pending(QueueIndex queue, Serial serial) const;
  /// The slot that stands in the way of the next lease: the one that has been in flight longest on
  /// its queue, else the one at the cursor.
  [[nodiscard]] SlotIndex in_the_way() const;

 private:
  /// Moves a slot on, or throws std::logic_error: a caller that gets here in a wrong state has
  /// broken the ring's central promise.
  void move(SlotIndex slot, SlotState from, SlotState to) {
    Slot& entry = (*this)[slot];
    if (entry.state != from) throw_wrong_state(slot, from);
    --counts_[static_cast<std::size_t>(from)];
    ++counts_[static_cast<std::size_t>(to)];
    entry.state = to;
  }
  [[noreturn]] void throw_wrong_state(SlotIndex slot, SlotState expected) const;
  [[nodiscard]] std::uint32_t count(SlotState state) const {
    return counts_[static_cast<std::size_t>(state)];
  }

  std::vector<Slot> slots_;
  std::uint32_t cursor_ = 0;
  /// How many slots are in each state.
  std::array<std::uint32_t, 5> counts_{};
};

}  // namespace cbr::detail
