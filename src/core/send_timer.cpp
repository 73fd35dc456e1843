#include "core/send_timer.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <utility>

namespace cbr::detail {

SendTimer::SendTimer(std::function<TimePoint()> send_due) : send_due_(std::move(send_due)) {
  thread_ = start_thread([this] { run(); });
}

SendTimer::~SendTimer() {
  {
    const LockGuard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SendTimer::arm(TimePoint by) {
  if (wakes_at_.load() <= by) return;
  {
    const LockGuard lock(mutex_);
    wakes_at_ = std::min(wakes_at_.load(), by);
  }
  changed_.notify_one();
}

bool SendTimer::wait_until_due() {
  UniqueLock lock(mutex_);
  for (;;) {
    if (stop_) return false;
    const TimePoint wakes_at = wakes_at_.load();
    if (wakes_at == no_deadline) {
      changed_.wait(lock);
    } else if (Clock::now() < wakes_at) {
      (void)changed_.wait_until(lock, wakes_at);
    } else {
      wakes_at_ = no_deadline;
      return true;
    }
  }
}

void SendTimer::run() {
#ifdef __linux__
  // To wake when it is due, and not within the next 50 µs.
  (void)prctl(PR_SET_TIMERSLACK, 1);
#endif
  while (wait_until_due()) arm(send_due_());
}

}  // namespace cbr::detail
