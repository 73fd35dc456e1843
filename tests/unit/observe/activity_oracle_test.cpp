// What a ring says of its gaps, against one who saw everything: a host that runs random schedules
// on the simulated GPU and writes down, by the same clock, what it was at.
#include <algorithm>
#include <coroutine>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/recording.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// What the host did for one submission, as it saw it itself.
struct Witnessed {
  TimePoint asked;
  TimePoint leased;
  bool waited = false;
  /// When the slot's last use was over; unknown for the first.
  std::optional<TimePoint> slot_over;
  TimePoint submitting;
  TimePoint submitted;
  /// For how long no look sees that it has ended.
  nanoseconds unseen_for{0};
  std::vector<Ticket> after;
  Ticket ticket;
};

class Host {
 public:
  explicit Host(std::uint64_t seed)
      : random_(seed), gpu_(simulated::make_gpu(1 + seed % 2)), ring_(gpu_, options()) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    ring_.drain();
  }
  [[nodiscard]] GpuActivity told() {
    const RingStatistics statistics = ring_.statistics();
    return statistics.gpu.value_or(GpuActivity());
  }
  /// The most slots in use if the ring had looked all the time: what it can be told of at most.
  [[nodiscard]] std::uint32_t most_that_looks_can_tell() const {
    std::uint32_t most = 0;
    for (const auto& [queue, steps] : by_queue_) most += most_at_once(steps, true);
    return most;
  }
  /// The same from what was written down, a moment at a time.
  [[nodiscard]] GpuActivity seen() const {
    GpuActivity all;
    all.queues = gpu_->queue_count();
    for (const auto& [queue, steps] : by_queue_) {
      std::optional<nanoseconds> last_end;
      all.peak_in_use += most_at_once(steps, false);
      for (const Witnessed& step : steps) {
        const GpuInterval interval = *step.ticket.gpu_interval();
        ++all.submissions;
        all.busy += interval.end - interval.start;
        all.encode += step.submitting - step.leased;
        all.submit += step.submitted - step.submitting;
        if (step.waited && step.slot_over) {
          all.late += std::max<nanoseconds>(step.leased - *step.slot_over, 0ns);
        }
        if (last_end && *last_end < interval.start) account(all, step, *last_end, interval.start);
        last_end = interval.end;
      }
    }
    return all;
  }

 private:
  RingOptions options() {
    return {.ring_size = gpu_->queue_count() + static_cast<std::uint32_t>(random_() % 4),
            .hang_warning_ms = 0};
  }
  nanoseconds any(nanoseconds most) {
    // Often nothing at all, and seldom much.
    if (random_() % 3 == 0) return 0ns;
    return nanoseconds(
               static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count()))) /
           (1 + static_cast<int>(random_() % 8));
  }
  [[nodiscard]] TimePoint now() const { return gpu_->now(); }

  void step() {
    gpu_->advance(any(100us));
    Witnessed step;
    Lease lease = random_() % 16 == 0 ? acquire_behind_leases(step) : acquire(step);
    step.leased = now();
    const auto over = slot_over_.find(lease.slot());
    if (over != slot_over_.end()) step.slot_over = over->second();
    const simulated::Plan plan{.encode = any(60us),
                               .submit = any(10us),
                               .signal = any(10us),
                               .execute = 1ns + any(120us),
                               .completion = any(40us)};
    step.unseen_for = plan.completion;
    simulated::record(lease, plan);
    const SlotIndex slot = lease.slot();
    if (random_() % 8 == 0) {
      lease.discard();
      slot_over_[slot] = [time = now()] { return time; };
      return;
    }
    SubmitOptions options;
    if (!tickets_.empty() && random_() % 3 == 0) {
      step.after.push_back(tickets_[random_() % tickets_.size()]);
      options.after = Dependencies(std::span<const Ticket>(step.after));
    }
    step.submitting = now();
    step.ticket = std::move(lease).submit(options);
    step.submitted = now();
    tickets_.push_back(step.ticket);
    if (tickets_.size() > 4) tickets_.erase(tickets_.begin());
    slot_over_[slot] = [ticket = step.ticket] { return TimePoint(ticket.gpu_interval()->end); };
    by_queue_[to_number(step.ticket.sync_point().queue)].push_back(std::move(step));
  }

  Lease acquire(Witnessed& step) {
    step.asked = now();
    const RingStatistics before = ring_.statistics();
    Lease lease = ring_.acquire();
    step.waited = now() > step.asked && ring_.statistics().wait_events > before.wait_events;
    return lease;
  }
  /// All slots are leased for a while: what keeps them is not the GPU.
  Lease acquire_behind_leases(Witnessed& step) {
    ring_.drain();
    std::vector<Lease> others;
    while (auto lease = ring_.try_acquire()) others.push_back(*std::move(lease));
    step.asked = now();
    std::promise<Lease> promise;
    ring_.acquire_async(
        {}, [&](AcquireResult result) { promise.set_value(std::move(result).lease()); });
    gpu_->advance(1us + any(50us));
    step.waited = true;
    for (Lease& other : others) {
      slot_over_[other.slot()] = [time = now()] { return time; };
      other.discard();
    }
    return promise.get_future().get();
  }

  /// How many of them had a lease or unfinished work at one time, or work that nobody could have
  /// seen end.
  static std::uint32_t most_at_once(const std::vector<Witnessed>& steps, bool unseen) {
    std::uint32_t most = 0;
    // They are noticed in order, so one that ends unseen holds up those after it.
    std::vector<TimePoint> ends;
    for (const Witnessed& step : steps) {
      TimePoint end(step.ticket.gpu_interval()->end);
      if (unseen) end += step.unseen_for + 1ns;
      if (unseen && !ends.empty()) end = std::max(end, ends.back());
      ends.push_back(end);
    }
    for (const Witnessed& step : steps) {
      most = std::max(
          most, static_cast<std::uint32_t>(
                    std::count_if(steps.begin(), steps.end(), [&](const Witnessed& other) {
                      return &other == &step ||
                             (other.leased <= step.leased &&
                              ends[static_cast<std::size_t>(&other - steps.data())] > step.leased);
                    })));
    }
    return most;
  }

  /// What the submission was at, at this moment of a gap before it.
  static GapCause cause_at(const Witnessed& step, nanoseconds moment) {
    const TimePoint time(moment);
    if (time < step.asked) return GapCause::application;
    if (time < step.leased && step.waited) {
      return step.slot_over && time >= *step.slot_over ? GapCause::wake_up : GapCause::slot_wait;
    }
    if (time < step.submitting) return GapCause::encode;
    if (time < step.submitted) return GapCause::submit;
    for (const Ticket& other : step.after) {
      if (moment < other.gpu_interval()->end) return GapCause::dependency;
    }
    return GapCause::device;
  }
  static void account(GpuActivity& all, const Witnessed& step, nanoseconds begin, nanoseconds end) {
    // Nothing changes between two of these.
    std::vector<nanoseconds> moments = {begin, end};
    const auto add = [&](TimePoint moment) {
      const nanoseconds time = moment.time_since_epoch();
      if (time > begin && time < end) moments.push_back(time);
    };
    for (const TimePoint moment : {step.asked, step.leased, step.submitting, step.submitted}) {
      add(moment);
    }
    if (step.slot_over) add(*step.slot_over);
    for (const Ticket& other : step.after) add(TimePoint(other.gpu_interval()->end));
    std::sort(moments.begin(), moments.end());
    for (std::size_t i = 1; i < moments.size(); ++i) {
      const GapCause cause = cause_at(step, moments[i - 1]);
      all.idle_by_cause[cause] += moments[i] - moments[i - 1];
      if (step.waited) all.idle_after_wait[cause] += moments[i] - moments[i - 1];
    }
    const bool queued = step.submitted.time_since_epoch() <= begin &&
                        std::all_of(step.after.begin(), step.after.end(), [&](const Ticket& other) {
                          return other.gpu_interval()->end <= begin;
                        });
    if (queued) {
      ++all.queued_gaps;
      all.queued_idle += end - begin;
    }
    all.idle += end - begin;
    ++all.gaps;
    all.gap_histogram.add(end - begin);
  }

  std::mt19937_64 random_;
  std::shared_ptr<simulated::Gpu> gpu_;
  CommandBufferRing ring_;
  std::vector<Ticket> tickets_;
  std::map<SlotIndex, std::function<TimePoint()>> slot_over_;
  std::map<std::uint32_t, std::vector<Witnessed>> by_queue_;
};

TEST(Activity, IsWhatOneWhoSawItAllSays) {
  IdleByCause all;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Host host(seed);
    host.run(40);
    const GpuActivity told = host.told();
    GpuActivity seen = host.seen();
    // When the ring looked is its own affair.
    ASSERT_GE(told.peak_in_use, seen.peak_in_use) << "with seed " << seed;
    ASSERT_LE(told.peak_in_use, host.most_that_looks_can_tell()) << "with seed " << seed;
    seen.peak_in_use = told.peak_in_use;
    ASSERT_EQ(told.idle_by_cause.total(), told.idle);
    for (std::size_t i = 0; i < gap_cause_count; ++i) {
      const auto cause = static_cast<GapCause>(i);
      ASSERT_EQ(told.idle_by_cause[cause], seen.idle_by_cause[cause])
          << to_string(cause) << " with seed " << seed;
    }
    ASSERT_EQ(told, seen) << "with seed " << seed;
    all += told.idle_by_cause;
  }
  // The schedules came by everything that one thread can come by.
  for (const GapCause cause :
       {GapCause::application, GapCause::slot_wait, GapCause::wake_up, GapCause::encode,
        GapCause::submit, GapCause::dependency, GapCause::device}) {
    EXPECT_GT(all[cause], 0ns) << to_string(cause);
  }
}

TEST(Activity, IsAbsentWhereTheTimesOfSomeWorkAreNotKnown) {
  for (const GpuTimes times : {GpuTimes::both, GpuTimes::end, GpuTimes::sampled, GpuTimes::none}) {
    const auto gpu = simulated::make_gpu();
    CommandBufferRing ring(gpu, {.ring_size = 2, .gpu_times = times});
    EXPECT_FALSE(ring.statistics().gpu) << "before there was any work";
    for (int i = 0; i < 40; ++i) {
      Lease lease = ring.acquire();
      simulated::record(lease, {.encode = 30us, .execute = 10us});
      std::move(lease).submit();
    }
    ring.drain();
    EXPECT_EQ(ring.statistics().gpu.has_value(), times == GpuTimes::both) << to_string(times);
  }
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 2, .track_statistics = false});
  ring.acquire().submit().wait();
  EXPECT_FALSE(ring.statistics().gpu);
}

TEST(Activity, ARequestIsMadeWhenItIsAwaitedNotBefore) {
  const auto gpu = simulated::make_gpu();
  const auto recorder = std::make_shared<Recorder>();
  CommandBufferRing ring(gpu, {.ring_size = 1, .observer = recorder});
  auto awaiter = ring.acquire_async();
  gpu->advance(50us);
  EXPECT_FALSE(awaiter.await_suspend(std::noop_coroutine()));
  awaiter.await_resume().submit().wait();
  EXPECT_EQ(recorder->recording().submissions[0].times.acquire_begin, TimePoint(50us));
}

}  // namespace
}  // namespace cbr
