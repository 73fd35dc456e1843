#include "core/resizing.h"

#include <chrono>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/auto_ring_size.h"
#include "core/option_checks.h"
#include "observe/request_order.h"

namespace cbr::detail {

Resizing::Resizing(RingContext& ring, Retirement& retirement)
    : ring_(ring), retirement_(retirement) {}

void Resizing::start() {
  if (!ring_.options.auto_ring_size) return;
  if (!can_choose_size(ring_.options)) {
    return tell(fmt::format("ring size {}: it stays so, because gpu_times is \"{}\"",
                            ring_.options.ring_size, to_string(ring_.options.gpu_times)));
  }
  const LockGuard lock(mutex_);
  sizing_.emplace(*ring_.options.auto_ring_size, ring_.queue_count());
  StepWindow window;
  const StateAccess state(ring_.state);
  state->sizing_window = std::move(window);
}

void Resizing::set(std::uint32_t ring_size) {
  ring_.require_same_process();
  check_ring_size(ring_.options, ring_size, ring_.queue_count());
  {
    const LockGuard lock(mutex_);
    was_set_ = true;
    look_again(std::nullopt);
  }
  try {
    // An observer is told of a loss once the locks are free.
    retirement_.guarded([&] { change(ring_size); });
  } catch (...) {
    ring_.sweep_outside_slots();
    throw;
  }
  ring_.sweep_outside_slots();
}

void Resizing::change(std::uint32_t ring_size) {
  const LogHold hold;
  const LockGuard structure_lock(ring_.structure_mutex);
  // Free slots change hands with the state locked; native objects are made and removed without.
  const auto resize = [this](std::uint32_t size) {
    FollowUp follow_up;
    {
      const StateAccess state(ring_.state);
      state->require_usable();
      state->slots.reserve(size);
      state->slots.resize(size);
      ring_.full.store(!state->slots.has_free(), std::memory_order_relaxed);
      ring_.ring_size = size;
      state->serve_waiters(follow_up);
    }
    ring_.wake(follow_up.wake_number);
  };
  resize(ring_size);
  for (;;) {
    std::optional<SlotIndex> slot;
    {
      const StateAccess state(ring_.state);
      slot = state->slots.missing();
    }
    if (!slot) break;
    try {
      ring_.backend->add_slot(*slot);
    } catch (const DeviceLost&) {
      throw;
    } catch (...) {
      resize(to_number(*slot));
      ring_.remove_outside_slots();
      throw;
    }
    FollowUp follow_up;
    {
      const StateAccess state(ring_.state);
      state->slots.add(*slot);
      ring_.full.store(false, std::memory_order_relaxed);
      state->serve_waiters(follow_up);
    }
    ring_.wake(follow_up.wake_number);
  }
  ring_.remove_outside_slots();
}

void Resizing::choose() noexcept {
  std::string text;
  std::exception_ptr failure;
  {
    const LogHold hold;
    if (!mutex_.try_lock()) return;
    const LockGuard lock(mutex_, std::adopt_lock);
    if (!ring_.sizing_due.exchange(false)) return;
    try {
      text = choose_now();
    } catch (const BackendError&) {
      // The driver has no more to give, and need not be asked again.
      failure = std::current_exception();
      look_again(std::nullopt);
    } catch (const DeviceLost&) {
      failure = std::current_exception();
      look_again(std::nullopt);
    } catch (...) {
      // No memory at this moment, or the ring has ended.
      constexpr std::chrono::seconds later(1);
      look_again(ring_.backend->now() + later);
    }
  }
  ring_.sweep_outside_slots();
  if (!text.empty()) tell(text);
  if (failure == nullptr) return;
  try {
    // Whoever acquires learns of a loss in that call.
    retirement_.guarded([&] { std::rethrow_exception(failure); });
  } catch (const DeviceLost&) {
    return;
  } catch (...) {
    ring_.log.failure(LogEvent::backend_failure, "the ring can't have the size that it chose",
                      std::current_exception());
  }
}

std::string Resizing::choose_now() {
  std::uint32_t size = 0;
  {
    const StateAccess state(ring_.state);
    if (!sizing_ || !state->sizing_window || !state->sizing_window->is_full()) return {};
    size = state->slots.size();
    state->sizing_window->take(window_.submissions);
  }
  observe::sort_by_request(window_.submissions);
  const RingSizing::Choice choice = sizing_->look(window_, size);
  std::string text;
  if (!choice.reason.empty()) {
    text = choice.ring_size == size ? fmt::format("ring size {}: {}", size, choice.reason)
                                    : fmt::format("ring size {} in place of {}: {}",
                                                  choice.ring_size, size, choice.reason);
  }
  if (choice.ring_size != size) change(choice.ring_size);
  if (choice.is_final) {
    look_again(std::nullopt);
  } else {
    look_again(ring_.backend->now() + choice.pause);
  }
  return text;
}

void Resizing::look_again(std::optional<TimePoint> begin) {
  const StateAccess state(ring_.state);
  if (!begin) {
    sizing_.reset();
    state->sizing_window.reset();
  } else if (state->sizing_window) {
    state->sizing_window->open(window_.submissions, *begin);
  }
}

void Resizing::tell(std::string_view text) const noexcept {
  ring_.log.write({.level = LogLevel::info, .event = LogEvent::resized, .text = text});
}

}  // namespace cbr::detail
