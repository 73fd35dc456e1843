// The number of slots of a ring: as the program sets it, or as the ring chooses it.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "core/completion.h"
#include "core/ring_context.h"
#include "core/ring_sizing.h"
#include "core/sync.h"

namespace cbr::detail {

/// All functions may be called by any thread that holds none of the ring's locks.
class Resizing {
 public:
  Resizing(RingContext& ring, Retirement& retirement);

  /// The ring has attached: begins to choose, if the options say so.
  void start();
  /// As CommandBufferRing::set_ring_size. Ends the choosing.
  void set(std::uint32_t ring_size);
  /// Whether the program has set a size.
  [[nodiscard]] bool was_set() const { return was_set_; }
  /// Chooses the size anew if there is something to choose it by, and if no other thread is at it.
  /// What goes wrong leaves the ring as it is.
  void follow() noexcept {
    // Nearly always.
    if (!ring_.sizing_due.load(std::memory_order_relaxed)) return;
    choose();
  }

 private:
  /// Slots come or go.
  void change(std::uint32_t ring_size) CBR_EXCLUDES(ring_.state, ring_.structure_mutex);
  void choose() noexcept CBR_EXCLUDES(ring_.state, mutex_);
  /// Looks and acts. What there is to be told of it, once the lock is free; empty if nothing.
  [[nodiscard]] std::string choose_now() CBR_REQUIRES(mutex_);
  /// Looks again at steps from then on, or never.
  void look_again(std::optional<TimePoint> begin) CBR_REQUIRES(mutex_);
  void tell(std::string_view text) const noexcept;

  RingContext& ring_;
  Retirement& retirement_;
  Atomic<bool> was_set_ = false;
  Mutex mutex_;
  std::optional<RingSizing> sizing_ CBR_GUARDED_BY(mutex_);
  /// What it looks at; empty between two looks.
  Recording window_ CBR_GUARDED_BY(mutex_);
};

}  // namespace cbr::detail
