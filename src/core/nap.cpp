#include "core/nap.h"

#include <algorithm>

namespace cbr::detail {
namespace {

/// Shorter sleeps cost as much CPU time as they save.
constexpr std::chrono::nanoseconds shortest = std::chrono::microseconds(20);
constexpr std::chrono::nanoseconds most_lateness = std::chrono::milliseconds(1);
/// More often, it would cost what the sleep saves.
constexpr std::chrono::nanoseconds shortest_piece = std::chrono::microseconds(100);
/// Of first pieces, however long the nap is to be.
constexpr std::chrono::nanoseconds longest_piece = std::chrono::milliseconds(1);

}  // namespace

void WakeUpLateness::measured(TimePoint wanted, TimePoint woken) {
  const std::int64_t late = std::clamp<std::chrono::nanoseconds>(
                                woken - wanted, std::chrono::nanoseconds(0), most_lateness)
                                .count();
  const std::int64_t old = expected_ns_.load(std::memory_order_relaxed);
  // Up at once, down slowly: to be early costs a little CPU time, to be late costs the GPU's.
  const std::int64_t next = late > old ? old + (late - old) / 4 : old - (old - late) / 32;
  expected_ns_.store(next, std::memory_order_relaxed);
}

std::optional<TimePoint> nap_end(const StepForecast::Estimate& estimate, std::uint64_t steps_behind,
                                 bool may_be_late, std::chrono::nanoseconds lateness,
                                 TimePoint now) {
  TimePoint end = estimate.end - lateness - 2 * estimate.deviation;
  if (may_be_late && steps_behind > 0) {
    // Half of what is queued behind is left for the program to record the next step in.
    const auto queued = static_cast<std::int64_t>(steps_behind) * estimate.step;
    end = std::max(end, end + queued / 2);
  }
  if (end - now < shortest) return std::nullopt;
  return end;
}

NapPieces::NapPieces(TimePoint begin, TimePoint end)
    : begin_(begin),
      end_(end),
      next_(std::min(end, begin + std::clamp<Clock::duration>((end - begin) / 16, shortest_piece,
                                                              longest_piece))) {}

void NapPieces::looked(TimePoint now) {
  // A look before its time, since something was notified, is no reason to look later.
  if (now < next_) return;
  next_ = std::min(end_, now + std::max<Clock::duration>(now - begin_, shortest_piece));
}

}  // namespace cbr::detail
