#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/diagnosis.h>
#include <cbr/gpu_activity.h>
#include <cbr/options.h>

#include "observe/diagnosing.h"

namespace cbr {
namespace {

using std::chrono::nanoseconds;

/// Idle time below this share of the whole is not worth a word: measurements differ by as much from
/// one run to the next.
constexpr double noticeable = 0.02;
/// Fewer submissions say nothing: the first steps of a program are not like the others.
constexpr std::uint64_t fewest_submissions = 32;
/// With so many slots a step is encoded, one is queued and one runs: more only queue longer.
/// Of each queue.
constexpr std::uint32_t usual_ring_size = 3;
/// A device pauses for some microseconds between two submissions that are both there: 10 µs on an
/// H200. What pauses for so long on average has something else to do.
constexpr nanoseconds longest_pause = std::chrono::microseconds(200);

/// Queues whose busy fractions are closer together do the same, more or less.
constexpr double alike = 0.05;
/// To record takes less: who has held a lease for so long is at something else, or waits.
constexpr double long_lease_ms = 1000;

constexpr std::array<std::pair<FindingKind, std::string_view>, 16> kinds = {{
    {FindingKind::nothing_to_gain, "nothing_to_gain"},
    {FindingKind::gpu_bound, "gpu_bound"},
    {FindingKind::ring_too_small, "ring_too_small"},
    {FindingKind::ring_larger_than_used, "ring_larger_than_used"},
    {FindingKind::encode_bound, "encode_bound"},
    {FindingKind::application_bound, "application_bound"},
    {FindingKind::small_submissions, "small_submissions"},
    {FindingKind::late_wake_up, "late_wake_up"},
    {FindingKind::submit_bound, "submit_bound"},
    {FindingKind::dependency_bound, "dependency_bound"},
    {FindingKind::gpu_used_by_others, "gpu_used_by_others"},
    {FindingKind::suspected_hang, "suspected_hang"},
    {FindingKind::leases_held, "leases_held"},
    {FindingKind::leak, "leak"},
    {FindingKind::no_times, "no_times"},
    {FindingKind::too_little, "too_little"},
}};

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double microseconds(nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

/// What was measured, as a diagnosis looks at it.
class Figures {
 public:
  /// Of all queues, or of one that has so many of the slots.
  Figures(const RingStatistics& statistics, const GpuActivity& gpu, std::uint32_t slots)
      : statistics_(statistics),
        gpu_(gpu),
        slots_(slots),
        whole_(static_cast<double>((gpu.busy + gpu.idle).count())) {}

  [[nodiscard]] double share(nanoseconds time) const {
    return whole_ > 0 ? static_cast<double>(time.count()) / whole_ : 0.0;
  }
  /// Whether a larger ring can bring anything worth a word.
  [[nodiscard]] bool can_gain() const { return most_gain() >= 1 + noticeable; }
  /// Idle time of this cause that a larger ring would not take away. Where the host is busy all the
  /// time, that is all of it, though a program with one slot waits before each step.
  [[nodiscard]] double own_share(GapCause cause) const {
    return share(gpu_.idle_by_cause[cause] -
                 (can_gain() ? gpu_.idle_after_wait[cause] : nanoseconds(0)));
  }
  /// What the host did while the GPU stood idle, though it might have done it earlier.
  [[nodiscard]] double share_after_wait() const { return share(host_after_wait() + launch()); }
  /// What passes before the GPU starts work that could not be queued, since the queue has one slot:
  /// a larger ring hides that behind other work, unlike the device's pause.
  [[nodiscard]] nanoseconds launch() const {
    return slots_ > queues() ? nanoseconds(0) : gpu_.idle_after_wait[GapCause::device];
  }
  /// How long the device paused though it had work.
  [[nodiscard]] nanoseconds pauses() const {
    return std::min(gpu_.queued_idle, gpu_.idle_by_cause[GapCause::device] - launch());
  }
  /// How long the device took to start what came late, or may have: in time, that would have passed
  /// behind other work.
  [[nodiscard]] nanoseconds late_launch() const {
    return gpu_.idle_by_cause[GapCause::device] - launch() - pauses();
  }
  [[nodiscard]] nanoseconds mean_late_launch() const {
    const std::uint64_t gaps = gpu_.gaps - std::min(gpu_.gaps, gpu_.queued_gaps);
    return late_launch() / static_cast<std::int64_t>(std::max<std::uint64_t>(gaps, 1));
  }
  /// What that follows on, and so is counted with: what has most of the idle time. Nothing where
  /// that is not worth a word: then it may be the device's own pause, seen by a bad clock.
  [[nodiscard]] std::optional<GapCause> late_launch_follows() const {
    std::optional<GapCause> most;
    double its_share = noticeable;
    // A wait for a slot stands for all that came late because of it.
    const auto consider = [&](GapCause cause, double cause_share) {
      if (cause_share < its_share) return;
      most = cause;
      its_share = cause_share;
    };
    if (can_gain()) consider(GapCause::slot_wait, share(host_after_wait()));
    for (const GapCause cause : {GapCause::application, GapCause::encode, GapCause::submit}) {
      consider(cause, own_share(cause));
    }
    consider(GapCause::dependency, share(gpu_.idle_by_cause[GapCause::dependency]));
    return most;
  }
  /// The late launches, if they follow on one of these.
  [[nodiscard]] double late_launch_after(std::initializer_list<GapCause> causes) const {
    const auto follows = late_launch_follows();
    const bool found = follows && std::find(causes.begin(), causes.end(), *follows) != causes.end();
    return found ? share(late_launch()) : 0.0;
  }
  /// How many times as fast the program could be at most if its host never waited for the GPU.
  [[nodiscard]] double most_gain() const {
    // The first submission's lies before the time that is looked at.
    const auto count = static_cast<std::int64_t>(std::max<std::uint64_t>(gpu_.submissions, 1));
    const nanoseconds all = gpu_.encode + gpu_.submit;
    const nanoseconds host = all - all / count;
    const nanoseconds device = gpu_.busy + pauses();
    // More than the whole is that of several threads, whose times overlap.
    const nanoseconds whole = gpu_.busy + gpu_.idle;
    const std::int64_t threads = whole.count() > 0 ? (host - nanoseconds(1)) / whole + 1 : 1;
    const nanoseconds least = std::max(host / std::max<std::int64_t>(threads, 1), device);
    return least.count() > 0 ? whole_ / static_cast<double>(least.count()) : 1.0;
  }
  /// Slots belong to queues in turn, so that each queue gets one more only with so many.
  [[nodiscard]] std::uint32_t queues() const { return std::max(gpu_.queues, 1U); }
  /// Those of the ring, where these are the figures of one.
  [[nodiscard]] std::uint32_t all_queues() const {
    return std::max(statistics_.gpu ? statistics_.gpu->queues : 1U, 1U);
  }
  [[nodiscard]] std::uint32_t slots() const { return slots_; }
  [[nodiscard]] nanoseconds mean_pause() const {
    return gpu_.queued_gaps == 0 ? nanoseconds(0)
                                 : pauses() / static_cast<std::int64_t>(gpu_.queued_gaps);
  }
  [[nodiscard]] nanoseconds mean_work() const {
    return gpu_.submissions == 0 ? nanoseconds(0)
                                 : gpu_.busy / static_cast<std::int64_t>(gpu_.submissions);
  }
  /// How many of the acquisitions had to wait.
  [[nodiscard]] double waiting_share() const {
    return static_cast<double>(statistics_.wait_events) /
           static_cast<double>(std::max<std::uint64_t>(statistics_.total_acquisitions, 1));
  }
  /// So many slots keep the GPU busy as it is, with some to spare: what the usual ones do not cover
  /// is the time from the end of a slot's work until the host has noticed it, recorded and
  /// submitted, in which the GPU needs the work of others.
  [[nodiscard]] std::uint32_t least_full_size() const {
    const auto mean = [](nanoseconds time, std::uint64_t count) {
      return time / static_cast<std::int64_t>(std::max<std::uint64_t>(count, 1));
    };
    const nanoseconds away = mean(gpu_.encode + gpu_.submit, gpu_.submissions) +
                             mean(gpu_.late, std::min(statistics_.wait_events, gpu_.submissions));
    const nanoseconds step = std::max(mean_work(), nanoseconds(1));
    const std::int64_t more = std::min<std::int64_t>(away / step, max_ring_size);
    return (usual_ring_size + static_cast<std::uint32_t>(more)) * queues();
  }
  [[nodiscard]] const RingStatistics& ring() const { return statistics_; }
  [[nodiscard]] const GpuActivity& gpu() const { return gpu_; }

 private:
  [[nodiscard]] nanoseconds host_after_wait() const {
    nanoseconds sum{0};
    for (const GapCause cause : {GapCause::application, GapCause::slot_wait, GapCause::wake_up,
                                 GapCause::encode, GapCause::submit}) {
      sum += gpu_.idle_after_wait[cause];
    }
    return sum;
  }

  const RingStatistics& statistics_;
  const GpuActivity& gpu_;
  const std::uint32_t slots_;
  const double whole_;
};

using Findings = std::vector<Finding>;

void look_for_hangs(const RingStatistics& ring, Findings& findings) {
  // Warnings of what has ended since are no matter: it was slow, and no hang.
  if (ring.hanging == 0) return;
  findings.push_back(
      {FindingKind::suspected_hang,
       fmt::format(
           "{} in flight for longer than hang_warning_ms.",
           ring.hanging == 1 ? "1 submission is" : fmt::format("{} submissions are", ring.hanging)),
       "Read the warnings in the log: they name the slot, its label, what it waits for and where "
       "it was submitted.",
       std::nullopt});
}

void look_for_leases(const RingStatistics& ring, std::string_view oldest_at, Findings& findings) {
  const bool all = ring.ring_size > 0 && ring.leased >= ring.ring_size && ring.in_flight == 0;
  if (!all || ring.oldest_lease_ms < long_lease_ms) return;
  findings.push_back(
      {FindingKind::leases_held,
       fmt::format("{} leased and nothing is in flight, so nobody gets a slot: the lease of slot "
                   "#{} has been held for {:.1f} s{}{}.",
                   ring.ring_size == 1 ? "The only slot is"
                                       : fmt::format("All {} slots are", ring.ring_size),
                   ring.oldest_lease_slot, ring.oldest_lease_ms / 1000,
                   oldest_at.empty() ? "" : ", acquired at ", oldest_at),
       "Submit or discard leases before asking for more, and don't hold one while waiting for "
       "something else.",
       std::nullopt});
}

void look_for_leaks(std::size_t leaked, Findings& findings) {
  if (leaked == 0) return;
  findings.push_back({FindingKind::leak,
                      fmt::format("The program lost track of {}: leases that it dropped, or "
                                  "failures that it never asked about.",
                                  plural(leaked, "submission or lease")),
                      "Call leaked() of the ring: it names where each was acquired.",
                      std::nullopt});
}

void look_at_ring_size(const Figures& figures, Findings& findings) {
  double share = figures.share_after_wait() + figures.late_launch_after({GapCause::slot_wait});
  const std::uint32_t size = figures.ring().ring_size;
  const double late = figures.share(figures.gpu().idle_after_wait[GapCause::wake_up]);
  // With slots enough, what is left is that the thread comes late for the one that it waits for.
  if (figures.slots() >= usual_ring_size * figures.queues() && late >= noticeable) {
    findings.push_back(
        {FindingKind::late_wake_up,
         fmt::format("The GPU stood idle for {} of the time because threads woke up late, with a "
                     "ring of {}.",
                     percent(late), size),
         "Set wait_strategy to hybrid or spin, which wake up sooner and cost CPU time, or make "
         "submissions larger.",
         late});
    // The rest may be there for want of slots all the same.
    share -= late;
  }
  if (share < noticeable || !figures.can_gain()) return;
  findings.push_back(
      {FindingKind::ring_too_small,
       fmt::format("The GPU stood idle for {} of the time after the program had waited for a slot "
                   "of its ring of {}: the host went on only when the GPU was done. Without that, "
                   "it could be up to {:.2f} times as fast.",
                   percent(share), size, figures.most_gain()),
       fmt::format("Set ring_size to {}; `cbr plan` predicts what each size brings.",
                   size + figures.all_queues()),
       share});
}

/// A host that records and submits faster than the GPU works, and is late all the same without
/// having waited for a slot, has been at something else: in a loop that waits for each result,
/// encoding is what a gap shows, and not what is to be mended.
void look_at_application(const Figures& figures, Findings& findings) {
  const double share =
      figures.own_share(GapCause::application) + figures.own_share(GapCause::encode) +
      figures.own_share(GapCause::submit) +
      figures.late_launch_after({GapCause::application, GapCause::encode, GapCause::submit});
  if (share < noticeable) return;
  const auto a_submission = [&](nanoseconds time) {
    return microseconds(time) / static_cast<double>(figures.gpu().submissions);
  };
  findings.push_back(
      {FindingKind::application_bound,
       fmt::format(
           "The GPU stood idle for {} of the time because the program asked for its slots "
           "late: to record and submit takes {:.1f} µs a submission, and the GPU {:.1f} µs; "
           "the rest it was doing something else, or waited for results.",
           percent(share), a_submission(figures.gpu().encode + figures.gpu().submit),
           microseconds(figures.mean_work())),
       "Ask for the next slot before waiting for the results of the last or working on them, or do "
       "that on another thread.",
       share});
}

void look_at_host(const Figures& figures, Findings& findings) {
  // Never ahead of the GPU, it may be recording in the gaps, but only since it began so late.
  const bool never_ahead = figures.gpu().peak_in_use == 1 && figures.slots() > 1;
  if (never_ahead || figures.gpu().encode + figures.gpu().submit < figures.gpu().busy) {
    look_at_application(figures, findings);
    return;
  }
  const double encode =
      figures.own_share(GapCause::encode) + figures.late_launch_after({GapCause::encode});
  if (encode >= noticeable) {
    findings.push_back(
        {FindingKind::encode_bound,
         fmt::format(
             "The GPU stood idle for {} of the time while commands were being recorded, and not "
             "for want of a slot: recording is slower than the GPU.",
             percent(encode)),
         "Record on several threads, record less a step, or reuse what is recorded; a larger ring "
         "brings nothing.",
         encode});
  }
  const double submit =
      figures.own_share(GapCause::submit) + figures.late_launch_after({GapCause::submit});
  if (submit >= noticeable) {
    findings.push_back(
        {FindingKind::submit_bound,
         fmt::format(
             "The GPU stood idle for {} of the time while the driver's submit call was at "
             "work: {:.1f} µs a submission.",
             percent(submit),
             microseconds(figures.gpu().submit) / static_cast<double>(figures.gpu().submissions)),
         "Make fewer and larger submissions.", submit});
  }
  const double application =
      figures.own_share(GapCause::application) + figures.late_launch_after({GapCause::application});
  if (application >= noticeable) {
    findings.push_back(
        {FindingKind::application_bound,
         fmt::format("The GPU stood idle for {} of the time because the program did not ask for a "
                     "slot: it was doing something else, or waited for results.",
                     percent(application)),
         "Ask for the next slot before working on the results of the last, or do that work on "
         "another thread.",
         application});
  }
}

void look_at_device(const Figures& figures, Findings& findings) {
  const double dependency = figures.share(figures.gpu().idle_by_cause[GapCause::dependency]) +
                            figures.late_launch_after({GapCause::dependency});
  if (dependency >= noticeable) {
    findings.push_back(
        {FindingKind::dependency_bound,
         fmt::format("A queue stood idle for {} of the time because its work waited for other "
                     "submissions or semaphores.",
                     percent(dependency)),
         "Submit what others wait for earlier, or give the queue work that waits for nothing.",
         dependency});
  }
  const double launches = figures.share(figures.late_launch());
  if (launches >= noticeable && !figures.late_launch_follows()) {
    findings.push_back(
        {FindingKind::small_submissions,
         fmt::format(
             "The GPU stood idle for {} of the time before it started what it had been "
             "given, {:.1f} µs each time, for {:.1f} µs of work: launching takes that long, "
             "or something else has the GPU; nobody can tell.",
             percent(launches), microseconds(figures.mean_late_launch()),
             microseconds(figures.mean_work())),
         "Record more commands into each submission; SubmitPolicy says when it is enough.",
         launches});
  }
  const double device = figures.share(figures.pauses());
  if (device < noticeable) return;
  const double pause = microseconds(figures.mean_pause());
  if (figures.mean_pause() >= longest_pause) {
    findings.push_back(
        {FindingKind::gpu_used_by_others,
         fmt::format(
             "The GPU left work that it had already waiting for {} of the time, {:.0f} µs at a "
             "time. A device of its own pauses for some microseconds, so something else may be "
             "using it; the figures don't tell what.",
             percent(device), pause),
         "Look whether another program, a display or another queue uses this GPU; if none does, it "
         "is "
         "the device or its driver that pauses.",
         device});
    return;
  }
  findings.push_back(
      {FindingKind::small_submissions,
       fmt::format("The GPU paused for {} of the time between submissions that were there in time: "
                   "{:.1f} µs each, for {:.1f} µs of work.",
                   percent(device), pause, microseconds(figures.mean_work())),
       "Record more commands into each submission; SubmitPolicy says when it is enough.", device});
}

void look_at_what_nobody_knows(const Figures& figures, Findings& findings) {
  const double unknown = figures.share(figures.gpu().idle_by_cause[GapCause::unknown]);
  if (unknown < noticeable) return;
  findings.push_back(
      {FindingKind::no_times,
       fmt::format("The GPU stood idle for {} of the time, and nobody can tell why: its clock is "
                   "not known well enough by the host's.",
                   percent(unknown)),
       "Turn on VK_EXT_calibrated_timestamps for a device of your own, or tell Completion::clock "
       "in a backend of your own.",
       unknown});
}

void look_at_size_of_ring_in_use(const Figures& figures, Findings& findings) {
  const RingStatistics& ring = figures.ring();
  const std::uint32_t in_use = figures.gpu().peak_in_use;
  // With one slot, nothing could be recorded while the GPU works.
  const std::uint32_t enough = std::max(in_use, 2U);
  // Who waits finds all slots taken, though the work of some has ended: with fewer it waits longer.
  const bool waits = figures.waiting_share() >= noticeable;
  // Of several queues nobody knows which one would lose a slot that it needs.
  if (figures.queues() == 1 && in_use > 0 && enough < ring.ring_size && !waits) {
    findings.push_back(
        {FindingKind::ring_larger_than_used,
         fmt::format("Of {} slots, {} at most had work at one time: the others cost no latency, "
                     "only what each of them holds.",
                     ring.ring_size, in_use),
         fmt::format("Set ring_size to {}: each slot keeps command buffers, and what you hold for "
                     "it.",
                     enough),
         std::nullopt});
    return;
  }
  const std::uint32_t least = figures.least_full_size();
  const bool full = figures.waiting_share() >= 0.5;
  if (ring.ring_size <= least || !full || figures.share(figures.gpu().idle) >= noticeable) return;
  const double step = microseconds(figures.mean_work()) / 1000 / figures.queues();
  findings.push_back(
      {FindingKind::ring_larger_than_used,
       fmt::format(
           "The GPU is busy, and all {} slots are queued before it: a step is done {:.2f} ms "
           "after it was submitted, where a ring of {} would need {:.2f} ms; the other {} cost "
           "{:.2f} ms of latency.",
           ring.ring_size, step * ring.ring_size, least, step * least, ring.ring_size - least,
           step * (ring.ring_size - least)),
       fmt::format("Set ring_size to {} if latency, or what each slot holds, matters to you.",
                   least),
       std::nullopt});
}

/// Where the idle time went, the most first.
Findings look_at_idle_time(const Figures& figures) {
  Findings findings;
  look_at_ring_size(figures, findings);
  look_at_host(figures, findings);
  look_at_device(figures, findings);
  look_at_what_nobody_knows(figures, findings);
  return findings;
}

void sort_by_share(Findings& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.idle_share.value_or(0) > b.idle_share.value_or(0);
  });
}

void sum_up(const Figures& figures, Findings& findings) {
  const double busy = figures.gpu().busy_fraction();
  const bool idle = std::any_of(findings.begin(), findings.end(),
                                [](const Finding& finding) { return finding.idle_share; });
  if (busy >= 1 - noticeable) {
    findings.push_back({FindingKind::gpu_bound,
                        fmt::format("The GPU is busy {} of the time: {:.2f} ms a submission.",
                                    percent(busy), microseconds(figures.mean_work()) / 1000),
                        "Nothing to gain from the ring: only less work for the GPU would make the "
                        "program faster.",
                        std::nullopt});
  } else if (!idle) {
    findings.push_back(
        {FindingKind::nothing_to_gain,
         fmt::format("The GPU is busy {} of the time, and no cause has {} or more of the rest.",
                     percent(busy), percent(noticeable)),
         "Nothing to gain that is worth your time.", std::nullopt});
  }
}

/// A queue that is used enough to be judged by itself.
struct JudgedQueue {
  std::size_t index = 0;
  Figures figures;
  Findings findings;

  /// Whether one need not tell the two apart.
  [[nodiscard]] bool is_like(const JudgedQueue& other) const {
    return std::abs(figures.gpu().busy_fraction() - other.figures.gpu().busy_fraction()) < alike;
  }
};

std::vector<JudgedQueue> judge_queues(const RingStatistics& statistics) {
  std::vector<JudgedQueue> judged;
  const std::vector<GpuActivity>& queues = statistics.gpu_by_queue;
  for (std::size_t i = 0; i < queues.size(); ++i) {
    if (queues[i].submissions < fewest_submissions) continue;
    // Slots belong to queues in turn.
    const std::size_t slots = (statistics.ring_size + queues.size() - 1 - i) / queues.size();
    const Figures figures(statistics, queues[i], std::max(static_cast<std::uint32_t>(slots), 1U));
    judged.push_back({i, figures, look_at_idle_time(figures)});
  }
  return judged;
}

/// A queue that is not the busiest may stand idle by design: the program has no more work for it,
/// and the GPU is at work on another. What it is blamed for is what the ring or other work did.
bool counts_on_each_queue(FindingKind kind) {
  return kind == FindingKind::ring_too_small || kind == FindingKind::late_wake_up ||
         kind == FindingKind::dependency_bound;
}

/// Queues that differ must not be added up: one that is seldom used would hide that the other has
/// nothing to gain.
Findings look_at_queues(std::vector<JudgedQueue> queues) {
  const auto busiest =
      std::max_element(queues.begin(), queues.end(), [](const auto& left, const auto& right) {
        return left.figures.gpu().busy < right.figures.gpu().busy;
      });
  Findings findings;
  const auto take = [&](const JudgedQueue& queue, Finding& finding) {
    finding.text = fmt::format("Queue {}: {}", queue.index, finding.text);
    findings.push_back(std::move(finding));
  };
  for (JudgedQueue& queue : queues) {
    for (Finding& finding : queue.findings) {
      if (&queue == &*busiest || counts_on_each_queue(finding.kind)) take(queue, finding);
    }
  }
  sort_by_share(findings);
  Findings sum = findings;
  sum_up(busiest->figures, sum);
  for (std::size_t i = findings.size(); i < sum.size(); ++i) take(*busiest, sum[i]);
  return findings;
}

Findings look_at_all(const RingStatistics& statistics) {
  const Figures figures(statistics, *statistics.gpu, statistics.ring_size);
  std::vector<JudgedQueue> queues = judge_queues(statistics);
  const auto& by_queue = statistics.gpu_by_queue;
  const auto used = std::count_if(by_queue.begin(), by_queue.end(),
                                  [](const GpuActivity& queue) { return queue.submissions > 0; });
  const bool all_judged = used == static_cast<std::ptrdiff_t>(queues.size());
  const bool differ = std::any_of(queues.begin(), queues.end(), [&](const JudgedQueue& queue) {
    return !all_judged || !queue.is_like(queues.front());
  });
  Findings findings;
  if (differ) {
    findings = look_at_queues(std::move(queues));
  } else {
    findings = look_at_idle_time(figures);
    sort_by_share(findings);
    sum_up(figures, findings);
  }
  look_at_size_of_ring_in_use(figures, findings);
  return findings;
}

}  // namespace

std::string_view to_string(FindingKind kind) noexcept {
  for (const auto& [candidate, name] : kinds) {
    if (candidate == kind) return name;
  }
  return "?";
}

bool Diagnosis::has(FindingKind kind) const {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& finding) { return finding.kind == kind; });
}

std::string Diagnosis::text() const {
  std::string all;
  for (const Finding& finding : findings) {
    all += fmt::format("{}{}\n  → {}\n", all.empty() ? "" : "\n", finding.text, finding.action);
  }
  return all;
}

Diagnosis diagnose(const RingStatistics& statistics, std::size_t leaked) {
  return observe::diagnose(statistics, leaked, {});
}

Diagnosis observe::diagnose(const RingStatistics& statistics, std::size_t leaked,
                            std::string_view oldest_lease_at) {
  Diagnosis diagnosis;
  Findings& findings = diagnosis.findings;
  if (statistics.gpu && statistics.gpu->submissions >= fewest_submissions) {
    findings = look_at_all(statistics);
  } else if (statistics.gpu || statistics.submissions < fewest_submissions) {
    findings.push_back(
        {FindingKind::too_little,
         fmt::format("The GPU's times of only {} are known so far: {} or more say something.",
                     plural(statistics.gpu ? statistics.gpu->submissions : 0, "submission"),
                     fewest_submissions),
         "Let the program run for longer.", std::nullopt});
  } else {
    findings.push_back(
        {FindingKind::no_times,
         "The times of the GPU are not known, so nobody can tell whether it was idle.",
         "Set gpu_times to both, on a device that has timestamps.", std::nullopt});
  }
  // What is wrong comes before what is slow.
  Findings wrong;
  look_for_hangs(statistics, wrong);
  look_for_leases(statistics, oldest_lease_at, wrong);
  look_for_leaks(leaked, wrong);
  findings.insert(findings.begin(), wrong.begin(), wrong.end());
  return diagnosis;
}

}  // namespace cbr
