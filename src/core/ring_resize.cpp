// Changing the number of slots while work is in flight.
#include <cbr/errors.h>

#include "core/ring_core.h"

namespace cbr::detail {

void RingCore::set_ring_size(std::uint32_t ring_size) {
  require_same_process();
  check_ring_size(options_, ring_size, queue_count_);
  const LockGuard resize_lock(resize_mutex_);
  // Free slots change hands under the state lock; native objects are made and removed without it.
  const auto resize = [this](std::uint32_t size) {
    std::uint64_t wake_number = 0;
    {
      const LockGuard lock(state_mutex_);
      require_usable();
      table_.resize(size);
      for (auto& its_timeline : timelines_) its_timeline.reserve(table_.extent());
      full_.store(!table_.has_free(), std::memory_order_relaxed);
      ring_size_ = size;
      wake_number = serve_waiters();
    }
    wake(wake_number);
  };
  resize(ring_size);
  for (;;) {
    std::optional<SlotIndex> slot;
    {
      const LockGuard lock(state_mutex_);
      slot = table_.missing();
    }
    if (!slot) break;
    try {
      guarded([&] { backend_->add_slot(*slot); });
    } catch (const DeviceLost&) {
      throw;
    } catch (...) {
      resize(to_number(*slot));
      remove_outside_slots();
      throw;
    }
    std::uint64_t wake_number = 0;
    {
      const LockGuard lock(state_mutex_);
      table_.add(*slot);
      full_.store(false, std::memory_order_relaxed);
      wake_number = serve_waiters();
    }
    wake(wake_number);
  }
  remove_outside_slots();
}

void RingCore::remove_outside_slots() noexcept {
  for (;;) {
    std::optional<SlotIndex> slot;
    {
      const LockGuard lock(state_mutex_);
      // The backend may serve another ring by now.
      if (closed_) return;
      slot = table_.take_outside();
    }
    if (!slot) return;
    backend_->remove_slot(*slot);
  }
}

}  // namespace cbr::detail
