// Waiting for another thread to reach a state that has no event of its own.
#pragma once

#include <chrono>
#include <thread>

namespace cbr::test {

/// Yields until `condition()` holds. Returns false after 60 s: the test has failed then.
template <typename Condition>
[[nodiscard]] bool eventually(const Condition& condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace cbr::test
