// A thread that looks at a ring now and then, for work that hangs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace cbr::detail {

class Watchdog {
 public:
  /// Calls `look` again and again on a thread of its own, each time after as long as the last call
  /// said. Throws std::system_error if no thread can be had.
  explicit Watchdog(std::function<std::chrono::nanoseconds()> look);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  /// Waits for a call under way.
  ~Watchdog();

 private:
  void run();

  std::function<std::chrono::nanoseconds()> look_;
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace cbr::detail
