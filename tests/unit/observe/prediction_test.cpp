#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/plan.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// The document's example: 0.3 ms to submit, 8.2 ms on the GPU, 0.1 ms until the host knows.
constexpr StepCosts document{.submit = 300us, .execute = 8200us, .completion = 100us};

TEST(Prediction, OfTheDocumentsExample) {
  const std::vector<StepCosts> steps(100, document);
  const Prediction serial = predict(steps, 1);
  EXPECT_EQ(serial.span, 100 * 8600us - 100us);
  EXPECT_NEAR(serial.steps_per_second, 1 / 8.6e-3, 0.1);
  EXPECT_NEAR(serial.busy_fraction, 8.2 / 8.6, 0.001);
  const Prediction ringed = predict(steps, 2);
  EXPECT_EQ(ringed.span, 300us + 100 * 8200us);
  EXPECT_NEAR(ringed.busy_fraction, 1.0, 0.001);
  EXPECT_EQ(ringed.steps, 100U);
  // A third slot brings nothing but latency.
  EXPECT_EQ(predict(steps, 3).span, ringed.span);
  EXPECT_GT(predict(steps, 3).latency, ringed.latency + 8ms);
}

TEST(Prediction, PromisesNothingWhereNothingIsToBeHad) {
  const std::vector<StepCosts> steps(50, StepCosts{.encode = 100us, .execute = 1us});
  EXPECT_LT(predict(steps, 8).steps_per_second / predict(steps, 1).steps_per_second, 1.02);
}

TEST(Prediction, TheDevicesPauseIsNoBusyTime) {
  const std::vector<StepCosts> steps(100, StepCosts{.execute = 90us});
  EXPECT_NEAR(predict(steps, 3, {.pause = 10us}).busy_fraction, 0.9, 0.001);
}

TEST(Prediction, ALaunchIsHiddenBehindWorkAndAPauseIsNot) {
  const std::vector<StepCosts> steps(100, StepCosts{.launch = 30us, .execute = 90us});
  EXPECT_EQ(predict(steps, 1).span, 100 * 120us);
  EXPECT_EQ(predict(steps, 1, {.pause = 10us}).span, 100 * 120us);
  EXPECT_EQ(predict(steps, 2).span, 30us + 100 * 90us);
  EXPECT_EQ(predict(steps, 2, {.pause = 10us}).span, 30us + 100 * 90us + 99 * 10us);
}

/// A device that pauses between submissions, and takes longer to start from nothing.
Recording record_paused(std::uint32_t ring_size) {
  const auto gpu = simulated::make_gpu();
  const auto recorder = std::make_shared<Recorder>();
  CommandBufferRing ring(gpu, {.ring_size = ring_size, .observer = recorder});
  for (int i = 0; i < 50; ++i) {
    Lease lease = ring.acquire();
    simulated::record(lease, {.encode = 20us,
                              .submit = 5us,
                              .launch = 30us,
                              .pause = 10us,
                              .execute = 200us,
                              .completion = 15us});
    std::move(lease).submit();
  }
  ring.drain();
  return recorder->recording();
}

TEST(Prediction, TellsTheDevicesPauseFromALaunch) {
  EXPECT_EQ(device_traits(record_paused(3)).pause, 10us);
  EXPECT_EQ(device_traits(record_paused(1)).pause, std::nullopt) << "its queue is never ahead";
  EXPECT_EQ(device_traits(Recording()).pause, std::nullopt);
  const std::vector<StepCosts> costs = step_costs(record_paused(1));
  EXPECT_EQ(costs[7].launch, 30us);
  // So that a recording of a ring of one slot, and the pause, tell what three slots do.
  EXPECT_EQ(predict(costs, 3, {.pause = 10us}).span, 20us + 5us + 30us + 50 * 200us + 49 * 10us);
  // Steps that were queued in time tell no launch: it is that of the first.
  EXPECT_EQ(step_costs(record_paused(3))[20].launch, 30us);
}

/// Runs a program on the simulated GPU with a recorder.
Recording record(std::uint32_t ring_size, int steps) {
  const auto gpu = simulated::make_gpu(2);
  const auto recorder = std::make_shared<Recorder>();
  CommandBufferRing ring(gpu, {.ring_size = ring_size, .hang_warning_ms = 0, .observer = recorder});
  std::optional<Ticket> made;
  for (int i = 0; i < steps; ++i) {
    gpu->advance(std::chrono::microseconds(3 + i % 5));
    const QueueIndex queue{static_cast<std::uint32_t>(i % 2)};
    Lease lease = ring.acquire({.queue = queue});
    simulated::record(lease, {.encode = std::chrono::microseconds(10 + i % 7),
                              .submit = 2us,
                              .execute = std::chrono::microseconds(60 + 10 * (i % 3)),
                              .completion = 15us});
    SubmitOptions options;
    if (made && i % 2 == 1) options.after = {*made};
    made = std::move(lease).submit(options);
  }
  ring.drain();
  return recorder->recording();
}

TEST(Prediction, ReplaysARecordingAsItWas) {
  const Recording recording = record(2, 200);
  const std::vector<StepCosts> costs = step_costs(recording);
  ASSERT_EQ(costs.size(), 200U);
  EXPECT_EQ(costs[1].after, 0U);
  EXPECT_EQ(costs[8].application, 6us);
  EXPECT_EQ(costs[8].encode, 11us);
  EXPECT_EQ(costs[8].submit, 2us);
  EXPECT_EQ(costs[8].execute, 80us);
  const Prediction same = predict(costs, 2, {.queues_overlap = true});
  TimePoint end{};
  for (const auto& submission : recording.submissions) {
    end = std::max(end, submission.times.gpu->end);
  }
  EXPECT_NEAR(static_cast<double>(same.span.count()),
              static_cast<double>(end.time_since_epoch().count()), 5000.0);
}

TEST(Prediction, OfAnotherSizeIsWhatThatSizeDoes) {
  const std::vector<StepCosts> costs = step_costs(record(2, 200));
  for (const std::uint32_t size : {3U, 4U, 6U, 8U}) {
    const std::vector<StepCosts> there = step_costs(record(size, 200));
    const DeviceTraits device{.queues_overlap = true};
    const double predicted = predict(costs, size, device).steps_per_second;
    EXPECT_NEAR(predicted / predict(there, size, device).steps_per_second, 1.0, 0.005) << size;
  }
}

TEST(Prediction, QueuesThatTakeTurnsBringNothing) {
  std::vector<StepCosts> steps(100, StepCosts{.execute = 100us});
  for (std::size_t i = 1; i < steps.size(); i += 2) steps[i].queue = QueueIndex{1};
  EXPECT_EQ(predict(steps, 4, {.queues_overlap = true}).span, 50 * 100us);
  EXPECT_EQ(predict(steps, 4).span, 100 * 100us);
  EXPECT_NEAR(predict(steps, 4).busy_fraction, 0.5, 0.001) << "each is busy half of the time";
}

TEST(Prediction, WorkWaitsForTheSignalOfOtherWork) {
  std::vector<StepCosts> steps(100, StepCosts{.execute = 100us});
  for (std::size_t i = 1; i < steps.size(); ++i) {
    steps[i].queue = QueueIndex{static_cast<std::uint32_t>(i % 2)};
    steps[i].after = i - 1;
    steps[i].signal = 60us;
  }
  EXPECT_EQ(predict(steps, 4).span, 100us + 99 * 160us);
}

TEST(Prediction, TellsWhetherQueuesOverlap) {
  EXPECT_TRUE(device_traits(record(4, 50)).queues_overlap);
  Recording taking_turns = record(4, 50);
  TimePoint free{};
  for (RecordedSubmission& submission : taking_turns.submissions) {
    HostInterval& gpu = *submission.times.gpu;
    const auto length = gpu.end - gpu.start;
    gpu.start = std::max(free, gpu.start);
    gpu.end = free = gpu.start + length;
  }
  EXPECT_FALSE(device_traits(taking_turns).queues_overlap);
  EXPECT_FALSE(device_traits(record_paused(3)).queues_overlap) << "there is one";
  EXPECT_FALSE(device_traits(Recording()).queues_overlap);
}

TEST(Prediction, LeavesOutWhatIsNotKnown) {
  Recording recording = record(2, 10);
  recording.submissions[3].failed = true;
  recording.submissions[4].times.gpu.reset();
  // Backwards.
  std::swap(recording.submissions[5].times.submit_begin, recording.submissions[5].times.submit_end);
  EXPECT_EQ(step_costs(recording).size(), 7U);
  EXPECT_TRUE(step_costs(Recording()).empty());
}

TEST(Prediction, MergedStepsHaveOneSubmitAndOnePause) {
  const std::vector<StepCosts> steps(
      8, StepCosts{.encode = 5us, .submit = 3us, .launch = 10us, .execute = 40us});
  const std::vector<StepCosts> merged = merge_steps(steps, 4);
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].encode, 20us);
  EXPECT_EQ(merged[0].submit, 3us);
  EXPECT_EQ(merged[0].launch, 10us);
  EXPECT_EQ(merged[0].execute, 160us);
  EXPECT_EQ(merge_steps(steps, 3).size(), 3U);
  EXPECT_EQ(merge_steps(steps, 1).size(), 8U);
}

TEST(Prediction, MergedStepsStillWaitForEarlierOnesOnly) {
  std::vector<StepCosts> steps(4, StepCosts{.execute = 10us});
  steps[1].queue = QueueIndex{1};
  steps[1].after = 0;
  // The second of queue 0 waits for what came after the first: it can't go with it.
  steps[2].after = 1;
  const std::vector<StepCosts> merged = merge_steps(steps, 4);
  ASSERT_EQ(merged.size(), 3U);
  EXPECT_EQ(merged[2].after, 1U);
  EXPECT_EQ(merged[2].execute, 20us);
  EXPECT_NO_THROW((void)predict(merged, 4));
}

TEST(Prediction, RefusesWhatIsNoPlan) {
  const auto says = [](std::vector<StepCosts> steps, std::uint32_t ring_size, const char* text) {
    EXPECT_THAT([&] { (void)predict(steps, ring_size); },
                ThrowsMessage<InvalidOption>(HasSubstr(text)));
  };
  says({}, 1, "a plan has no steps");
  says({document}, 0, "ring_size is 0");
  says({document}, 10'000, "ring_size is 10000");
  says({{.encode = -1ns}}, 1, "step 0: encode is -1 ns, allowed are 0 to 3600000000000 ns");
  says({document, {.execute = 25h}}, 1, "step 1: execute is");
  EXPECT_THAT([] { (void)predict(std::vector<StepCosts>{document}, 1, {.pause = -1ns}); },
              ThrowsMessage<InvalidOption>(HasSubstr("a plan's pause is -1 ns")));
  says({document, {.after = 1}}, 1, "step 1 waits for step 1");
  says({{.queue = QueueIndex{3}}}, 3, "ring_size is 3, but its steps have 4 queues");
  EXPECT_THROW((void)merge_steps({}, 0), InvalidOption);
}

TEST(Prediction, MergesNoStepsThatAreNoPlan) {
  std::vector<StepCosts> steps(4, StepCosts{.execute = 10us});
  steps[1].after = 100'000;
  EXPECT_THROW((void)merge_steps(steps, 2), InvalidOption);
  steps[1].after = 3;
  EXPECT_THROW((void)merge_steps(steps, 2), InvalidOption);
  steps[1].after.reset();
  steps[1].execute = std::chrono::nanoseconds::max();
  EXPECT_THROW((void)merge_steps(steps, 2), InvalidOption) << "their sum would overflow";
  EXPECT_TRUE(merge_steps({}, 2).empty());
}

TEST(Prediction, MergedStepsKeepTheSignalThatTheyWaitFor) {
  std::vector<StepCosts> steps(3, StepCosts{.execute = 10us});
  steps[1].queue = steps[2].queue = QueueIndex{1};
  steps[2].after = 0;
  steps[2].signal = 60us;
  const std::vector<StepCosts> merged = merge_steps(steps, 2);
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[1].after, 0U);
  EXPECT_EQ(merged[1].signal, 60us);
}

TEST(Prediction, LeavesOutTimesThatNoClockReads) {
  Recording recording = record(2, 10);
  recording.submissions[3].times.acquire_begin = TimePoint::min();
  recording.submissions[4].times.submit_end = TimePoint::max();
  recording.submissions[5].times.gpu->start = TimePoint::min();
  recording.submissions[6].times.gpu->end = TimePoint::max();
  EXPECT_EQ(step_costs(recording).size(), 6U);
  EXPECT_NO_THROW((void)device_traits(recording));
}

/// How long it takes to tell whether so many queues overlap, each with one submission in its turn.
Clock::duration time_to_tell(std::uint32_t queues) {
  Recording recording;
  for (int i = 0; i < 60'000; ++i) {
    RecordedSubmission submission;
    submission.queue = QueueIndex{static_cast<std::uint32_t>(i) % queues};
    const TimePoint at{std::chrono::microseconds(i + 1)};
    submission.times.acquire_begin = submission.times.acquire_end = at;
    submission.times.submit_begin = submission.times.submit_end = at;
    submission.times.gpu = HostInterval{at, at + 2us, 0ns};
    recording.submissions.push_back(submission);
  }
  const auto begin = Clock::now();
  EXPECT_TRUE(device_traits(recording).queues_overlap);
  return Clock::now() - begin;
}

TEST(Prediction, ManyQueuesCostLittleMoreThanTwo) {
  EXPECT_LT(time_to_tell(60'000), 20 * time_to_tell(2));
}

TEST(Prediction, RefusesAQueueWhoseNumberIsTheLargest) {
  const std::vector<StepCosts> steps(2, StepCosts{.queue = QueueIndex{0xffff'ffffU}});
  EXPECT_THROW((void)predict(steps, 1), InvalidOption);
}

/// One thread that records two leases, one after the other.
Recording record_pairs(bool backwards) {
  const auto gpu = simulated::make_gpu();
  const auto recorder = std::make_shared<Recorder>();
  CommandBufferRing ring(gpu, {.ring_size = 4, .observer = recorder});
  Sequence sequence = ring.sequence();
  for (int i = 0; i < 50; ++i) {
    Lease first = sequence.acquire();
    Lease second = sequence.acquire();
    if (backwards) {
      std::swap(first, second);
      simulated::record(first, {.encode = 100us, .execute = 10us});
      std::move(first).submit();
      simulated::record(second, {.encode = 100us, .execute = 10us});
    } else {
      simulated::record(first, {.encode = 100us, .execute = 10us});
      simulated::record(second, {.encode = 100us, .execute = 10us});
      std::move(first).submit();
    }
    std::move(second).submit();
  }
  ring.drain();
  return recorder->recording();
}

TEST(Prediction, CountsTheHostsTimeOnceThoughItHasSeveralLeases) {
  for (const bool backwards : {false, true}) {
    const Prediction prediction = predict(step_costs(record_pairs(backwards)), 4);
    EXPECT_NEAR(static_cast<double>(prediction.span.count()), 100 * 100e3, 300e3) << backwards;
  }
}

}  // namespace
}  // namespace cbr
