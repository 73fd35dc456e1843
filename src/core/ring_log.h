// Where a ring's messages go, and what it remembers of leaks.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/leak.h>
#include <cbr/options.h>

namespace cbr::detail {

/// All functions may be called by any thread that holds none of the ring's locks.
class RingLog {
 public:
  RingLog(std::string name, LogSink sink) : name_(std::move(name)), sink_(std::move(sink)) {}

  /// Writes a whole line.
  void write(std::string_view line) const noexcept;
  /// Writes "[WARNING] name: text".
  void warn(std::string_view text) const noexcept;
  /// Warns of a leak and remembers it.
  void leak(Leak leak) noexcept;
  [[nodiscard]] std::vector<Leak> leaked() const;

 private:
  static constexpr std::size_t most_leaks = 100;

  std::string name_;
  LogSink sink_;
  mutable std::mutex mutex_;
  std::vector<Leak> leaks_;
};

}  // namespace cbr::detail
