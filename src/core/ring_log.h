// Where a ring's messages go, and what it remembers of leaks.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/leak.h>
#include <cbr/log.h>
#include <cbr/options.h>
#include <cbr/types.h>

#include "core/gate.h"
#include "core/sync.h"

namespace cbr::detail {

struct Submission;
class RingLog;

/// Keeps what this thread writes to logs, as long as this lives, and passes it on at its end: a
/// backend may have something to tell while it is called with a lock held, and a sink, which is the
/// program's, must not run under it. Make it right before the lock, so that it ends right after it:
/// the program's code may not run meanwhile, for it may end another ring whose messages are kept.
/// Without memory for a message, that message is lost. They nest; the outermost passes on.
class LogHold {
 public:
  LogHold() noexcept;
  LogHold(const LogHold&) = delete;
  LogHold& operator=(const LogHold&) = delete;
  ~LogHold();

 private:
  friend class RingLog;
  struct Held {
    const RingLog* log;
    LogMessage message;
    std::string text;
    std::string label;
  };

  /// The thread's outermost.
  static thread_local LogHold* current;
  const bool outermost_;
  std::vector<Held> held_;
};

/// All functions may be called by any thread, and none throws; with a lock of the ring's held, only
/// within a LogHold. Once the ring has ended nothing is written: the sink is the program's, and may
/// be gone.
class RingLog {
 public:
  RingLog(std::string name, LogSink sink) : name_(std::move(name)), sink_(std::move(sink)) {}

  /// Fills in the ring's name and hands the message to the sink.
  void write(LogMessage message) const noexcept;
  /// Writes of something that failed, and that no call can throw.
  void failure(LogEvent event, std::string_view what, const std::exception_ptr& error,
               std::optional<SlotIndex> slot = std::nullopt) const noexcept;
  /// Warns of a lease that was dropped, and remembers it.
  void abandoned(const Submission& submission) noexcept;
  /// Warns of a failure that nobody asked about, and remembers it.
  void unseen_failure(const Submission& submission) noexcept;
  [[nodiscard]] std::vector<Leak> leaked() const;
  /// Nothing is written any more once this has returned.
  void close() noexcept;

 private:
  friend class LogHold;
  static constexpr std::size_t most_leaks = 100;

  void pass_on(const LogMessage& message) const noexcept;
  void leak(LogEvent event, Leak leak, const Submission& submission) noexcept;

  const std::string name_;
  const LogSink sink_;
  mutable Gate gate_;
  mutable Guarded<std::vector<Leak>> leaks_;
};

}  // namespace cbr::detail
