// A thread that sends what was gathered before the GPU runs dry, if nobody else does.
#pragma once

#include <functional>

#include <cbr/types.h>

#include "core/sync.h"

namespace cbr::detail {

/// One a ring that coalesces. In a ring that is kept busy it wakes about once for each native
/// submission, and finds that what it was to send has gone.
class SendTimer {
 public:
  /// `send_due` sends what is due and returns when to call it next, no_deadline if nothing is
  /// gathered. Throws std::system_error if no thread can be had.
  explicit SendTimer(std::function<TimePoint()> send_due);
  SendTimer(const SendTimer&) = delete;
  SendTimer& operator=(const SendTimer&) = delete;
  /// Waits for a call under way.
  ~SendTimer();

  /// Something is to be sent by then, as `send_due` can see already. Any thread may call this.
  void arm(TimePoint by);

 private:
  void run();
  /// False if it is to stop. Takes back when it wakes.
  bool wait_until_due();

  const std::function<TimePoint()> send_due_;
  /// When it calls next. Whoever arms it has said before what is due; the thread takes this back
  /// before it looks: one of the two sees the other.
  Atomic<TimePoint> wakes_at_ = no_deadline;
  Mutex mutex_;
  ConditionVariable changed_;
  bool stop_ = false;
  Thread thread_;
};

}  // namespace cbr::detail
