#include "core/gate.h"

namespace cbr::detail {

Gate::Answer Gate::enter() {
  if (!same_process()) return Answer::forked;
  if ((visits_.fetch_add(1) & closed_bit) == 0) return Answer::open;
  leave();
  return Answer::closed;
}

void Gate::leave() {
  if (visits_.fetch_sub(1) != closed_bit + 1) return;
  // The last one after close(). With the mutex, so that the ring's end can't miss it.
  const LockGuard lock(mutex_);
  emptied_.notify_all();
}

void Gate::wait_until_empty() {
  UniqueLock lock(mutex_);
  while (visits_.load() != closed_bit) emptied_.wait(lock);
}

}  // namespace cbr::detail
