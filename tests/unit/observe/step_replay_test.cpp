#include "observe/step_replay.h"

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/plan.h>

namespace cbr::observe {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

std::vector<StepCosts> random_steps(std::mt19937_64& random, std::uint32_t queues, bool depend) {
  const auto up_to = [&random](std::uint64_t most) {
    return nanoseconds(static_cast<std::int64_t>(random() % (most + 1)));
  };
  // Some programs are host-bound, some not, and some have no launch, no signal, no completion.
  const std::uint64_t host = 1 + random() % 100'000;
  const std::uint64_t gpu = 1 + random() % 100'000;
  const std::uint64_t other = random() % 3 == 0 ? 0 : random() % 50'000;
  std::vector<StepCosts> steps(5 + random() % 50);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i] = {.application = random() % 8 == 0 ? 5 * up_to(host) : up_to(host) / 4,
                .encode = up_to(host),
                .submit = up_to(host) / 8,
                .launch = up_to(other),
                .execute = up_to(gpu),
                .completion = up_to(other),
                .queue = QueueIndex{static_cast<std::uint32_t>(random() % queues)},
                .signal = up_to(other)};
    if (depend && i > 0 && random() % 4 == 0) {
      steps[i].after = i - 1 - random() % std::min<std::size_t>(i, 4);
    }
  }
  return steps;
}

TEST(StepReplay, SaysWhatTheRingDoes) {
  std::mt19937_64 random(14);
  for (int round = 0; round < 2000; ++round) {
    const auto queues = static_cast<std::uint32_t>(1 + random() % 3);
    const bool depend = round % 2 == 1;
    const std::vector<StepCosts> steps = random_steps(random, queues, depend);
    // Of queues that take turns predict() makes one, with all slots.
    const DeviceTraits device{.pause = nanoseconds(random() % 20'000),
                              .queues_overlap = queues > 1 || random() % 2 == 0};
    // Some use fewer queues than there are: predict() knows those that are used.
    std::uint32_t used = 1;
    for (const StepCosts& step : steps) used = std::max(used, to_number(step.queue) + 1);
    StepReplay replay(steps, device, used);
    for (std::uint32_t ring_size = queues; ring_size <= queues + 6; ++ring_size) {
      const nanoseconds replayed = replay.of(ring_size).span;
      const nanoseconds predicted = predict(steps, ring_size, device).span;
      // A thread of the ring's may see to another queue first, whose outcomes hang on a third's.
      const nanoseconds difference = depend ? predicted / 50 : nanoseconds(0);
      ASSERT_LE(replayed, predicted) << "round " << round << ", ring size " << ring_size;
      ASSERT_GE(replayed, predicted - difference)
          << "round " << round << ", ring size " << ring_size;
    }
  }
}

TEST(StepReplay, StepsWaitLongerInALargerRing) {
  const std::vector<StepCosts> steps(100, StepCosts{.encode = 1ms, .execute = 10ms});
  StepReplay replay(steps, {}, 1);
  EXPECT_EQ(replay.of(1).queued, 0ms);
  EXPECT_NEAR(std::chrono::duration<double>(replay.of(2).queued).count(), 9e-3, 2e-4);
  EXPECT_NEAR(std::chrono::duration<double>(replay.of(3).queued).count(), 19e-3, 5e-4);
}

TEST(StepReplay, OfNothing) {
  const std::vector<StepCosts> none;
  EXPECT_EQ(StepReplay(none, {}, 1).of(1).span, 0ns);
}

TEST(StepReplay, AQueueThatIsNotUsedHasItsSlotsAllTheSame) {
  const std::vector<StepCosts> steps(100, StepCosts{.encode = 50us, .execute = 50us});
  EXPECT_EQ(StepReplay(steps, {}, 2).of(4).span, StepReplay(steps, {}, 1).of(2).span);
}

TEST(StepReplay, QueuesThatTakeTurnsHaveTheirOwnSlots) {
  std::vector<StepCosts> steps(100, StepCosts{.execute = 100us});
  for (std::size_t i = 1; i < steps.size(); i += 2) steps[i].queue = QueueIndex{1};
  EXPECT_EQ(StepReplay(steps, {}, 2).of(2).span, 100 * 100us);
  EXPECT_EQ(StepReplay(steps, {.queues_overlap = true}, 2).of(2).span, 50 * 100us);
}

}  // namespace
}  // namespace cbr::observe
