// Waiters that ask for the same. Pure logic: the ring's state mutex guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cbr::detail {

struct Waiter;

/// The waiters of one queue and one level, in order of arrival. A free slot suits all of them or
/// none, so the first stands for those behind it, however many they are. Owns none of them.
///
/// Who came earlier was overtaken at least as often. So what is kept for each is only how much more
/// often than the one behind it, and one number changes where a whole part of the line is
/// overtaken.
class WaiterLine {
 public:
  [[nodiscard]] bool empty() const { return waiting_ == 0; }
  /// The one that came first; null if the line is empty.
  [[nodiscard]] Waiter* front() const { return empty() ? nullptr : places_[head_].waiter; }
  /// How often that one was overtaken.
  [[nodiscard]] std::uint32_t front_overtaken() const { return overtaken_; }
  /// Sets the waiter's place. If this throws std::bad_alloc, nothing has changed.
  void push(Waiter& waiter);
  /// Takes a waiter out, wherever it stands.
  void remove(Waiter& waiter);
  /// A request that came at `arrival` is served before those here that came earlier.
  void overtake(std::uint64_t arrival);
  /// Calls `function` for each waiter, in order of arrival.
  template <typename Function>
  void for_each(Function&& function) const {
    for (std::size_t i = head_; i < places_.size(); ++i) {
      if (places_[i].waiter != nullptr) function(*places_[i].waiter);
    }
  }

 private:
  struct Place {
    /// Null once it has gone.
    Waiter* waiter = nullptr;
    std::uint64_t arrival = 0;
    /// How much more often everyone up to here was overtaken than those behind.
    std::uint32_t overtaken = 0;
  };

  /// Leaves out the places of those that have gone.
  void close_up();

  /// Those before head_ have gone; the one at head_ has not.
  std::vector<Place> places_;
  std::size_t head_ = 0;
  std::size_t waiting_ = 0;
  /// The sum of all places from head_ on.
  std::uint32_t overtaken_ = 0;
};

}  // namespace cbr::detail
