// How a thread waits for the GPU: blocked, spinning, or first one and then the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include <cbr/backend.h>
#include <cbr/options.h>

namespace cbr::detail {

class SpinThenBlock {
 public:
  /// `spin_limit` is for `hybrid`.
  SpinThenBlock(WaitStrategy strategy, std::chrono::nanoseconds spin_limit);

  /// As Backend::wait.
  WaitStatus wait(Backend& backend, std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) const;

  [[nodiscard]] std::chrono::nanoseconds spin_limit() const { return spin_limit_; }

 private:
  std::chrono::nanoseconds spin_limit_;
};

/// Measures how much later a blocked thread notices the end of work than a spinning one, with empty
/// submissions in turn; 0 where there is no difference. Attaches to the backend and detaches.
/// Blocks for some submissions. Throws what the backend throws.
[[nodiscard]] std::chrono::nanoseconds measure_wake_up_latency(Backend& backend);

}  // namespace cbr::detail
