#include "core/watchdog.h"

#include <utility>

namespace cbr::detail {

Watchdog::Watchdog(std::function<std::chrono::nanoseconds()> look)
    : look_(std::move(look)), thread_([this] { run(); }) {}

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
    const auto pause = look_();
    lock.lock();
    stopping_.wait_for(lock, pause, [this] { return stop_; });
  }
}

}  // namespace cbr::detail
