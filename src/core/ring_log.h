// Where a ring's messages go, and what it remembers of leaks.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/leak.h>
#include <cbr/log.h>
#include <cbr/options.h>

#include "core/gate.h"
#include "core/sync.h"

namespace cbr::detail {

struct Submission;

/// All functions may be called by any thread that holds none of the ring's locks, and none throws.
/// Once the ring has ended nothing is written: the sink is the program's, and may be gone.
class RingLog {
 public:
  RingLog(std::string name, LogSink sink) : name_(std::move(name)), sink_(std::move(sink)) {}

  /// Fills in the ring's name and hands the message to the sink.
  void write(LogMessage message) const noexcept;
  /// Writes of something that failed, and that no call can throw.
  void failure(LogEvent event, std::string_view what, const std::exception_ptr& error,
               const Submission* submission = nullptr) const noexcept;
  /// Warns of a lease that was dropped, and remembers it.
  void abandoned(const Submission& submission) noexcept;
  /// Warns of a failure that nobody asked about, and remembers it.
  void unseen_failure(const Submission& submission) noexcept;
  [[nodiscard]] std::vector<Leak> leaked() const;
  /// Nothing is written any more once this has returned.
  void close() noexcept;

 private:
  static constexpr std::size_t most_leaks = 100;

  void leak(LogEvent event, Leak leak, const Submission& submission) noexcept;

  const std::string name_;
  const LogSink sink_;
  mutable Gate gate_;
  mutable Guarded<std::vector<Leak>> leaks_;
};

}  // namespace cbr::detail
