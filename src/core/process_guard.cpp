#include "core/process_guard.h"

#include <atomic>
#include <system_error>

#include <pthread.h>

namespace cbr::detail {
namespace {

/// How many forks lie between the first process and this one.
std::atomic<std::uint64_t> forks = 0;

void count_fork() {
  forks.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

ProcessGuard::ProcessGuard() {
  static const int result = pthread_atfork(nullptr, nullptr, count_fork);
  if (result != 0) throw std::system_error(result, std::generic_category(), "pthread_atfork");
  generation_ = forks.load(std::memory_order_relaxed);
}

bool ProcessGuard::same_process() const noexcept {
  return generation_ == forks.load(std::memory_order_relaxed);
}

}  // namespace cbr::detail
