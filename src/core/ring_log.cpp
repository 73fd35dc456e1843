#include "core/ring_log.h"

#include <cstdio>

#include <fmt/format.h>

namespace cbr::detail {

void RingLog::write(std::string_view line) const noexcept {
  try {
    if (sink_) {
      sink_(line);
    } else {
      fmt::print(stderr, "{}\n", line);
    }
  } catch (...) {
    // A message that can't be written must not end the program from within a destructor.
    return;
  }
}

void RingLog::warn(std::string_view text) const noexcept {
  try {
    write(fmt::format("[WARNING] {}: {}", name_, text));
  } catch (...) {
    return;
  }
}

void RingLog::leak(Leak leak) noexcept {
  warn(leak.text);
  try {
    const std::lock_guard lock(mutex_);
    if (leaks_.size() < most_leaks) leaks_.push_back(std::move(leak));
  } catch (...) {
    return;
  }
}

std::vector<Leak> RingLog::leaked() const {
  const std::lock_guard lock(mutex_);
  return leaks_;
}

}  // namespace cbr::detail
