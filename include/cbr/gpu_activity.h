/// @file
/// How busy a ring kept its GPU, and why the GPU stood idle.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cbr {

/// Why a queue of the GPU had nothing to run. A gap lies between the end of a queue's work and the
/// start of the submission that ends the gap; each part of it has the cause that held that
/// submission up at the time.
enum class GapCause : std::uint8_t {
  /// The program had not yet asked for the slot, or not again since its last try in vain: it was
  /// doing something else.
  application,
  /// It waited for a slot, or had tried to get one: all of them were leased, or had work that had
  /// not ended.
  slot_wait,
  /// Its slot was free, but the waiting thread had not woken up yet.
  wake_up,
  /// It had its lease and was encoding, or held back behind a lease of its sequence that was.
  encode,
  /// The driver's submit call was at work.
  submit,
  /// It waited for other submissions to end, or for semaphores of the program's own.
  dependency,
  /// The GPU had it and had not started: the device's own pause between two submissions.
  device,
  /// Nobody can say: the device's clock is not known well enough by the host's.
  unknown,
};

/// How many causes there are.
inline constexpr std::size_t gap_cause_count = 8;

/// "application", "slot_wait", "wake_up", "encode", "submit", "dependency", "device", "unknown".
[[nodiscard]] std::string_view to_string(GapCause cause) noexcept;
/// The cause of that name, or nothing.
[[nodiscard]] std::optional<GapCause> parse_gap_cause(std::string_view name) noexcept;

/// Idle time by its cause. The parts add up to the idle time exactly.
class IdleByCause {
 public:
  /// The time of one cause.
  [[nodiscard]] constexpr std::chrono::nanoseconds operator[](GapCause cause) const {
    return times_[static_cast<std::size_t>(cause)];
  }
  /// The time of one cause, to be changed.
  [[nodiscard]] constexpr std::chrono::nanoseconds& operator[](GapCause cause) {
    return times_[static_cast<std::size_t>(cause)];
  }
  /// All of it.
  [[nodiscard]] constexpr std::chrono::nanoseconds total() const {
    std::chrono::nanoseconds sum{0};
    for (const auto time : times_) sum += time;
    return sum;
  }
  /// Adds the times of `other`, cause by cause.
  constexpr IdleByCause& operator+=(const IdleByCause& other) {
    for (std::size_t i = 0; i < times_.size(); ++i) times_[i] += other.times_[i];
    return *this;
  }
  /// Whether all times are the same.
  friend constexpr bool operator==(const IdleByCause&, const IdleByCause&) = default;

 private:
  std::array<std::chrono::nanoseconds, gap_cause_count> times_{};
};

/// How many gaps there were of which length. Each class reaches from its bound to the next one's,
/// which is twice as long; the first takes all that is shorter than a microsecond too, the last all
/// that is longer.
class GapHistogram {
 public:
  /// How many classes there are.
  static constexpr std::size_t size = 24;
  /// The shortest gap of a class: 0, then 1 µs, 2 µs, 4 µs, up to 4.2 s.
  [[nodiscard]] static constexpr std::chrono::nanoseconds bound(std::size_t index) {
    return std::chrono::microseconds(index == 0 ? 0 : std::int64_t{1} << (index - 1));
  }
  /// The class of a gap.
  [[nodiscard]] static constexpr std::size_t index_of(std::chrono::nanoseconds gap) {
    std::size_t index = 0;
    while (index + 1 < size && gap >= bound(index + 1)) ++index;
    return index;
  }
  /// How many gaps a class has.
  [[nodiscard]] constexpr std::uint64_t operator[](std::size_t index) const {
    return counts_[index];
  }
  /// Counts one gap, or so many of that length.
  constexpr void add(std::chrono::nanoseconds gap, std::uint64_t count = 1) {
    counts_[index_of(gap)] += count;
  }
  /// Adds the counts of `other`, class by class.
  constexpr GapHistogram& operator+=(const GapHistogram& other) {
    for (std::size_t i = 0; i < size; ++i) counts_[i] += other.counts_[i];
    return *this;
  }
  /// Whether all counts are the same.
  friend constexpr bool operator==(const GapHistogram&, const GapHistogram&) = default;

 private:
  std::array<std::uint64_t, size> counts_{};
};

/// What the GPU did for a ring, by its own clock: from the start of the first submission to the end
/// of the newest that is known to have ended. Queues are added up: two that were idle for a second
/// each were idle for two.
///
/// busy + idle is that whole time, and idle_by_cause adds up to idle, both exactly. A gap becomes
/// known when the submission that ends it has ended. Where a submission's times are not known, the
/// gap before it and the one after are not counted, nor is its own time.
struct GpuActivity {
  /// How many queues are added up, those without work included.
  std::uint32_t queues = 0;
  /// Submissions whose times are counted here.
  std::uint64_t submissions = 0;
  /// Time in which a queue had something to run.
  std::chrono::nanoseconds busy{0};
  /// Time in which it had not.
  std::chrono::nanoseconds idle{0};
  /// The idle time by its cause.
  IdleByCause idle_by_cause;
  /// How many gaps there were.
  std::uint64_t gaps = 0;
  /// The gaps by their length.
  GapHistogram gap_histogram;
  /// Of the gaps, those at whose beginning the GPU surely had the submission that ends them, which
  /// waited for nothing: the device's own pauses. What else is of the cause `device` may be no
  /// pause but what it takes to launch work on an idle GPU.
  std::uint64_t queued_gaps = 0;
  /// How long these were.
  std::chrono::nanoseconds queued_idle{0};
  /// Of idle_by_cause, what belongs to gaps that end with a submission whose program had to wait
  /// for a slot, or had tried in vain to get one. What the host did in them it might have done
  /// earlier, with a larger ring.
  IdleByCause idle_after_wait;
  /// Host time from lease to submit, of the submissions that are counted here. Threads add up.
  std::chrono::nanoseconds encode{0};
  /// Host time in the driver's submit calls, likewise.
  std::chrono::nanoseconds submit{0};
  /// Host time in which slots were free already, and the threads that waited for them had not got
  /// them yet, likewise: how late they noticed.
  std::chrono::nanoseconds late{0};
  /// The most slots that were of use at one time: from lease to the end of the work on the GPU,
  /// whenever the ring noticed that; but not before a look of the ring that did not see it. Counted
  /// up to 64 a queue; 0 where the host's clock is not known.
  std::uint32_t peak_in_use = 0;

  /// busy / (busy + idle); 1 where both are 0.
  [[nodiscard]] constexpr double busy_fraction() const {
    const auto whole = static_cast<double>((busy + idle).count());
    return whole > 0 ? static_cast<double>(busy.count()) / whole : 1.0;
  }
  /// Adds what another queue did.
  constexpr GpuActivity& operator+=(const GpuActivity& other) {
    queues += other.queues;
    submissions += other.submissions;
    busy += other.busy;
    idle += other.idle;
    idle_by_cause += other.idle_by_cause;
    gaps += other.gaps;
    gap_histogram += other.gap_histogram;
    queued_gaps += other.queued_gaps;
    queued_idle += other.queued_idle;
    idle_after_wait += other.idle_after_wait;
    encode += other.encode;
    submit += other.submit;
    late += other.late;
    peak_in_use += other.peak_in_use;
    return *this;
  }
  /// Whether all of it is the same.
  friend constexpr bool operator==(const GpuActivity&, const GpuActivity&) = default;
};

}  // namespace cbr
