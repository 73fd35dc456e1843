#include "core/watchdog.h"

#include <utility>

#include "core/blocked_signals.h"
#include "core/no_thread.h"

namespace cbr::detail {

Watchdog::Watchdog(std::function<std::chrono::nanoseconds()> look) : look_(std::move(look)) {
  const BlockedSignals blocked;
  thread_ = or_explain([this] { return std::thread([this] { run(); }); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_one();
  thread_.join();
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    std::chrono::nanoseconds pause = std::chrono::seconds(1);
    try {
      pause = look_();
    } catch (...) {
      // No memory for a report: the next look may find some.
      pause = std::chrono::seconds(1);
    }
    lock.lock();
    stopping_.wait_for(lock, pause, [this] { return stop_; });
  }
}

}  // namespace cbr::detail
