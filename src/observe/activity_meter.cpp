#include "observe/activity_meter.h"

#include <algorithm>

#include "observe/attribution.h"

namespace cbr::observe {
namespace {

/// A thread that finds several ended passes on a few at a time, and asks again for the rest: that
/// is one look. Slots that are noticed so little later are no reason for another either.
constexpr std::chrono::nanoseconds one_look = std::chrono::microseconds(20);

/// Nothing where they were not noted, or can't be true.
std::chrono::nanoseconds length(TimePoint begin, TimePoint end) {
  return end < begin ? std::chrono::nanoseconds(0) : end - begin;
}

}  // namespace

void ActivityMeter::ended(const Completion& completion, const SubmissionTimes& times) {
  if (!completion.interval) {
    // The work between, of which nothing is known, was no gap.
    last_end_.reset();
    return;
  }
  const GpuInterval& interval = *completion.interval;
  std::chrono::nanoseconds start = interval.start;
  std::chrono::nanoseconds end = interval.end;
  // Where that is not known, there is no gap.
  bool follows = last_end_.has_value();
  std::chrono::nanoseconds free_since = last_end_.value_or(start);
  if (reset_at_) {
    if (completion.clock) {
      const std::chrono::nanoseconds reset_at =
          reset_at_->time_since_epoch() - completion.clock->offset;
      start = std::max(start, reset_at);
      end = std::max(end, reset_at);
      free_since = std::max(free_since, reset_at);
      if (end > reset_at) reset_at_.reset();
    } else {
      // Without the host's clock nobody knows what lies before: the first gap is left out.
      follows = false;
      reset_at_.reset();
    }
  }
  if (!follows) free_since = start;
  if (start > free_since) {
    const Gap gap{free_since, start};
    activity_.idle += gap.length();
    const IdleByCause parts = split_gap(gap, times, completion.clock);
    activity_.idle_by_cause += parts;
    if (found_no_slot(times)) activity_.idle_after_wait += parts;
    if (was_queued(gap, times, completion.clock)) {
      ++activity_.queued_gaps;
      activity_.queued_idle += gap.length();
    }
    ++activity_.gaps;
    activity_.gap_histogram.add(gap.length());
  }
  // Of work that overlaps only what is new counts.
  const std::chrono::nanoseconds begun = std::max(start, free_since);
  if (end > begun) activity_.busy += end - begun;
  ++activity_.submissions;
  activity_.encode += length(times.acquire_end, times.submit_begin);
  activity_.submit += length(times.submit_begin, times.submit_end);
  if (times.waited && times.slot_free != TimePoint{}) {
    activity_.late += length(times.slot_free, times.acquire_end);
  }
  if (times.gpu) count_in_use(times);
  last_end_ = last_end_ ? std::max(*last_end_, interval.end) : interval.end;
}

TimePoint ActivityMeter::end_of_use(const SubmissionTimes& times) {
  if (times.noticed - noticed_ > one_look) looked_at_ = noticed_;
  noticed_ = times.noticed;
  // A look that saw the end of the one before did not see this one's: whoever had wanted a slot
  // then would not have got this one.
  const bool missed = times.submit_end <= looked_at_ && times.gpu->end <= looked_at_;
  return missed ? looked_at_ + std::chrono::nanoseconds(1) : times.gpu->end;
}

void ActivityMeter::count_in_use(const SubmissionTimes& times) {
  // A slot that nobody had to wait for is wanted from the request on: it may have been found by a
  // look within that.
  const bool known = !times.waited && times.acquire_begin != TimePoint{};
  Use use{known ? times.acquire_begin : times.acquire_end, end_of_use(times)};
  const std::uint64_t oldest = uses_ - std::min<std::uint64_t>(uses_, recent_.size() - 1);
  for (std::uint64_t i = uses_; i > oldest; --i) {
    Use& other = recent_[(i - 1) % recent_.size()];
    // Their ends only rise, so the first that is too early ends the search.
    if (other.end <= use.begin) break;
    if (other.begin <= use.begin) ++use.at_once;
    // One that was leased before others, and submitted after them, adds to theirs.
    if (use.begin <= other.begin && other.begin < use.end) {
      activity_.peak_in_use = std::max(activity_.peak_in_use, ++other.at_once);
    }
  }
  activity_.peak_in_use = std::max(activity_.peak_in_use, use.at_once);
  recent_[uses_++ % recent_.size()] = use;
}

void ActivityMeter::reset(TimePoint now) {
  activity_ = {};
  reset_at_ = now;
}

}  // namespace cbr::observe
