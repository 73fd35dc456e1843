// Which slot is free, leased or in flight. Pure logic: no locks, no clock, no driver.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <cbr/types.h>

namespace cbr::detail {

struct Submission;

/// A slot is in one state at a time:
///
///     free ──lease──▶ leased ──submit──▶ in_flight ──retire──▶ retiring ──free──▶ free
///                       │ └──hold──▶ held ──submit──▲
///                       └─────────────────────free─────────────────────────────▶ free
///
/// `held` and `retiring` are in flight to the outside. A held slot waits for its turn in a sequence
/// and is not yet the driver's. Of a retiring slot the GPU is done, and one thread reads the
/// outcome. `lost` is final: the device went away while the slot was held or in flight.
///
/// Slots at or beyond size() leave the ring as they get free: they are `outside`, with their native
/// objects still there, until they are taken back or `absent`.
enum class SlotState : std::uint8_t {
  free,
  leased,
  held,
  in_flight,
  retiring,
  lost,
  outside,
  absent
};

/// Everything the ring knows of one slot.
struct Slot {
  SlotState state = SlotState::free;
  QueueIndex queue{};
  /// The level that the slot was leased at.
  std::uint32_t level = 0;
  /// Serial of the slot's last submission.
  Serial serial;
  /// The record of the lease or submission under way; owned by the pool.
  Submission* submission = nullptr;
  TimePoint submitted_at{};
  /// When the work in flight is next reported as hung.
  TimePoint next_hang_warning{};
};

class SlotTable {
 public:
  /// Slot i belongs to queue i modulo `queue_count`.
  SlotTable(std::uint32_t ring_size, std::uint32_t queue_count);

  /// The first free slot at or after the cursor; nothing if there is none. Slots take turns so, and
  /// one that is busy for long is passed over: it must not block free ones.
  [[nodiscard]] std::optional<SlotIndex> next_free() const;
  /// The same among the slots of one queue.
  [[nodiscard]] std::optional<SlotIndex> next_free(QueueIndex queue) const;

  /// free → leased; moves the cursor behind the slot.
  void lease(SlotIndex slot, std::uint32_t level);
  /// leased or held → in_flight.
  void submit(SlotIndex slot, Serial serial) {
    const bool held = (*this)[slot].state == SlotState::held;
    move(slot, held ? SlotState::held : SlotState::leased, SlotState::in_flight);
    (*this)[slot].serial = serial;
  }
  /// leased → held.
  void hold(SlotIndex slot) { move(slot, SlotState::leased, SlotState::held); }
  /// in_flight → retiring.
  void retire(SlotIndex slot) { move(slot, SlotState::in_flight, SlotState::retiring); }
  /// leased, held or retiring → free, or → outside for a slot that the ring has shrunk past.
  void free(SlotIndex slot) {
    SlotState from = (*this)[slot].state;
    if (from != SlotState::leased && from != SlotState::held) from = SlotState::retiring;
    move(slot, from, to_number(slot) < size_ ? SlotState::free : SlotState::outside);
  }
  /// in_flight or held → lost.
  void lose(SlotIndex slot) {
    const bool held = (*this)[slot].state == SlotState::held;
    move(slot, held ? SlotState::held : SlotState::in_flight, SlotState::lost);
  }

  /// Sets the size. Free slots beyond it are outside at once; slots below it that are outside are
  /// free again. Those below it that are absent stay so until add().
  void resize(std::uint32_t size);
  /// A slot that has to be made for the present size; nothing if all are there.
  [[nodiscard]] std::optional<SlotIndex> missing() const;
  /// absent → free, or → outside.
  void add(SlotIndex slot);
  /// Takes a slot that is outside to absent, and returns it; nothing if there is none.
  std::optional<SlotIndex> take_outside();
  [[nodiscard]] bool has_outside() const { return count(SlotState::outside) > 0; }

  [[nodiscard]] Slot& operator[](SlotIndex slot) { return slots_[to_number(slot)]; }
  [[nodiscard]] const Slot& operator[](SlotIndex slot) const { return slots_[to_number(slot)]; }
  /// The number of slots that the ring is to have.
  [[nodiscard]] std::uint32_t size() const { return size_; }
  /// One more than the highest index ever used: those that still are busy included.
  [[nodiscard]] std::uint32_t extent() const { return static_cast<std::uint32_t>(slots_.size()); }
  [[nodiscard]] bool has_free() const { return count(SlotState::free) > 0; }
  [[nodiscard]] std::uint32_t free_count() const { return count(SlotState::free); }
  /// The slot at which the next search starts.
  [[nodiscard]] SlotIndex cursor() const { return SlotIndex{cursor_}; }
  [[nodiscard]] std::uint32_t leased() const { return count(SlotState::leased); }
  /// In flight, held and retiring included.
  [[nodiscard]] std::uint32_t in_flight() const {
    return count(SlotState::held) + count(SlotState::in_flight) + count(SlotState::retiring);
  }
  /// True while a submission of `queue` up to `serial` has not been freed or lost.
  [[nodiscard]] bool pending(QueueIndex queue, Serial serial) const;
  /// The slot that stands in the way of the next lease: the one that has been in flight longest,
  /// else the one at the cursor.
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
  std::uint32_t queue_count_;
  std::uint32_t size_;
  std::uint32_t cursor_ = 0;
  /// How many slots are in each state.
  std::array<std::uint32_t, 8> counts_{};
};

}  // namespace cbr::detail
