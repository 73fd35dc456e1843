// Which slots are free, and which are taken. Pure logic: no locks, no clock, no driver.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <cbr/options.h>
#include <cbr/types.h>

namespace cbr::detail {

struct Submission;

/// A slot is in one state at a time:
///
///     free ──take──▶ taken ──free──▶ free
///                      └──lose──▶ lost
///
/// While it is taken, the phase of its submission says whether it is leased, held or in flight.
/// `lost` is final: the device went away while the slot was held or in flight.
///
/// Slots at or beyond size() leave the ring as they get free: they are `outside`, with their native
/// objects still there, until they are taken back or `absent`.
enum class SlotState : std::uint8_t { free, taken, lost, outside, absent };

/// Everything the ring knows of one slot.
struct Slot {
  SlotState state = SlotState::free;
  QueueIndex queue{};
  /// The level that the slot was taken at.
  std::uint32_t level = 0;
  /// The record of the lease or submission under way; owned by the pool.
  Submission* submission = nullptr;
  /// When it last got free, if anyone wants to know.
  TimePoint free_since{};
};

/// A set of slots in which the next member is found without looking at each.
class SlotSet {
 public:
  void insert(std::uint32_t index) { words_[index / 64] |= std::uint64_t{1} << (index % 64); }
  void erase(std::uint32_t index) { words_[index / 64] &= ~(std::uint64_t{1} << (index % 64)); }
  /// The first member at or after `start`, going round; nothing if the set is empty.
  [[nodiscard]] std::optional<std::uint32_t> next(std::uint32_t start) const;

 private:
  std::array<std::uint64_t, max_ring_size / 64> words_{};
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

  /// free → taken; moves the cursor behind the slot.
  void take(SlotIndex slot, std::uint32_t level, Submission& submission);
  /// taken → free, or → outside for a slot that the ring has shrunk past. `since` may be unknown.
  void free(SlotIndex slot, TimePoint since = {});
  /// taken → lost.
  void lose(SlotIndex slot);

  /// Makes room for `size` slots, so that resize() can't fail. Throws std::bad_alloc; nothing has
  /// changed then.
  void reserve(std::uint32_t size) { slots_.reserve(size); }
  /// Sets the size, for which there is room. Free slots beyond it are outside at once; slots below
  /// it that are outside are free again. Those below it that are absent stay so until add().
  void resize(std::uint32_t size) noexcept;
  /// A slot that has to be made for the present size; nothing if all are there.
  [[nodiscard]] std::optional<SlotIndex> missing() const;
  /// absent → free, or → outside.
  void add(SlotIndex slot);
  /// Takes a slot that is outside to absent, and returns it; nothing if there is none.
  std::optional<SlotIndex> take_outside();
  [[nodiscard]] bool has_outside() const { return count(SlotState::outside) > 0; }

  [[nodiscard]] const Slot& operator[](SlotIndex slot) const { return slots_[to_number(slot)]; }
  /// The number of slots that the ring is to have.
  [[nodiscard]] std::uint32_t size() const { return size_; }
  /// One more than the highest index ever used: those that still are busy included.
  [[nodiscard]] std::uint32_t extent() const { return static_cast<std::uint32_t>(slots_.size()); }
  [[nodiscard]] bool has_free() const { return count(SlotState::free) > 0; }
  [[nodiscard]] std::uint32_t free_count() const { return count(SlotState::free); }
  [[nodiscard]] std::uint32_t queue_count() const { return queue_count_; }
  /// The slot at which the next search starts.
  [[nodiscard]] SlotIndex cursor() const { return SlotIndex{cursor_}; }

 private:
  /// Moves a slot on, or throws std::logic_error: a caller that gets here in a wrong state has
  /// broken the ring's central promise.
  void move(SlotIndex slot, SlotState from, SlotState to);
  [[noreturn]] void throw_wrong_state(SlotIndex slot, SlotState expected) const;
  [[nodiscard]] std::uint32_t count(SlotState state) const {
    return counts_[static_cast<std::size_t>(state)];
  }

  std::vector<Slot> slots_;
  std::uint32_t queue_count_;
  std::uint32_t size_;
  std::uint32_t cursor_ = 0;
  /// How many slots are in each state.
  std::array<std::uint32_t, 5> counts_{};
  SlotSet free_;
  /// The same for each queue; none where there is one queue.
  std::vector<SlotSet> free_of_queue_;
};

}  // namespace cbr::detail
