#include "backends/vulkan/gpu_clock.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cbr::vulkan {
namespace {

constexpr std::uint32_t fraction_bits = 24;
constexpr std::int64_t fraction_mask = (std::int64_t{1} << fraction_bits) - 1;
/// 73 years, with room for sums.
constexpr std::int64_t longest_ns = std::int64_t{1} << 61;
constexpr std::int64_t most_ticks = longest_ns;
/// Drivers tell periods that are off by this at most, one part in so many, and crystals less.
constexpr std::int64_t drift = 128;

constexpr double shortest_period_ns = 1.0 / 128;
constexpr double longest_period_ns = 65536;

/// The low bits of a difference as a signed number: the shorter way round.
std::int64_t nearest(std::uint64_t difference, std::uint32_t bits) {
  const std::uint32_t unused = 64 - bits;
  return static_cast<std::int64_t>(difference << unused) >> unused;
}

std::uint64_t low_bits(std::uint64_t value, std::uint32_t bits) {
  const std::uint32_t unused = 64 - bits;
  return value << unused >> unused;
}

std::int64_t to_fixed(double period_ns) {
  return std::llround(std::ldexp(period_ns, fraction_bits));
}

std::int64_t wrap_ns(std::uint32_t bits, double period_ns) {
  const double wrap = std::ldexp(period_ns, static_cast<int>(bits));
  return bits < 62 && wrap < static_cast<double>(longest_ns) ? std::llround(wrap) : 0;
}

std::int64_t since_epoch(TimePoint time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

}  // namespace

bool GpuClock::is_possible(std::uint32_t valid_bits, double period_ns) noexcept {
  // Written so that "not a number" is not.
  return valid_bits > 0 && valid_bits <= 64 && period_ns >= shortest_period_ns &&
         period_ns < longest_period_ns &&
         std::ldexp(period_ns, static_cast<int>(valid_bits)) >= 1e6;
}

GpuClock::GpuClock(std::uint32_t valid_bits, double period_ns) noexcept
    : bits_(valid_bits), period_(to_fixed(period_ns)), wrap_(wrap_ns(valid_bits, period_ns)) {}

GpuClock::Times GpuClock::read(Queue& queue, const Ticks& ticks, const HostTimes& host_times) {
  const Bounds host{since_epoch(host_times.submitted), since_epoch(host_times.read)};
  const std::uint64_t first = low_bits(ticks.start.value_or(ticks.end), bits_);
  const std::uint64_t length = low_bits(ticks.end - first, bits_);
  if (!is_length_possible(length, host)) return {};

  const std::lock_guard lock(mutex_);
  if (!origin_) begin(first);
  auto span = find(queue, first, static_cast<std::int64_t>(length), host);
  if (!span) {
    if (++queue.impossible_ < patience) return {};
    begin_anew(queue, first, host);
    span = Span{0, static_cast<std::int64_t>(length)};
  }
  const auto interval = accept(queue, *span, host);
  if (!interval) return {};
  return {ticks.start ? interval : std::nullopt, interval->end,
          clock_at(queue, interval->end.count(), host)};
}

void GpuClock::calibrate(std::uint64_t ticks, TimePoint host, std::chrono::nanoseconds deviation) {
  // One that wraps often would have to be calibrated more often still.
  constexpr std::int64_t shortest_wrap = 60'000'000'000;
  if (wrap_ != 0 && wrap_ < shortest_wrap) return;
  const std::uint64_t counter = low_bits(ticks, bits_);
  const std::lock_guard lock(mutex_);
  if (!origin_) begin(counter);
  const std::uint64_t newest = *origin_ + static_cast<std::uint64_t>(newest_ticks_);
  const auto time = to_ns(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(newest_ticks_) +
                                static_cast<std::uint64_t>(nearest(counter - newest, bits_))));
  if (time) calibration_.add({*time + origin_ns_, since_epoch(host), deviation.count()});
}

std::optional<ClockOffset> GpuClock::clock_at(const Queue& queue, std::int64_t end,
                                              const Bounds& host) const noexcept {
  // A clock by which work begins before it is submitted, or ends after it was read, is not the one
  // that its queue's timestamps count.
  if (const auto calibrated = calibration_.at(end)) {
    const std::int64_t offset = calibrated->offset.count();
    const std::int64_t slack = tolerance.count() + calibrated->deviation.count();
    if (queue.offset_ && offset >= queue.offset_->low - slack &&
        offset <= queue.offset_->high + slack) {
      return calibrated;
    }
  }
  if (!queue.offset_) return std::nullopt;
  const std::int64_t drifted = std::max<std::int64_t>(host.read - queue.offset_->at, 0) / drift;
  const std::int64_t half = (queue.offset_->high - queue.offset_->low) / 2;
  return ClockOffset{std::chrono::nanoseconds(queue.offset_->low + half),
                     std::chrono::nanoseconds(half + 1 + drifted)};
}

std::optional<std::int64_t> GpuClock::to_ns(std::int64_t ticks) const noexcept {
  if (ticks > most_ticks || ticks < -most_ticks) return std::nullopt;
  const std::int64_t high = ticks >> fraction_bits;
  const std::int64_t limit = longest_ns / period_;
  if (high > limit || high < -limit) return std::nullopt;
  const auto low = static_cast<std::uint64_t>(ticks & fraction_mask);
  return high * period_ +
         static_cast<std::int64_t>(low * static_cast<std::uint64_t>(period_) >> fraction_bits);
}

bool GpuClock::is_length_possible(std::uint64_t length, const Bounds& host) const noexcept {
  // An end before its start is a length of nearly all that the counter can count.
  if (length > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  const auto length_ns = to_ns(static_cast<std::int64_t>(length));
  const std::int64_t seen = host.read - host.submitted;
  return length_ns && seen >= 0 && *length_ns <= seen + seen / drift + tolerance.count();
}

void GpuClock::begin(std::uint64_t first) noexcept {
  // Counted from where the device does, if there is room.
  const bool fits = first <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) &&
                    to_ns(static_cast<std::int64_t>(first));
  origin_ = fits ? 0 : first;
  newest_ticks_ = fits ? static_cast<std::int64_t>(first) : 0;
  newest_ = *to_ns(newest_ticks_);
}

void GpuClock::begin_anew(Queue& queue, std::uint64_t first, const Bounds& host) noexcept {
  // No earlier than anything before it, nor than the host's clock says.
  const std::int64_t by_host = offset_ ? host.submitted - offset_->high : newest_;
  origin_ns_ = std::max(newest_, by_host);
  origin_ = first;
  newest_ticks_ = 0;
  newest_ = origin_ns_;
  calibration_ = {};
  offset_.reset();
  queue.offset_.reset();
}

std::optional<GpuClock::Span> GpuClock::find(const Queue& queue, std::uint64_t first,
                                             std::int64_t length,
                                             const Bounds& host) const noexcept {
  const std::uint64_t newest = *origin_ + static_cast<std::uint64_t>(newest_ticks_);
  // In unsigned numbers, which may overflow: to_ns() knows what is too much.
  const auto ticks =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(newest_ticks_) +
                                static_cast<std::uint64_t>(nearest(first - newest, bits_)));
  const auto& offset = queue.offset_ ? queue.offset_ : offset_;
  if (!offset) return Span{ticks, length};
  const std::int64_t drifted = std::max<std::int64_t>(host.read - offset->at, 0) / drift;
  const std::int64_t by_queue =
      queue.last_end_ ? *queue.last_end_ - overlap_tolerance.count() : -longest_ns;
  // After a pause in which the clocks may have drifted apart by more than a wrap, any number of
  // wraps is a guess: the one that the host's clock would have is the best.
  const std::int64_t slack = std::min<std::int64_t>(drifted + tolerance.count(), wrap_ / 4);
  const std::int64_t by_host = host.submitted - offset->high - slack;
  const std::int64_t not_after =
      queue.offset_ ? host.read - offset->low + drifted + future_tolerance.count() : longest_ns;

  const auto is_possible = [&](std::optional<std::int64_t> first_tick) {
    if (!first_tick) return false;
    const auto start = to_ns(*first_tick);
    const auto end = to_ns(*first_tick + length);
    return start && end && *start + origin_ns_ >= by_queue && *end + origin_ns_ <= not_after;
  };
  if (wrap_ > 0) {
    const auto found = earliest(ticks, std::max(by_queue, by_host));
    if (is_possible(found)) return Span{*found, length};
    // A counter that stands still while the device sleeps lags behind the host, without fault.
    const auto lagging = earliest(ticks, by_queue);
    if (queue.last_end_ && is_possible(lagging)) return Span{*lagging, length};
  }
  if (is_possible(ticks)) return Span{ticks, length};
  return std::nullopt;
}

std::optional<std::int64_t> GpuClock::earliest(std::int64_t ticks,
                                               std::int64_t not_before) const noexcept {
  const auto time = to_ns(ticks);
  if (!time) return std::nullopt;
  const std::int64_t missing = not_before - (*time + origin_ns_);
  // Rounded up, below zero too.
  const std::int64_t wraps = missing > 0 ? (missing - 1) / wrap_ + 1 : missing / wrap_;
  const std::int64_t ticks_a_wrap = std::int64_t{1} << bits_;
  std::int64_t moved = 0;
  if (__builtin_mul_overflow(wraps, ticks_a_wrap, &moved) ||
      __builtin_add_overflow(ticks, moved, &moved)) {
    return std::nullopt;
  }
  // A wrap is no whole number of nanoseconds.
  const auto moved_time = to_ns(moved);
  if (moved_time && *moved_time + origin_ns_ < not_before) moved += ticks_a_wrap;
  return moved;
}

std::optional<GpuInterval> GpuClock::accept(Queue& queue, const Span& span,
                                            const Bounds& host) noexcept {
  const auto first = to_ns(span.first);
  const auto last = to_ns(span.first + span.length);
  if (!first || !last) return std::nullopt;
  const std::int64_t start = std::max(*first + origin_ns_, queue.last_end_.value_or(-longest_ns));
  const std::int64_t end = std::max(*last + origin_ns_, start);
  queue.impossible_ = 0;
  queue.last_end_ = end;
  if (end >= newest_) {
    newest_ticks_ = span.first + span.length;
    newest_ = end;
  }
  const std::int64_t begun = host.submitted - start;
  const std::int64_t ended = host.read - end;
  const Offset seen{std::min(begun, ended), std::max(begun, ended), host.read};
  narrow(offset_, seen);
  narrow(queue.offset_, seen);
  return GpuInterval{std::chrono::nanoseconds(start), std::chrono::nanoseconds(end)};
}

void GpuClock::narrow(std::optional<Offset>& offset, const Offset& seen) noexcept {
  if (offset) {
    const std::int64_t drifted = std::max<std::int64_t>(seen.at - offset->at, 0) / drift;
    const Offset both{std::max(offset->low - drifted, seen.low),
                      std::min(offset->high + drifted, seen.high), std::max(offset->at, seen.at)};
    if (both.low <= both.high) {
      offset = both;
      return;
    }
  }
  // Where they exclude each other, the counter has stood still: what was is of no use.
  offset = seen;
}

}  // namespace cbr::vulkan
