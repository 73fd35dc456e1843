#include "core/gate.h"

namespace cbr::detail {

Gate::Answer Gate::enter() {
  if (!same_process()) return Answer::forked;
  if ((visits_.fetch_add(1) & closed_bit) == 0) return Answer::open;
  leave();
  return Answer::closed;
}

void Gate::leave() {
  std::uint64_t visits = visits_.load();
  while ((visits & closed_bit) == 0) {
    if (visits_.compare_exchange_weak(visits, visits - 1)) return;
  }
  // After close() only with the mutex: the ring's end sees that this was the last one once this
  // thread has let go of the gate, which may go with the ring then.
  const LockGuard lock(mutex_);
  if (visits_.fetch_sub(1) == closed_bit + 1) emptied_.notify_all();
}

void Gate::wait_until_empty() {
  UniqueLock lock(mutex_);
  while (visits_.load() != closed_bit) emptied_.wait(lock);
}

}  // namespace cbr::detail
