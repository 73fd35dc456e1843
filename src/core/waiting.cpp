#include "core/waiting.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace cbr::detail {
namespace {

/// Short enough for a person with a finger on Ctrl-C, and seldom enough to cost nothing.
constexpr std::chrono::milliseconds check_interval(50);

}  // namespace

ThreadWait::ThreadWait(RingContext& ring, const SpinThenBlock& strategy, TimePoint deadline,
                       Interruptible interruptible)
    : ring_(ring),
      strategy_(strategy),
      deadline_(deadline),
      // A virtual clock moves to the end of each wait: a wait with a limit takes no time, and
      // cutting it up would only spoil that.
      checks_interrupts_(interruptible == Interruptible::yes &&
                         ring.options.interrupt_check != nullptr &&
                         (!ring.backend->has_virtual_clock() || deadline == no_deadline)) {
  if (checks_interrupts_) next_check_ = Clock::now() + check_interval;
}

bool ThreadWait::expired() const {
  if (deadline_ == no_deadline) return false;
  return deadline_ == no_wait || slept_through_ || ring_.backend->now() >= deadline_;
}

void ThreadWait::sleep(StateAccess& state, ConditionVariable& changed) {
  TimePoint end = no_deadline;
  // The backend's clock may be virtual; the time left is what counts.
  if (deadline_ != no_deadline) end = Timeout(deadline_ - ring_.backend->now()).after(Clock::now());
  const TimePoint until = std::min(end, next_check_);
  if (until == no_deadline) {
    state.wait(changed);
  } else if (!state.wait_until(changed, until) && until == end) {
    slept_through_ = true;
  }
}

void ThreadWait::pause() {
  if (!checks_interrupts_ || Clock::now() < next_check_) return;
  interrupted_ = true;
  ring_.options.interrupt_check();
  interrupted_ = false;
  next_check_ = Clock::now() + check_interval;
}

WaitStatus ThreadWait::in_backend(std::span<const SyncPoint> points, std::uint64_t wake_number) {
  Backend& backend = *ring_.backend;
  if (!checks_interrupts_) return strategy_.wait(backend, points, wake_number, deadline_);
  for (;;) {
    const TimePoint now = backend.now();
    const TimePoint piece_end =
        std::min(deadline_, now + std::max(next_check_ - Clock::now(), Clock::duration::zero()));
    const WaitStatus status = strategy_.wait(backend, points, wake_number, piece_end);
    if (status != WaitStatus::timed_out || piece_end == deadline_) return status;
    // A virtual clock has jumped there: what can't end by itself takes real time to wait for.
    if (backend.has_virtual_clock()) std::this_thread::sleep_until(next_check_);
    pause();
  }
}

bool ThreadWait::look(std::span<const SyncPoint> points, std::uint64_t wake_number) const {
  return strategy_.wait(*ring_.backend, points, wake_number, no_wait) != WaitStatus::timed_out;
}

}  // namespace cbr::detail
