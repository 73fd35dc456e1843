// Rings that choose their size, on the virtual clock: each load with the sizes that are fixed, and
// with a ring that is left to itself.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/recording.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "backends/decorators/backend_decorator.h"

namespace cbr {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

struct Load {
  std::string name;
  /// What step i takes, and what the program does before it.
  std::function<simulated::Plan(int step)> plan;
  std::function<nanoseconds(int step)> application = [](int /*step*/) { return 0ns; };
  std::uint32_t queues = 1;
  int steps = 20'000;
  /// How often the ring may change its size in the second half.
  std::size_t changes = 0;
};

simulated::Plan plan(nanoseconds encode, nanoseconds execute) {
  return {.encode = encode,
          .submit = 3us,
          .launch = 8us,
          .pause = 4us,
          .execute = execute,
          .completion = 15us};
}

std::vector<Load> loads() {
  const auto always = [](const simulated::Plan& each) {
    return [each](int /*step*/) { return each; };
  };
  return {
      {.name = "steady", .plan = always(plan(30us, 100us))},
      {.name = "bursty",
       .plan = [](int step) { return plan(step % 16 == 0 ? 450us : 20us, 100us); }},
      {.name = "the program bursts",
       .plan = always(plan(20us, 100us)),
       .application = [](int step) { return step % 32 == 0 ? nanoseconds(600us) : 0ns; }},
      {.name = "changing",
       .plan =
           [](int step) {
             return step / 20'000 % 2 == 0 ? plan(step % 16 == 0 ? 450us : 20us, 100us)
                                           : plan(20us, 100us);
           }},
      {.name = "encode-bound", .plan = always(plan(150us, 60us))},
      {.name = "GPU-bound", .plan = always(plan(10us, 900us))},
      {.name = "two queues",
       .plan = [](int step) { return plan(step % 16 == 0 ? 200us : 15us, 80us); },
       .queues = 2},
  };
}

struct Outcome {
  double rate = 0.0;
  nanoseconds latency{0};
  nanoseconds step{0};
  std::uint32_t ring_size = 0;
  std::vector<std::string> messages = {};
  /// Of those, the ones of the second half.
  std::size_t late_messages = 0;
};

/// The second half is what counts: in the first, a ring may find its size.
Outcome run(const Load& load, const RingOptions& base, int steps = 0,
            CommandBufferRing** its_ring = nullptr) {
  if (steps == 0) steps = load.steps;
  Outcome run;
  const auto gpu = simulated::make_gpu(load.queues);
  const auto recorder = std::make_shared<Recorder>();
  RingOptions options = base;
  options.hang_warning_ms = 0;
  options.observer = recorder;
  options.log_sink = [&](const LogMessage& message) {
    if (message.event == LogEvent::resized) run.messages.push_back(message.line());
  };
  CommandBufferRing ring(gpu, options);
  if (its_ring != nullptr) *its_ring = &ring;
  std::size_t before = 0;
  TimePoint half{};
  for (int i = 0; i < steps; ++i) {
    if (i == steps / 2) {
      ring.drain();
      before = run.messages.size();
      half = gpu->now();
      recorder->clear();
    }
    gpu->advance(load.application(i));
    Lease lease = ring.acquire({.queue = QueueIndex{static_cast<std::uint32_t>(i) % load.queues}});
    simulated::record(lease, load.plan(i));
    std::move(lease).submit();
  }
  ring.drain();
  const Recording recording = recorder->recording();
  nanoseconds latency{0};
  nanoseconds executed{0};
  TimePoint end{};
  for (const RecordedSubmission& submission : recording.submissions) {
    latency += submission.times.gpu->end - submission.times.acquire_end;
    executed += submission.times.gpu->end - submission.times.gpu->start;
    end = std::max(end, submission.times.gpu->end);
  }
  run.latency = latency / recording.submissions.size();
  run.step = executed / recording.submissions.size();
  run.rate = static_cast<double>(recording.submissions.size()) /
             std::chrono::duration<double>(end - half).count();
  run.ring_size = ring.ring_size();
  run.late_messages = run.messages.size() - before;
  return run;
}

/// A device that has no memory for another slot.
class NoMoreSlots final : public detail::BackendDecorator<Backend> {
 public:
  explicit NoMoreSlots(std::shared_ptr<Backend> inner) : BackendDecorator(std::move(inner)) {}
  void add_slot(SlotIndex slot) override {
    throw BackendError(fmt::format("no memory for slot #{}", to_number(slot)));
  }
};

/// A driver that warns of each slot that it makes.
class Talkative final : public detail::BackendDecorator<Backend> {
 public:
  explicit Talkative(std::shared_ptr<Backend> inner) : BackendDecorator(std::move(inner)) {}
  void attach(const SlotLayout& layout) override {
    report_ = layout.report;
    BackendDecorator::attach(layout);
  }
  void add_slot(SlotIndex slot) override {
    BackendDecorator::add_slot(slot);
    report_("another slot");
  }

 private:
  std::function<void(std::string_view text)> report_;
};

/// A device whose clock nobody can compare with the host's.
class NoClock final : public detail::BackendDecorator<Backend> {
 public:
  explicit NoClock(std::shared_ptr<Backend> inner) : BackendDecorator(std::move(inner)) {}
  Completion finish(SlotIndex slot) override {
    Completion completion = BackendDecorator::finish(slot);
    completion.clock.reset();
    return completion;
  }
};

Load bursty() {
  return {.name = "bursty",
          .plan = [](int step) { return plan(step % 16 == 0 ? 450us : 20us, 100us); }};
}

void work(CommandBufferRing& ring, int steps) {
  const Load load = bursty();
  for (int i = 0; i < steps; ++i) {
    Lease lease = ring.acquire();
    simulated::record(lease, load.plan(i));
    std::move(lease).submit();
  }
}

class AutoRingSizeOf : public testing::TestWithParam<Load> {};

TEST_P(AutoRingSizeOf, IsAsGoodAsTheBestThatIsFixed) {
  const Load& load = GetParam();
  std::optional<Outcome> best;
  for (std::uint32_t size = 2 * load.queues; size <= 8 * load.queues; size += load.queues) {
    const Outcome fixed = run(load, {.ring_size = size});
    // The smallest of those that are as fast.
    if (!best || fixed.rate > 1.005 * best->rate) best = fixed;
  }
  const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{.largest = 8 * load.queues}});
  EXPECT_GE(chosen.rate, 0.98 * best->rate) << chosen.ring_size << " for " << best->ring_size;
  EXPECT_LE(chosen.latency, best->latency + best->step)
      << chosen.ring_size << " for " << best->ring_size;
  EXPECT_LE(chosen.late_messages, load.changes) << testing::PrintToString(chosen.messages);
}

INSTANTIATE_TEST_SUITE_P(Loads, AutoRingSizeOf, testing::ValuesIn(loads()), [](const auto& load) {
  std::string name = load.param.name;
  std::erase_if(name, [](char c) { return c == ' ' || c == '-'; });
  return name;
});

TEST(AutoRingSize, StartsWithTwoSlotsForEachQueueAndSaysWhatItChose) {
  const CommandBufferRing ring(simulated::make_gpu(3), {.auto_ring_size = AutoRingSize{}});
  EXPECT_EQ(ring.ring_size(), 6U);
  const Outcome chosen = run(bursty(), {.auto_ring_size = AutoRingSize{}});
  EXPECT_THAT(chosen.messages,
              ElementsAre(AllOf(HasSubstr("[INFO] CommandRing: ring size 6 in place of 2: "),
                                HasSubstr(" % in steps a second"))));
}

TEST(AutoRingSize, KeepsToTheMostSlots) {
  EXPECT_EQ(run(bursty(), {.auto_ring_size = AutoRingSize{.largest = 4}}).ring_size, 4U);
  // Two for each queue there always are.
  EXPECT_EQ(run(bursty(), {.auto_ring_size = AutoRingSize{.largest = 1}}).ring_size, 2U);
}

TEST(AutoRingSize, KeepsToTheLongestWaitForTheGpu) {
  const auto limited = [](nanoseconds limit) {
    return run(bursty(), {.auto_ring_size = AutoRingSize{.max_queued = limit}});
  };
  const Outcome free = limited(1s);
  EXPECT_EQ(free.ring_size, 6U);
  const Outcome short_wait = limited(250us);
  EXPECT_LT(short_wait.ring_size, 6U);
  EXPECT_GT(short_wait.ring_size, 2U);
  EXPECT_LT(short_wait.latency, free.latency);
  // One slot queues nothing.
  const Outcome none = limited(0ns);
  EXPECT_EQ(none.ring_size, 1U);
  EXPECT_THAT(none.messages.front(), HasSubstr("max_queued is 0 ms"));
}

TEST(AutoRingSize, DoesNotGrowIntoALimitThatItBreaks) {
  const Load load{.name = "steady", .plan = [](int /*step*/) { return plan(20us, 100us); }};
  for (const nanoseconds limit : {50us, 62us, 66us, 70us, 160us}) {
    const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{.max_queued = limit}});
    EXPECT_LE(chosen.messages.size(), 2U) << testing::PrintToString(chosen.messages);
    EXPECT_EQ(chosen.late_messages, 0U) << testing::PrintToString(chosen.messages);
  }
}

TEST(AutoRingSize, CoversForAHostThatLearnsLateOfAnEnd) {
  // The GPU has ended before the program asks for the slot, and the host doesn't know yet.
  const Load load{.name = "late", .plan = [](int /*step*/) {
                    simulated::Plan each = plan(60us, 20us);
                    each.completion = 200us;
                    return each;
                  }};
  const Outcome best = run(load, {.ring_size = 8});
  const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{}});
  EXPECT_GE(chosen.rate, 0.98 * best.rate) << chosen.ring_size;
  EXPECT_EQ(chosen.late_messages, 0U) << "with slots enough nobody waits, and still it is known";
}

TEST(AutoRingSize, RemembersHowLateItsHostLearnsOfAnEnd) {
  // With three slots nobody waits, and so no step tells it any more.
  const Load load{.name = "late", .plan = [](int /*step*/) {
                    simulated::Plan each = plan(30us, 10us);
                    each.completion = 40us;
                    return each;
                  }};
  const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{}}, 100'000);
  EXPECT_EQ(chosen.ring_size, 3U);
  EXPECT_EQ(chosen.messages.size(), 1U) << testing::PrintToString(chosen.messages);
}

TEST(AutoRingSize, QueuesThatAreNotUsedHaveTheirSlotsAllTheSame) {
  // One of two.
  const auto run_one = [](RingOptions options) {
    const auto gpu = simulated::make_gpu(2);
    CommandBufferRing ring(gpu, std::move(options));
    const Load load = bursty();
    for (int i = 0; i < 20'000; ++i) {
      Lease lease = ring.acquire({.queue = QueueIndex{0}});
      simulated::record(lease, load.plan(i));
      std::move(lease).submit();
    }
    ring.drain();
    return std::pair(ring.ring_size(), gpu->now().time_since_epoch());
  };
  const auto ignore = [](const LogMessage& /*message*/) {};
  const auto chosen = run_one({.auto_ring_size = AutoRingSize{.largest = 16}, .log_sink = ignore});
  const auto best = run_one({.ring_size = 16});
  EXPECT_EQ(chosen.first, 12U);
  EXPECT_LE(chosen.second, best.second + best.second / 50);
}

TEST(AutoRingSize, StepsThatFailTakeTheirTimeAllTheSame) {
  const Load load{.name = "failing", .plan = [](int step) {
                    simulated::Plan each = bursty().plan(step);
                    if (step % 5 < 2 || step < 200) each.fault = Fault::fail_execution;
                    return each;
                  }};
  const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{}});
  EXPECT_EQ(chosen.ring_size, 6U) << testing::PrintToString(chosen.messages);
}

TEST(AutoRingSize, RequestsThatWaitBesideEachOtherAreNoLateWakeUps) {
  std::uint32_t size = 0;
  {
    const auto gpu = simulated::make_gpu();
    CommandBufferRing ring(
        gpu, {.auto_ring_size = AutoRingSize{}, .log_sink = [](const LogMessage& /*message*/) {}});
    const Load load = bursty();
    std::atomic<int> steps = 0;
    std::promise<void> done;
    std::function<void()> ask = [&] {
      (void)ring.acquire_async({}, [&](AcquireResult result) {
        const int step = ++steps;
        Lease lease = std::move(result).lease();
        simulated::record(lease, load.plan(step));
        std::move(lease).submit();
        if (step < 6000) {
          ask();
        } else if (step == 6007) {
          done.set_value();
        }
      });
    };
    for (int i = 0; i < 8; ++i) ask();
    done.get_future().wait();
    ring.drain();
    size = ring.ring_size();
  }
  EXPECT_GE(size, 5U);
}

TEST(AutoRingSize, TellsItsSinkWithNoLockHeld) {
  // A backend that has something to say while a slot is made, and a sink that sets the size.
  CommandBufferRing* its_ring = nullptr;
  CommandBufferRing ring(
      std::make_shared<Talkative>(simulated::make_gpu()),
      {.auto_ring_size = AutoRingSize{}, .log_sink = [&](const LogMessage& message) {
         if (message.event == LogEvent::backend_failure) its_ring->set_ring_size(5);
       }});
  its_ring = &ring;
  work(ring, 2000);
  EXPECT_EQ(ring.ring_size(), 5U);
}

TEST(AutoRingSize, GoesBackWhereAGainDoesNotCome) {
  for (const int percent : {114, 130}) {
    CommandBufferRing* ring = nullptr;
    // A GPU that gets slower the more it is given, which no step tells in advance.
    const Load load{.name = "throttled", .plan = [&](int step) {
                      simulated::Plan each = bursty().plan(step);
                      if (ring->ring_size() > 2) each.execute = each.execute * percent / 100;
                      return each;
                    }};
    const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{.largest = 3}}, 40'000, &ring);
    EXPECT_EQ(chosen.ring_size, 2U);
    ASSERT_GE(chosen.messages.size(), 2U);
    EXPECT_THAT(chosen.messages[1], AllOf(HasSubstr("ring size 2 in place of 3: 3 slots brought"),
                                          HasSubstr("in place of")));
    // It tries again, but ever less often.
    EXPECT_LE(chosen.messages.size(), 8U) << testing::PrintToString(chosen.messages);
  }
}

TEST(AutoRingSize, ShrinksEverLessOftenWhereItHasToGrowAgain) {
  // Long enough in each way to be followed, but not worth it.
  const Load load{.name = "to and fro", .plan = [](int step) {
                    const bool bursts = step / 10'000 % 2 == 0;
                    return plan(bursts && step % 16 == 0 ? 450us : 20us, 100us);
                  }};
  const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{}}, 320'000);
  EXPECT_GE(chosen.messages.size(), 3U) << "it does follow";
  EXPECT_LE(chosen.messages.size(), 8U) << testing::PrintToString(chosen.messages);
}

TEST(AutoRingSize, IsUsualWhereTheGpusTimesAreNotKnown) {
  for (const GpuTimes times : {GpuTimes::end, GpuTimes::sampled, GpuTimes::none}) {
    const Outcome chosen =
        run(bursty(), {.auto_ring_size = AutoRingSize{}, .gpu_times = times}, 1000);
    EXPECT_EQ(chosen.ring_size, 3U);
    EXPECT_THAT(chosen.messages,
                ElementsAre(HasSubstr("ring size 3: it stays so, because gpu_times is")));
  }
}

TEST(AutoRingSize, EndsWithASizeThatIsSet) {
  CommandBufferRing* ring = nullptr;
  const Load load{.name = "set", .plan = [&](int step) {
                    if (step == 5000) ring->set_ring_size(4);
                    return bursty().plan(step);
                  }};
  const Outcome chosen = run(load, {.auto_ring_size = AutoRingSize{}}, 20'000, &ring);
  EXPECT_EQ(chosen.ring_size, 4U);
  EXPECT_EQ(chosen.late_messages, 0U);
}

TEST(AutoRingSize, StartsAgainOnAnotherDeviceUnlessItHasEnded) {
  CommandBufferRing ring(simulated::make_gpu(), {.auto_ring_size = AutoRingSize{},
                                                 .log_sink = [](const LogMessage& /*message*/) {}});
  ring.reset(simulated::make_gpu(2));
  EXPECT_EQ(ring.ring_size(), 4U);
  // Lost while it is about to grow.
  const auto gpu = simulated::make_gpu();
  ring.reset(gpu);
  work(ring, 257);
  gpu->lose_device();
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  ring.reset(simulated::make_gpu());
  work(ring, 2000);
  EXPECT_EQ(ring.ring_size(), 6U);
  ring.set_ring_size(5);
  ring.reset(simulated::make_gpu());
  EXPECT_EQ(ring.ring_size(), 5U);
}

TEST(AutoRingSize, RefusesLimitsThatAreNone) {
  const auto make = [](const AutoRingSize& limits, RingOptions options = {}) {
    options.auto_ring_size = limits;
    const CommandBufferRing ring(simulated::make_gpu(), options);
  };
  EXPECT_THAT([&] { make({.largest = 0}); },
              ThrowsMessage<InvalidOption>(HasSubstr("auto_ring_size.largest is 0")));
  EXPECT_THAT([&] { make({.largest = 1025}); },
              ThrowsMessage<InvalidOption>(HasSubstr("allowed are 1 to 1024")));
  EXPECT_THAT([&] { make({.max_queued = -1ns}); },
              ThrowsMessage<InvalidOption>(HasSubstr("auto_ring_size.max_queued is -1 ns")));
  const auto many = simulated::make_gpu(600);
  EXPECT_THAT(
      [&] {
        const CommandBufferRing ring(many, {.auto_ring_size = AutoRingSize{.max_queued = 1ms}});
      },
      ThrowsMessage<InvalidOption>(HasSubstr("ring_size is 1200")));
  // Two slots can't have two reserved and leave one for others.
  EXPECT_THROW(
      make({}, {.allocation_strategy = AllocationStrategy::priority, .reserved_slots = {2, 0, 0}}),
      InvalidOption);
}

TEST(AutoRingSize, IsUsualWhereTheClocksCannotBeCompared) {
  std::vector<std::string> messages;
  CommandBufferRing ring(
      std::make_shared<NoClock>(simulated::make_gpu()),
      {.auto_ring_size = AutoRingSize{},
       .log_sink = [&](const LogMessage& message) { messages.push_back(message.line()); }});
  work(ring, 1000);
  EXPECT_EQ(ring.ring_size(), 3U);
  EXPECT_THAT(messages, ElementsAre(HasSubstr("ring size 3 in place of 2: it stays so, because")));
}

TEST(AutoRingSize, ASlotThatCannotBeMadeEndsTheChoosing) {
  std::vector<std::string> messages;
  CommandBufferRing ring(
      std::make_shared<NoMoreSlots>(simulated::make_gpu()),
      {.auto_ring_size = AutoRingSize{},
       .log_sink = [&](const LogMessage& message) { messages.push_back(message.line()); }});
  work(ring, 5000);
  EXPECT_EQ(ring.ring_size(), 2U);
  EXPECT_THAT(messages, ElementsAre(HasSubstr("the ring can't have the size that it chose")));
}

}  // namespace
}  // namespace cbr
