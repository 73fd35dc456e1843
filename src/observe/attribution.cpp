#include "observe/attribution.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace cbr::observe {
namespace {

/// In the order in which a submission comes by them.
constexpr std::array story = {GapCause::application, GapCause::slot_wait, GapCause::wake_up,
                              GapCause::encode,      GapCause::submit,    GapCause::dependency,
                              GapCause::device};

/// Walks along a gap.
class Walk {
 public:
  Walk(const Gap& gap, std::chrono::nanoseconds offset)
      : at_(gap.begin), end_(gap.end), offset_(offset) {}

  /// What lies between here and that moment has this cause. A moment that nobody noted leaves
  /// everything as it is.
  void to(TimePoint moment, GapCause cause) {
    if (moment == TimePoint{}) return;
    advance(std::chrono::nanoseconds(moment.time_since_epoch()) - offset_, cause);
  }
  void to_end(GapCause cause) { advance(end_, cause); }
  [[nodiscard]] const IdleByCause& parts() const { return parts_; }

 private:
  void advance(std::chrono::nanoseconds to, GapCause cause) {
    const std::chrono::nanoseconds next = std::clamp(to, at_, end_);
    parts_[cause] += next - at_;
    at_ = next;
  }

  std::chrono::nanoseconds at_;
  const std::chrono::nanoseconds end_;
  const std::chrono::nanoseconds offset_;
  IdleByCause parts_;
};

/// Gives each part that is shorter than `finest` to the longer of those next to it.
void merge_short_parts(IdleByCause& parts, std::chrono::nanoseconds finest) {
  constexpr std::chrono::nanoseconds none{0};
  for (;;) {
    // The shortest first, so that what is merged does not depend on where it lies.
    std::optional<std::size_t> shortest;
    for (std::size_t i = 0; i < story.size(); ++i) {
      const auto part = parts[story[i]];
      if (part == none || part >= finest) continue;
      if (!shortest || part < parts[story[*shortest]]) shortest = i;
    }
    if (!shortest) return;
    std::optional<std::size_t> neighbour;
    for (std::size_t i = *shortest; i-- > 0;) {
      if (parts[story[i]] == none) continue;
      neighbour = i;
      break;
    }
    for (std::size_t i = *shortest + 1; i < story.size(); ++i) {
      if (parts[story[i]] == none) continue;
      if (!neighbour || parts[story[i]] > parts[story[*neighbour]]) neighbour = i;
      break;
    }
    if (!neighbour) return;
    parts[story[*neighbour]] += parts[story[*shortest]];
    parts[story[*shortest]] = none;
  }
}

}  // namespace

bool found_no_slot(const SubmissionTimes& times) {
  return times.waited || (times.slot_free != TimePoint{} && times.slot_free > times.acquire_begin);
}

IdleByCause split_gap_exactly(const Gap& gap, const SubmissionTimes& times,
                              std::chrono::nanoseconds offset) {
  Walk walk(gap, offset);
  walk.to(times.acquire_begin, GapCause::application);
  if (found_no_slot(times)) {
    // Who waited for a slot that was free already had only to wake up.
    const bool freed = times.slot_free != TimePoint{};
    walk.to(freed ? std::min(times.slot_free, times.acquire_end) : times.acquire_end,
            GapCause::slot_wait);
    // Between two tries it was at something else, and no thread had to wake up.
    walk.to(times.acquire_end, times.waited ? GapCause::wake_up : GapCause::application);
  }
  walk.to(times.held_from, GapCause::encode);
  walk.to(times.submit_begin, times.held_for_dependency ? GapCause::dependency : GapCause::encode);
  walk.to(std::max(times.submit_end, times.gathered_until), GapCause::submit);
  walk.to(times.dependency_end, GapCause::dependency);
  walk.to_end(times.has_foreign_waits ? GapCause::dependency : GapCause::device);
  return walk.parts();
}

bool was_queued(const Gap& gap, const SubmissionTimes& times,
                const std::optional<ClockOffset>& clock) {
  if (!clock || gap.length() < clock->deviation || times.has_foreign_waits) return false;
  const auto there_at = [&](TimePoint moment) {
    return moment.time_since_epoch() - clock->offset + clock->deviation;
  };
  if (times.dependency_end != TimePoint{} && there_at(times.dependency_end) > gap.begin) {
    return false;
  }
  return times.submit_end != TimePoint{} && there_at(times.submit_end) <= gap.begin;
}

IdleByCause split_gap(const Gap& gap, const SubmissionTimes& times,
                      const std::optional<ClockOffset>& clock) {
  if (!clock || gap.length() < clock->deviation) {
    IdleByCause parts;
    parts[GapCause::unknown] = gap.length();
    return parts;
  }
  IdleByCause parts = split_gap_exactly(gap, times, clock->offset);
  if (clock->deviation.count() > 0) merge_short_parts(parts, clock->deviation);
  return parts;
}

}  // namespace cbr::observe
