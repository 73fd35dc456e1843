// What waits for several points have said, held against what `completed` says later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include <cbr/types.h>

namespace cbr::detail {

/// Of a wait for several points that returned `reached`, it isn't known which one has ended. So the
/// claim stays until `completed` of one queue confirms it, or until that of every queue concerned,
/// asked since, has contradicted it. One thread at a time uses an object.
class WaitClaims {
 public:
  /// A wait for these points has returned `reached`.
  void add(std::span<const SyncPoint> points) {
    claims_.push_back({++made_, {points.begin(), points.end()}});
    if (claims_.size() > capacity) claims_.pop_front();
  }
  /// How many there were so far: those that a call of `completed` that starts now must agree with.
  [[nodiscard]] std::uint64_t made() const { return made_; }
  /// Takes what `completed` returned for `queue`, in a call that started when `made` claims were
  /// made. Returns how many of them are now known to be false.
  std::size_t settle(QueueIndex queue, std::uint64_t made, Serial completed) {
    std::size_t refuted = 0;
    std::erase_if(claims_, [&](Claim& claim) {
      if (claim.number > made) return false;
      bool confirmed = false;
      std::erase_if(claim.points, [&](const SyncPoint& point) {
        confirmed = confirmed || (point.queue == queue && completed.covers(point.serial));
        return point.queue == queue;
      });
      if (!confirmed && claim.points.empty()) ++refuted;
      return confirmed || claim.points.empty();
    });
    return refuted;
  }
  void clear() { claims_.clear(); }

 private:
  /// A ring that never asks leaves claims behind; so many are kept.
  static constexpr std::size_t capacity = 256;

  struct Claim {
    std::uint64_t number = 0;
    /// Those that nothing has contradicted yet.
    std::vector<SyncPoint> points;
  };
  std::uint64_t made_ = 0;
  /// Oldest first.
  std::deque<Claim> claims_;
};

}  // namespace cbr::detail
