// Each finding is provoked on the simulated GPU, and each that has a look-alike does not appear
// there.
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/diagnosis.h>
#include <cbr/errors.h>
#include <cbr/recording.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;
using simulated::Plan;
using testing::ElementsAre;
using testing::HasSubstr;

/// A program of one loop.
struct Program {
  std::uint32_t ring_size = 3;
  Plan step{.encode = 20us, .submit = 2us, .execute = 200us, .completion = 10us};
  /// What it does before it asks for a slot.
  std::chrono::nanoseconds application{0};
  /// Waits for each step before it goes on.
  bool waits_for_each = false;
  int steps = 100;
};

RingStatistics run(const Program& program) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = program.ring_size, .hang_warning_ms = 0});
  for (int i = 0; i < program.steps; ++i) {
    gpu->advance(program.application);
    Lease lease = ring.acquire();
    simulated::record(lease, program.step);
    const Ticket ticket = std::move(lease).submit();
    if (program.waits_for_each) ticket.wait();
  }
  ring.drain();
  return ring.statistics();
}

std::vector<FindingKind> found(const RingStatistics& statistics, std::size_t leaked = 0) {
  std::vector<FindingKind> kinds;
  for (const Finding& finding : diagnose(statistics, leaked).findings) {
    kinds.push_back(finding.kind);
    EXPECT_FALSE(finding.text.empty());
    EXPECT_FALSE(finding.action.empty());
  }
  return kinds;
}

/// As if the device had paused so long before each submission.
RingStatistics with_pauses(RingStatistics statistics, std::chrono::nanoseconds pause) {
  GpuActivity& gpu = *statistics.gpu;
  const auto count = static_cast<std::int64_t>(gpu.submissions - 1);
  gpu.gaps = gpu.queued_gaps = static_cast<std::uint64_t>(count);
  gpu.idle += count * pause;
  gpu.queued_idle += count * pause;
  gpu.idle_by_cause[GapCause::device] += count * pause;
  return statistics;
}

TEST(Diagnosis, ABusyGpuIsNoSymptomThoughEveryAcquisitionWaits) {
  const RingStatistics statistics = run({});
  ASSERT_LT(statistics.reuse_rate, 0.05) << "the rule that looks at it would say: enlarge the ring";
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::gpu_bound));
}

TEST(Diagnosis, ASerialLoopNeedsALargerRing) {
  const RingStatistics statistics = run({.ring_size = 1});
  const Diagnosis diagnosis = diagnose(statistics);
  ASSERT_THAT(found(statistics), ElementsAre(FindingKind::ring_too_small));
  const Finding& finding = diagnosis.findings[0];
  // A step takes 232 µs, the GPU 200 of them.
  EXPECT_THAT(finding.text, HasSubstr("1.16 times as fast"));
  EXPECT_THAT(finding.action, HasSubstr("Set ring_size to 2"));
  EXPECT_NEAR(*finding.idle_share, 32.0 / 232, 0.002);
  // And it holds what it promises.
  const auto whole = [](const RingStatistics& all) { return all.gpu->busy + all.gpu->idle; };
  EXPECT_NEAR(static_cast<double>(whole(statistics).count()) /
                  static_cast<double>(whole(run({.ring_size = 2})).count()),
              1.16, 0.01);
}

TEST(Diagnosis, ADoubleBufferMayBeTooSmallToo) {
  const Program program{
      .ring_size = 2, .step = {.encode = 20us, .submit = 2us, .execute = 44us, .completion = 25us}};
  EXPECT_THAT(found(run(program)), ElementsAre(FindingKind::ring_too_small));
}

TEST(Diagnosis, ARingCannotHelpAProgramThatEncodesForLongerThanTheGpuWorks) {
  const Program program{.ring_size = 3, .step = {.encode = 100us, .submit = 2us, .execute = 30us}};
  EXPECT_THAT(found(run(program)),
              ElementsAre(FindingKind::encode_bound, FindingKind::ring_larger_than_used));
  // Two slots do: one records while the other runs.
  EXPECT_THAT(diagnose(run(program)).text(), HasSubstr("Set ring_size to 2"));
}

TEST(Diagnosis, AnApplicationThatIsBusyElsewhere) {
  EXPECT_THAT(found(run({.application = 4ms})),
              ElementsAre(FindingKind::application_bound, FindingKind::ring_larger_than_used));
  // Or that waits for each result: neither the ring's size has to do with it, nor recording, which
  // is what lies in the gaps.
  const RingStatistics waits = run({.waits_for_each = true});
  EXPECT_GT(waits.gpu->idle_by_cause[GapCause::encode],
            waits.gpu->idle_by_cause[GapCause::application]);
  EXPECT_THAT(found(waits),
              ElementsAre(FindingKind::application_bound, FindingKind::ring_larger_than_used));
  const Diagnosis diagnosis = diagnose(waits);
  EXPECT_THAT(diagnosis.text(), HasSubstr("takes 22.0 µs a submission, and the GPU 200.0 µs"));
  EXPECT_NEAR(*diagnosis.findings[0].idle_share, 32.0 / 232, 0.002);
}

TEST(Diagnosis, ThreadsThatWakeUpLate) {
  const Program program{
      .ring_size = 3, .step = {.encode = 2us, .submit = 1us, .execute = 20us, .completion = 100us}};
  // What the host does once it is awake, it might have done earlier as well.
  EXPECT_THAT(found(run(program)),
              ElementsAre(FindingKind::late_wake_up, FindingKind::ring_too_small));
}

TEST(Diagnosis, ARingThatIsTooSmallWhereThreadsWakeUpLate) {
  RingStatistics statistics = run({.ring_size = 3});
  GpuActivity& gpu = *statistics.gpu;
  gpu.idle_by_cause[GapCause::wake_up] = gpu.idle_after_wait[GapCause::wake_up] = gpu.busy / 10;
  gpu.idle_by_cause[GapCause::encode] = gpu.idle_after_wait[GapCause::encode] = gpu.busy / 5;
  gpu.idle = gpu.idle_by_cause.total();
  EXPECT_THAT(found(statistics),
              testing::IsSupersetOf({FindingKind::late_wake_up, FindingKind::ring_too_small}));
}

TEST(Diagnosis, SaysThatNothingWasCounted) {
  const CommandBufferRing ring(simulated::make_gpu(), {.track_statistics = false});
  const Diagnosis diagnosis = ring.diagnose();
  EXPECT_TRUE(diagnosis.has(FindingKind::no_times));
  EXPECT_THAT(diagnosis.text(), HasSubstr("track_statistics is off"));
}

TEST(Diagnosis, ADriverThatTakesLong) {
  const Program program{.step = {.encode = 1us, .submit = 90us, .execute = 30us}};
  EXPECT_THAT(found(run(program)), testing::Contains(FindingKind::submit_bound));
}

TEST(Diagnosis, ManySmallSubmissions) {
  const RingStatistics statistics =
      with_pauses(run({.step = {.encode = 5us, .submit = 1us, .execute = 50us}}), 10us);
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::small_submissions));
  // The same pauses between large ones are not worth a word.
  EXPECT_THAT(found(with_pauses(run({.step = {.encode = 5us, .execute = 2ms}}), 10us)),
              ElementsAre(FindingKind::gpu_bound));
}

TEST(Diagnosis, AGpuThatSomethingElseKeepsBusy) {
  EXPECT_THAT(found(with_pauses(run({}), 2ms)), ElementsAre(FindingKind::gpu_used_by_others));
}

TEST(Diagnosis, ALongLaunchIsNobodyElsesWork) {
  // What comes late finds the GPU idle, and a launch takes its time there.
  const Plan step{.encode = 20us, .launch = 500us, .execute = 300us};
  EXPECT_THAT(found(run({.step = step, .application = 4ms})),
              ElementsAre(FindingKind::application_bound, FindingKind::ring_larger_than_used));
  const RingStatistics waits = run({.step = step, .waits_for_each = true});
  EXPECT_EQ(waits.gpu->queued_gaps, 0U);
  EXPECT_GT(waits.gpu->idle_by_cause[GapCause::device], 0us);
  EXPECT_THAT(found(waits),
              ElementsAre(FindingKind::application_bound, FindingKind::ring_larger_than_used));
  // The launch is a part of what waiting costs.
  EXPECT_NEAR(*diagnose(waits).findings[0].idle_share, 520.0 / 820, 0.01);
  const Plan slow_to_record{.encode = 900us, .launch = 500us, .execute = 100us};
  EXPECT_THAT(found(run({.step = slow_to_record})),
              ElementsAre(FindingKind::encode_bound, FindingKind::ring_larger_than_used));
}

TEST(Diagnosis, APauseBetweenQueuedWorkIsWordedAsAGuess) {
  const Diagnosis diagnosis = diagnose(with_pauses(run({}), 2ms));
  ASSERT_TRUE(diagnosis.has(FindingKind::gpu_used_by_others));
  EXPECT_THAT(diagnosis.text(), HasSubstr("may be using it; the figures don't tell what"));
}

TEST(Diagnosis, AnIdleGpuThatMayHaveHadItsWorkIsBlamedOnNobody) {
  // The clock doesn't tell whether the work was there.
  RingStatistics statistics = with_pauses(run({}), 2ms);
  statistics.gpu->queued_gaps = 0;
  statistics.gpu->queued_idle = 0ns;
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::small_submissions));
  EXPECT_THAT(diagnose(statistics).text(), HasSubstr("2000.0 µs each time"));
  EXPECT_THAT(diagnose(statistics).text(), HasSubstr("nobody can tell"));
}

TEST(Diagnosis, WorkThatWaitsForAnotherQueue) {
  const auto gpu = simulated::make_gpu(2);
  CommandBufferRing ring(gpu, {.ring_size = 4, .hang_warning_ms = 0});
  for (int i = 0; i < 50; ++i) {
    Lease first = ring.acquire({.queue = QueueIndex{0}});
    simulated::record(first, {.encode = 5us, .execute = 100us});
    const Ticket made = std::move(first).submit();
    Lease second = ring.acquire({.queue = QueueIndex{1}});
    simulated::record(second, {.encode = 5us, .execute = 20us});
    std::move(second).submit({.after = {made}});
  }
  ring.drain();
  EXPECT_THAT(found(ring.statistics()), testing::Contains(FindingKind::dependency_bound));
}

TEST(Diagnosis, ARingThatIsLargerThanUsed) {
  const auto kinds = found(run({.ring_size = 8, .waits_for_each = true}));
  EXPECT_THAT(kinds, testing::Contains(FindingKind::ring_larger_than_used));
  // Full, it brings nothing but latency.
  const Diagnosis full = diagnose(run({.ring_size = 8}));
  ASSERT_TRUE(full.has(FindingKind::ring_larger_than_used));
  EXPECT_THAT(full.text(), HasSubstr("a step is done 1.60 ms after it was submitted"));
  EXPECT_THAT(full.text(), HasSubstr("a ring of 3 would need 0.60 ms; the other 5 cost 1.00 ms"));
  EXPECT_FALSE(diagnose(run({.ring_size = 3})).has(FindingKind::ring_larger_than_used));
}

/// What the diagnosis says to set ring_size to; 0 if it says nothing.
std::uint32_t smaller_size(const RingStatistics& statistics) {
  for (const Finding& finding : diagnose(statistics).findings) {
    if (finding.kind != FindingKind::ring_larger_than_used) continue;
    const std::string start = "Set ring_size to ";
    EXPECT_TRUE(finding.action.starts_with(start)) << finding.action;
    return static_cast<std::uint32_t>(std::stoul(finding.action.substr(start.size())));
  }
  return 0;
}

std::chrono::nanoseconds whole(const RingStatistics& statistics) {
  return statistics.gpu->busy + statistics.gpu->idle;
}

TEST(Diagnosis, SlotsWhoseEndIsNoticedLateAreUsed) {
  // The GPU hardly has more than two, and the ring is full all the same.
  Program program{.ring_size = 8,
                  .step = {.encode = 2us, .submit = 1us, .execute = 2us, .completion = 100us}};
  RingStatistics statistics = run(program);
  ASSERT_GT(statistics.wait_events, 10U);
  EXPECT_EQ(smaller_size(statistics), 0U);
  // Also where no look was seen to miss an end.
  statistics.gpu->peak_in_use = 2;
  EXPECT_EQ(smaller_size(statistics), 0U);
  statistics.wait_events = 0;
  EXPECT_EQ(smaller_size(statistics), 2U);
  const auto with_eight = whole(run(program));
  program.ring_size = 2;
  EXPECT_GT(whole(run(program)), 2 * with_eight) << "what the advice would have cost";
}

TEST(Diagnosis, SlotsThatNobodyHasSeenEndAreUsed) {
  // Nothing ever waits with eight slots: but two are not enough.
  Program program{.ring_size = 8,
                  .step = {.encode = 100us, .submit = 2us, .execute = 30us, .completion = 100us}};
  const RingStatistics statistics = run(program);
  ASSERT_EQ(statistics.wait_events, 0U);
  ASSERT_EQ(smaller_size(statistics), 3U);
  program.ring_size = 3;
  EXPECT_EQ(whole(run(program)), whole(statistics));
  program.ring_size = 2;
  EXPECT_GT(whole(run(program)), whole(statistics));
}

TEST(Diagnosis, AFullRingMayShrinkAsFarAsTheGpuStaysBusy) {
  // A slot is away from the GPU for three to four steps: three slots would leave it idle.
  for (const auto completion : {0us, 30us, 150us, 170us, 300us}) {
    Program program{
        .ring_size = 16,
        .step = {.encode = 20us, .submit = 2us, .execute = 50us, .completion = completion},
        .steps = 400};
    const RingStatistics statistics = run(program);
    const std::uint32_t size = smaller_size(statistics);
    ASSERT_GE(size, 3U) << completion.count();
    ASSERT_LT(size, 16U) << completion.count();
    program.ring_size = size;
    EXPECT_LE(whole(run(program)), whole(statistics) * 1.001) << completion.count();
  }
}

TEST(Diagnosis, AHangIsNoIdleGpu) {
  RingStatistics statistics = run({});
  statistics.hang_warnings = 2;
  statistics.in_flight = 1;
  // Warned of once, and done since: slow, but no hang, and other work is in flight now.
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::gpu_bound));
  statistics.hanging = 1;
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::suspected_hang, FindingKind::gpu_bound));
}

TEST(Diagnosis, AHangIsOfWorkThatIsInFlightNow) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 2, .hang_warning_ms = 1000, .log_sink = [](auto&) {}});
  const auto submit = [&](std::chrono::nanoseconds execute) {
    Lease lease = ring.acquire();
    simulated::record(lease, {.execute = execute});
    return std::move(lease).submit();
  };
  const Ticket slow = submit(3s);
  EXPECT_EQ(ring.statistics().hanging, 0U);
  gpu->advance(1500ms);
  EXPECT_EQ(ring.statistics().hanging, 1U);
  EXPECT_TRUE(ring.diagnose().has(FindingKind::suspected_hang));
  // The watchdog, which is a thread of its own, may not have told of it yet.
  slow.wait();
  const Ticket quick = submit(900ms);
  gpu->advance(500ms);
  const RingStatistics statistics = ring.statistics();
  EXPECT_EQ(statistics.in_flight, 1U);
  EXPECT_EQ(statistics.hanging, 0U);
  EXPECT_FALSE(ring.diagnose().has(FindingKind::suspected_hang));
  quick.wait();
}

TEST(Diagnosis, WithoutTheWatchdogNothingHangs) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.hang_warning_ms = 0});
  Lease lease = ring.acquire();
  simulated::record(lease, {.execute = 20s});
  const Ticket ticket = std::move(lease).submit();
  gpu->advance(10s);
  EXPECT_EQ(ring.statistics().hanging, 0U);
  EXPECT_FALSE(ring.diagnose().has(FindingKind::suspected_hang));
  ticket.wait();
}

TEST(Diagnosis, LeasesThatAreHeldForLong) {
  const auto gpu = simulated::make_gpu();
  gpu->advance(1ms);
  CommandBufferRing ring(gpu, {.ring_size = 2, .hang_warning_ms = 0});
  Lease first = ring.acquire();
  gpu->advance(2s);
  EXPECT_FALSE(ring.diagnose().has(FindingKind::leases_held)) << "a slot is free";
  Lease second = ring.acquire();
  const RingStatistics statistics = ring.statistics();
  EXPECT_EQ(statistics.oldest_lease_slot, to_number(first.slot()));
  EXPECT_DOUBLE_EQ(statistics.oldest_lease_ms, 2000.0);
  const Diagnosis diagnosis = ring.diagnose();
  ASSERT_EQ(diagnosis.findings[0].kind, FindingKind::leases_held);
  EXPECT_THAT(diagnosis.findings[0].text,
              HasSubstr("All 2 slots are leased and nothing is in flight"));
  EXPECT_THAT(diagnosis.findings[0].text,
              HasSubstr("slot #0 has been held for 2.0 s, acquired at "));
  EXPECT_THAT(diagnosis.findings[0].text, HasSubstr("diagnosis_test.cpp:"));
  // What is told of the figures alone has no place.
  EXPECT_THAT(diagnose(statistics).text(), HasSubstr("slot #0 has been held for 2.0 s.\n"));
  simulated::record(second, {.execute = 10s});
  const Ticket ticket = std::move(second).submit();
  EXPECT_FALSE(ring.diagnose().has(FindingKind::leases_held)) << "a slot will be free";
  ticket.wait();
  first.discard();
  EXPECT_EQ(ring.statistics().oldest_lease_ms, 0.0);
}

TEST(Diagnosis, LeasesThatAreHeldForLongShowWithoutTimesOfTheGpu) {
  const auto gpu = simulated::make_gpu();
  gpu->advance(1ms);
  CommandBufferRing ring(gpu, {.ring_size = 1, .gpu_times = GpuTimes::none});
  Lease lease = ring.acquire();
  gpu->advance(3s);
  EXPECT_TRUE(ring.diagnose().has(FindingKind::leases_held));
  lease.discard();
}

TEST(Diagnosis, ALeaseThatIsBeingRecordedIsNotHeldForLong) {
  const auto gpu = simulated::make_gpu();
  gpu->advance(1ms);
  CommandBufferRing ring(gpu, {.ring_size = 1, .hang_warning_ms = 0});
  for (int i = 0; i < 40; ++i) {
    // All together they take longer than a second.
    Lease lease = ring.acquire();
    gpu->advance(50ms);
    EXPECT_FALSE(ring.diagnose().has(FindingKind::leases_held));
    simulated::record(lease, {.execute = 20us});
    std::move(lease).submit().wait();
  }
}

TEST(Diagnosis, LeaksComeFirst) {
  EXPECT_THAT(found(run({}), 3), ElementsAre(FindingKind::leak, FindingKind::gpu_bound));
  EXPECT_THAT(diagnose(run({}), 1).text(), HasSubstr("lost track of 1 submission or lease:"));
}

TEST(Diagnosis, SaysThatItCannotTell) {
  EXPECT_THAT(found(RingStatistics()), ElementsAre(FindingKind::too_little));
  EXPECT_THAT(found(run({.steps = 31})), ElementsAre(FindingKind::too_little));
  EXPECT_THAT(found(run({.steps = 33})), ElementsAre(FindingKind::gpu_bound));
  RingStatistics without = run({});
  without.gpu.reset();
  EXPECT_THAT(found(without), ElementsAre(FindingKind::no_times));
}

TEST(Diagnosis, OfARingIsThatOfItsFiguresAndItsLeaks) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 1, .hang_warning_ms = 0, .log_sink = [](auto&) {}});
  EXPECT_TRUE(ring.diagnose().has(FindingKind::too_little));
  for (int i = 0; i < 100; ++i) {
    Lease lease = ring.acquire();
    simulated::record(lease, {.encode = 20us, .execute = 200us});
    std::move(lease).submit();
  }
  ring.drain();
  EXPECT_FALSE(ring.diagnose().has(FindingKind::leak));
  // Dropped, not discarded.
  { const Lease dropped = ring.acquire(); }
  const Diagnosis diagnosis = ring.diagnose();
  EXPECT_TRUE(diagnosis.has(FindingKind::leak));
  EXPECT_TRUE(diagnosis.has(FindingKind::ring_too_small));
  EXPECT_EQ(diagnosis.text(), diagnose(ring.statistics(), ring.leaked().size()).text());
  const CommandBufferRing moved = std::move(ring);
  // NOLINTNEXTLINE(bugprone-use-after-move): that it is refused is what is tested.
  EXPECT_THROW((void)ring.diagnose(), InvalidUsage);
}

TEST(Findings, HaveNames) {
  EXPECT_EQ(to_string(FindingKind::ring_too_small), "ring_too_small");
  EXPECT_EQ(to_string(FindingKind::too_little), "too_little");
}

TEST(Diagnosis, RecordingThatIsSlowerThanTheGpuShowsWithOneSlotToo) {
  const Program program{.ring_size = 1, .step = {.encode = 1ms, .submit = 2us, .execute = 10us}};
  EXPECT_THAT(found(run(program)), ElementsAre(FindingKind::encode_bound));
}

TEST(Diagnosis, ALargerRingHidesALaunch) {
  // 600 µs a step with one slot, 300 with two: neither is the GPU used by others, nor are steps
  // small.
  for (const auto time : {300us, 30us}) {
    const Program program{.ring_size = 1, .step = {.launch = time, .execute = time}};
    EXPECT_THAT(found(run(program)), ElementsAre(FindingKind::ring_too_small));
  }
  const Program ringed{.ring_size = 2, .step = {.launch = 300us, .execute = 300us}};
  EXPECT_THAT(found(run(ringed)), ElementsAre(FindingKind::gpu_bound));
}

TEST(Diagnosis, AProgramThatWaitsForEachStepIsNotSlowAtRecording) {
  const Program program{.step = {.encode = 100us, .submit = 2us, .execute = 100us},
                        .waits_for_each = true};
  const Diagnosis diagnosis = diagnose(run(program));
  EXPECT_TRUE(diagnosis.has(FindingKind::application_bound));
  EXPECT_FALSE(diagnosis.has(FindingKind::encode_bound));
  EXPECT_THAT(diagnosis.text(), testing::Not(HasSubstr("Set ring_size to 1")));
}

TEST(Diagnosis, IdleTimeOfUnknownCauseIsNotNothing) {
  RingStatistics statistics = run({.ring_size = 1});
  statistics.gpu->idle_by_cause = {};
  statistics.gpu->idle_by_cause[GapCause::unknown] = statistics.gpu->idle;
  statistics.gpu->idle_after_wait = statistics.gpu->idle_by_cause;
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::no_times));
}

TEST(Diagnosis, CountsWhatHasEndedAndNotWhatIsInFlight) {
  RingStatistics statistics = run({.steps = 10});
  statistics.submissions = 40;
  statistics.in_flight = 30;
  EXPECT_THAT(diagnose(statistics).text(), HasSubstr("only 10 submissions are known so far"));
}

/// Two queues, of which the program uses the first `used` in turn.
RingStatistics run_on_queues(std::uint32_t ring_size, std::uint32_t used) {
  const auto gpu = simulated::make_gpu(2);
  CommandBufferRing ring(gpu, {.ring_size = ring_size, .hang_warning_ms = 0});
  for (std::uint32_t i = 0; i < 200; ++i) {
    Lease lease = ring.acquire({.queue = QueueIndex{i % used}});
    simulated::record(lease, {.encode = 20us, .submit = 2us, .execute = 200us, .completion = 10us});
    std::move(lease).submit();
  }
  ring.drain();
  return ring.statistics();
}

TEST(Diagnosis, EachQueueNeedsItsSlots) {
  // Two slots each: with three in all, one queue would stand idle at each step.
  EXPECT_THAT(found(run_on_queues(4, 2)), ElementsAre(FindingKind::gpu_bound));
  // With two in all, the one that is used would have a single slot.
  EXPECT_THAT(found(run_on_queues(4, 1)), ElementsAre(FindingKind::gpu_bound));
  // A third slot would be one queue's only.
  EXPECT_THAT(diagnose(run_on_queues(2, 2)).text(), HasSubstr("Set ring_size to 4"));
}

/// A queue that never stands idle, and one that gets something every so many steps.
RingStatistics run_with_seldom_used_queue(int every, const Plan& busy, const Plan& seldom,
                                          Recorder* recorder = nullptr) {
  const auto gpu = simulated::make_gpu(2);
  CommandBufferRing ring(
      gpu, {.ring_size = 6,
            .hang_warning_ms = 0,
            .observer = std::shared_ptr<Recorder>(std::shared_ptr<void>(), recorder)});
  const auto submit = [&](std::uint32_t queue, const Plan& plan) {
    Lease lease = ring.acquire({.queue = QueueIndex{queue}});
    simulated::record(lease, plan);
    std::move(lease).submit();
  };
  for (int i = 0; i < 400; ++i) {
    submit(0, busy);
    if (i % every == 0) submit(1, seldom);
  }
  ring.drain();
  return ring.statistics();
}

TEST(Diagnosis, AQueueThatIsSeldomUsedHidesNothingOfABusyOne) {
  const Plan step{.encode = 20us, .submit = 2us, .execute = 200us, .completion = 10us};
  for (const int every : {5, 100}) {
    Recorder recorder;
    const RingStatistics statistics =
        run_with_seldom_used_queue(every, step, {.encode = 20us, .execute = 30us}, &recorder);
    ASSERT_LT(statistics.gpu->busy_fraction(), 0.9) << "added up, the GPU seems to be idle";
    ASSERT_EQ(statistics.gpu_by_queue.size(), 2U);
    EXPECT_THAT(found(statistics), ElementsAre(FindingKind::gpu_bound)) << every;
    EXPECT_THAT(diagnose(statistics).text(), HasSubstr("Queue 0: The GPU is busy"));
    EXPECT_THAT(found(statistics_of(recorder.recording())), ElementsAre(FindingKind::gpu_bound));
  }
}

TEST(Diagnosis, TheBusyQueueOfTwoIsFoundOutWhereItIsIdle) {
  const RingStatistics statistics = run_with_seldom_used_queue(
      5, {.encode = 100us, .submit = 2us, .execute = 70us}, {.encode = 1us, .execute = 5us});
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::encode_bound));
  const Diagnosis diagnosis = diagnose(statistics);
  EXPECT_THAT(diagnosis.text(), HasSubstr("Queue 0: The GPU stood idle for 29.5 %"));
  EXPECT_NEAR(*diagnosis.findings[0].idle_share, 0.295, 0.001) << "of its own time, not of both's";
}

TEST(Diagnosis, QueuesThatAreAlikeAreAddedUp) {
  const RingStatistics statistics = run_on_queues(2, 2);
  ASSERT_EQ(statistics.gpu_by_queue.size(), 2U);
  GpuActivity sum = statistics.gpu_by_queue[0];
  sum += statistics.gpu_by_queue[1];
  EXPECT_EQ(sum, *statistics.gpu);
  EXPECT_THAT(found(statistics), testing::Contains(FindingKind::ring_too_small));
  EXPECT_THAT(diagnose(statistics).text(), testing::Not(HasSubstr("Queue 0")));
  EXPECT_TRUE(run({}).gpu_by_queue.empty()) << "there is one queue";
}

TEST(Diagnosis, AShortRunPromisesNoMoreThanALongOne) {
  Program program{.ring_size = 1, .step = {.encode = 1ms, .submit = 2us, .execute = 10us}};
  for (const int steps : {40, 100, 1000}) {
    program.steps = steps;
    EXPECT_THAT(found(run(program)), ElementsAre(FindingKind::encode_bound)) << steps;
  }
}

TEST(Diagnosis, TwoThreadsThatRecordAllTheTimeGainNothingFromALargerRing) {
  RingStatistics statistics = run({.ring_size = 2});
  GpuActivity& gpu = *statistics.gpu;
  // Both record for a millisecond a step, of which the GPU needs a tenth.
  gpu = {};
  gpu.queues = 1;
  gpu.submissions = 200;
  gpu.busy = 20ms;
  gpu.idle = 81ms;
  gpu.gaps = 199;
  gpu.encode = 200ms;
  gpu.peak_in_use = 2;
  gpu.idle_by_cause[GapCause::encode] = gpu.idle_after_wait[GapCause::encode] = 81ms;
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::encode_bound));
}

/// A ring that keeps three of its four slots for the highest level.
RingOptions with_reserved_slots() {
  return {.ring_size = 4,
          .allocation_strategy = AllocationStrategy::priority,
          .reserved_slots = {3, 0, 0},
          .hang_warning_ms = 0};
}

TEST(Diagnosis, ASlotThatIsKeptForOthersWasNotThereForALateThread) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, with_reserved_slots());
  for (int i = 0; i < 60; ++i) {
    // The one slot that the level may have, while three others are free.
    Lease held = ring.acquire({.priority = Priority::low});
    std::promise<Lease> promise;
    ring.acquire_async({.priority = Priority::low},
                       [&](AcquireResult result) { promise.set_value(std::move(result).lease()); });
    gpu->advance(100us);
    held.discard();
    Lease lease = promise.get_future().get();
    simulated::record(lease, {.execute = 200us});
    std::move(lease).submit().wait();
  }
  ring.drain();
  const RingStatistics statistics = ring.statistics();
  EXPECT_EQ(statistics.gpu->idle_by_cause[GapCause::wake_up], 0us);
  EXPECT_THAT(found(statistics), ElementsAre(FindingKind::ring_too_small));
}

TEST(Diagnosis, AThreadThatComesLateForASlotThatIsKeptForItIsLate) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, with_reserved_slots());
  for (int i = 0; i < 100; ++i) {
    Lease lease = ring.acquire({.priority = Priority::high});
    simulated::record(lease, {.encode = 2us, .submit = 1us, .execute = 20us, .completion = 150us});
    std::move(lease).submit();
  }
  ring.drain();
  EXPECT_THAT(found(ring.statistics()), testing::Contains(FindingKind::late_wake_up));
}

/// A loop that never waits: it tries every few microseconds until it has a slot.
RingStatistics poll(std::uint32_t ring_size, const Plan& step, std::chrono::nanoseconds pause,
                    Recorder* recorder = nullptr) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(
      gpu, {.ring_size = ring_size,
            .hang_warning_ms = 0,
            .observer = std::shared_ptr<Recorder>(std::shared_ptr<void>(), recorder)});
  for (int i = 0; i < 100; ++i) {
    std::optional<Lease> lease = ring.try_acquire();
    while (!lease) {
      gpu->advance(pause);
      lease = ring.try_acquire();
    }
    simulated::record(*lease, step);
    std::move(*lease).submit();
  }
  ring.drain();
  return ring.statistics();
}

TEST(Diagnosis, AProgramThatPollsIsToldThatItsRingWasFull) {
  const Plan slow_to_record{.encode = 100us, .submit = 2us, .execute = 40us};
  const Plan quick_to_record{.encode = 20us, .submit = 2us, .execute = 200us};
  for (const Plan& step : {slow_to_record, quick_to_record}) {
    Recorder recorder;
    const RingStatistics statistics = poll(1, step, 5us, &recorder);
    EXPECT_EQ(statistics.wait_events, 0U) << "no call waited";
    EXPECT_THAT(found(statistics), ElementsAre(FindingKind::ring_too_small));
    // Whoever looks later sees the same.
    EXPECT_THAT(found(statistics_of(recorder.recording())),
                ElementsAre(FindingKind::ring_too_small));
    EXPECT_EQ(statistics_of(recorder.recording()).wait_events, 0U);
  }
}

TEST(Diagnosis, AProgramThatPollsAndFindsSlotsIsNotToldThatItsRingWasFull) {
  EXPECT_THAT(found(poll(3, {.encode = 20us, .submit = 2us, .execute = 200us}, 5us)),
              ElementsAre(FindingKind::gpu_bound));
  // Recording is what takes so long, and a slot is there each time.
  EXPECT_THAT(found(poll(3, {.encode = 100us, .submit = 2us, .execute = 30us}, 5us)),
              testing::Contains(FindingKind::encode_bound));
}

TEST(Diagnosis, ATryThatFailedLongAgoDoesNotMakeTheRingTooSmall) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 1, .hang_warning_ms = 0});
  for (int i = 0; i < 100; ++i) {
    Lease lease = ring.acquire();
    simulated::record(lease, {.encode = 20us, .execute = 200us});
    const Ticket ticket = std::move(lease).submit();
    if (i == 50) {
      EXPECT_FALSE(ring.try_acquire());
    }
    ticket.wait();
    gpu->advance(4ms);
  }
  ring.drain();
  EXPECT_THAT(found(ring.statistics()), ElementsAre(FindingKind::application_bound));
}

}  // namespace
}  // namespace cbr
