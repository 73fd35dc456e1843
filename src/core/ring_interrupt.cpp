// How a thread of the program waits, and how RingOptions::interrupt_check ends that.
#include <algorithm>
#include <chrono>
#include <thread>

#include "core/ring_core.h"

namespace cbr::detail {
namespace {

/// Short enough for a person with a finger on Ctrl-C, and seldom enough to cost nothing.
constexpr std::chrono::milliseconds check_interval(50);

}  // namespace

bool RingCore::checks_interrupts(TimePoint deadline) const {
  if (options_.interrupt_check == nullptr) return false;
  // A virtual clock moves to the end of each wait: a wait with a limit takes no time, and cutting
  // it up would only spoil that.
  return backend_->api() != Api::simulated || deadline == no_deadline;
}

bool RingCore::sleep(UniqueLock& lock, ConditionVariable& wake_up, TimePoint deadline) {
  // The backend's clock may be virtual; the time left is what counts.
  const auto until = [&] { return Clock::now() + (deadline - backend_->now()); };
  if (!checks_interrupts(deadline)) {
    if (deadline != no_deadline) {
      return wake_up.wait_until(lock, until()) == std::cv_status::no_timeout;
    }
    wake_up.wait(lock);
    return true;
  }
  const TimePoint next_check = Clock::now() + check_interval;
  if (deadline != no_deadline && until() <= next_check) {
    return wake_up.wait_until(lock, until()) == std::cv_status::no_timeout;
  }
  if (wake_up.wait_until(lock, next_check) == std::cv_status::timeout) {
    lock.unlock();
    options_.interrupt_check();
    lock.lock();
  }
  // What it was to wait for may have come while the lock was free: the caller looks again.
  return true;
}

WaitStatus RingCore::wait_interruptibly(std::span<const SyncPoint> points,
                                        std::uint64_t wake_number, TimePoint deadline) {
  if (!checks_interrupts(deadline)) {
    return waiting_.wait(*backend_, points, wake_number, deadline);
  }
  for (;;) {
    const TimePoint started = Clock::now();
    const TimePoint next_check = std::min(deadline, backend_->now() + check_interval);
    const WaitStatus status = waiting_.wait(*backend_, points, wake_number, next_check);
    if (status != WaitStatus::timed_out || next_check == deadline) return status;
    // The simulated GPU has jumped there: what can't end by itself takes real time to wait for.
    if (backend_->api() == Api::simulated) {
      std::this_thread::sleep_until(started + check_interval);
    }
    options_.interrupt_check();
  }
}

}  // namespace cbr::detail
