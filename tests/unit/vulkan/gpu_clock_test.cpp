#include "backends/vulkan/gpu_clock.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// A GPU with a counter of its own, and a host that submits to it.
class Gpu {
 public:
  Gpu(std::uint32_t bits, double period, std::uint64_t initial = 0)
      : clock_(bits, period),
        mask_(bits == 64 ? ~0ULL : (1ULL << bits) - 1),
        period_(period),
        initial_(initial) {}

  void pass(nanoseconds time) { now_ += time; }

  [[nodiscard]] std::uint64_t ticks() const {
    const double counted = static_cast<double>(now_.count()) / period_;
    return (initial_ + static_cast<std::uint64_t>(counted)) & mask_;
  }
  [[nodiscard]] TimePoint now() const { return TimePoint(1h) + now_; }

  /// A submission that starts `wait` after it is submitted, takes `length`, and is read `late`
  /// after it has ended.
  GpuClock::Times run(nanoseconds length, nanoseconds wait = 1us, nanoseconds late = 50us) {
    return run(queue_, length, wait, late);
  }
  GpuClock::Times run(GpuClock::Queue& queue, nanoseconds length, nanoseconds wait = 1us,
                      nanoseconds late = 50us) {
    const TimePoint submitted = now();
    pass(wait);
    const std::uint64_t start = ticks();
    pass(length);
    const std::uint64_t end = ticks();
    pass(late);
    return clock_.read(queue, {start, end}, {submitted, now()});
  }
  /// One that reads as given, after `seen` of the host's time.
  GpuClock::Times read(GpuClock::Ticks ticks, nanoseconds seen = 1ms) {
    const TimePoint submitted = now();
    pass(seen);
    return clock_.read(queue_, ticks, {submitted, now()});
  }

  GpuClock& clock() { return clock_; }
  GpuClock::Queue& queue() { return queue_; }

 private:
  GpuClock clock_;
  GpuClock::Queue queue_;
  std::uint64_t mask_;
  double period_;
  std::uint64_t initial_;
  nanoseconds now_{0};
};

void expect_near(nanoseconds actual, nanoseconds expected, nanoseconds tolerance) {
  EXPECT_LE(std::abs((actual - expected).count()), tolerance.count())
      << actual.count() << " ns instead of " << expected.count() << " ns";
}

TEST(GpuClock, KnowsWhatCanBeACounter) {
  EXPECT_TRUE(GpuClock::is_possible(64, 1.0));
  EXPECT_TRUE(GpuClock::is_possible(36, 52.083));
  EXPECT_TRUE(GpuClock::is_possible(24, 1.0));
  EXPECT_FALSE(GpuClock::is_possible(0, 1.0));
  EXPECT_FALSE(GpuClock::is_possible(65, 1.0));
  EXPECT_FALSE(GpuClock::is_possible(4, 1.0)) << "starts again each 16 ns";
  EXPECT_FALSE(GpuClock::is_possible(64, 0.0));
  EXPECT_FALSE(GpuClock::is_possible(64, -1.0));
  EXPECT_FALSE(GpuClock::is_possible(64, 1e-9));
  EXPECT_FALSE(GpuClock::is_possible(64, 1e9));
  EXPECT_FALSE(GpuClock::is_possible(64, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(GpuClock::is_possible(64, std::numeric_limits<double>::infinity()));
}

TEST(GpuClock, CountsAsTheDeviceDoes) {
  Gpu gpu(64, 1.0, 1'000'000'000'000'000'001ULL);
  const auto times = gpu.run(300us, 7ns);
  ASSERT_TRUE(times.interval);
  EXPECT_EQ(times.interval->start.count(), 1'000'000'000'000'000'008);
  EXPECT_EQ(times.interval->end - times.interval->start, 300us);
  EXPECT_EQ(times.end, times.interval->end);
}

TEST(GpuClock, ConvertsLargeCountsExactly) {
  // A double holds 53 bits; this count has 57, and its quarters are whole.
  Gpu gpu(64, 0.25, 1ULL << 60 | 4);
  const auto times = gpu.run(1us, 0ns);
  ASSERT_TRUE(times.interval);
  EXPECT_EQ(times.interval->start.count(), (1LL << 58) + 1);
  EXPECT_EQ(times.interval->end - times.interval->start, 1us);
}

TEST(GpuClock, ReadsTheEndAlone) {
  Gpu gpu(64, 1.0, 1000);
  const auto times = gpu.read({std::nullopt, 5000});
  EXPECT_FALSE(times.interval);
  EXPECT_EQ(times.end, 5000ns);
}

TEST(GpuClock, DoesNotOverflowAt64Bits) {
  // All of these are more than a signed count of nanoseconds holds.
  for (const std::uint64_t initial : {~0ULL - 3, 1ULL << 63, (1ULL << 63) - 1, 1ULL << 62}) {
    for (const double period : {0.01, 1.0, 52.083, 65535.0}) {
      Gpu gpu(64, period, initial);
      std::optional<GpuInterval> before;
      for (int i = 0; i < 5; ++i) {
        const auto interval = gpu.run(10ms).interval;
        ASSERT_TRUE(interval) << initial << " × " << period;
        expect_near(interval->end - interval->start, 10ms,
                    100ns + nanoseconds(2 * std::llround(period)));
        if (before) {
          EXPECT_GE(interval->start, before->end);
        }
        before = interval;
      }
    }
  }
}

TEST(GpuClock, GoesOnOverAWrap) {
  // As Intel's GPUs count: an hour to the wrap, of which 100 ms are left.
  const std::uint64_t left = 100'000'000 / 52;
  Gpu gpu(36, 52.083, (1ULL << 36) - left);
  const auto first = gpu.run(1ms).interval;
  ASSERT_TRUE(first);
  auto before = first;
  for (int i = 0; i < 1000; ++i) {
    const auto interval = gpu.run(1ms).interval;
    ASSERT_TRUE(interval);
    EXPECT_GE(interval->start, before->end);
    expect_near(interval->start - before->end, 51us, 1us);
    before = interval;
  }
}

TEST(GpuClock, AWrapInsideASubmissionKeepsItsLength) {
  Gpu gpu(36, 1.0, (1ULL << 36) - 500);
  const auto interval = gpu.run(1us, 0ns).interval;
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->end - interval->start, 1us);
}

TEST(GpuClock, TheHostTellsHowOftenItWrappedMeanwhile) {
  Gpu gpu(32, 1.0, 12345);
  const auto before = gpu.run(1ms).interval;
  gpu.pass(24h);
  const auto after = gpu.run(1ms).interval;
  ASSERT_TRUE(before && after);
  expect_near(after->start - before->end, 24h + 51us, 0ns);
}

TEST(GpuClock, AFastWrapIsFollowedThroughEveryPause) {
  // 16.8 ms to the wrap.
  Gpu gpu(24, 1.0, 99);
  auto first = gpu.run(1ms).interval;
  ASSERT_TRUE(first);
  auto before = *first;
  for (int i = 1; i < 300; ++i) {
    const nanoseconds pause = 997us * (i % 40);
    gpu.pass(pause);
    const auto interval = gpu.run(12ms).interval;
    ASSERT_TRUE(interval);
    EXPECT_EQ(interval->end - interval->start, 12ms);
    EXPECT_EQ(interval->start - before.end, pause + 51us);
    before = *interval;
  }
}

TEST(GpuClock, ShortWorkThatIsReadLateIsPlacedWhereItBegan) {
  Gpu gpu(24, 1.0);
  const auto before = gpu.run(1ms).interval;
  // Read after sixty wraps.
  const auto late = gpu.run(2ms, 1us, 1s).interval;
  const auto after = gpu.run(1ms).interval;
  ASSERT_TRUE(before && late && after);
  EXPECT_EQ(late->start - before->end, 51us);
  EXPECT_EQ(late->end - late->start, 2ms);
  EXPECT_EQ(after->start - late->end, 1s + 1us);
}

TEST(GpuClock, QueuesOfOneDeviceCompareOverAWrap) {
  Gpu gpu(32, 1.0, (1ULL << 32) - 1000);
  GpuClock::Queue other;
  const auto a = gpu.run(1ms).interval;
  gpu.pass(1min);
  const auto b = gpu.run(other, 1ms).interval;
  const auto c = gpu.run(1ms).interval;
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(b->start - a->end, 1min + 51us);
  EXPECT_EQ(c->start - b->end, 51us);
}

TEST(GpuClock, WorkOfAnotherQueueMayHaveEndedBefore) {
  Gpu gpu(36, 1.0, 5'000'000);
  GpuClock::Queue other;
  const TimePoint submitted = gpu.now();
  ASSERT_TRUE(gpu.run(1ms).interval);
  gpu.pass(3ms);
  const auto late = gpu.clock().read(other, {5'000'100, 5'000'200}, {submitted, gpu.now()});
  ASSERT_TRUE(late.interval);
  EXPECT_EQ(late.interval->start, 5'000'100ns);
}

TEST(GpuClock, QueuesWithUnlikeCountersKeepTheirTimes) {
  // No driver is known to do so, and Vulkan doesn't forbid it.
  Gpu gpu(64, 1.0, 1ULL << 50);
  GpuClock::Queue other;
  for (int i = 0; i < 20; ++i) {
    const auto one = gpu.run(1ms).interval;
    ASSERT_TRUE(one);
    EXPECT_EQ(one->end - one->start, 1ms);
    const TimePoint submitted = gpu.now();
    const std::uint64_t start = gpu.ticks() - (1ULL << 50);
    gpu.pass(1ms);
    const auto two = gpu.clock().read(other, {start, start + 1000}, {submitted, gpu.now()});
    ASSERT_TRUE(two.interval);
    EXPECT_EQ(two.interval->end - two.interval->start, 1us);
  }
}

TEST(GpuClock, AnEndBeforeItsStartIsAbsent) {
  for (const std::uint32_t bits : {36U, 64U}) {
    Gpu gpu(bits, 1.0);
    const auto times = gpu.read({5'000'000, 4'999'999});
    EXPECT_FALSE(times.interval);
    EXPECT_FALSE(times.end);
  }
}

TEST(GpuClock, ALengthThatTheHostDidNotSeeIsAbsent) {
  Gpu gpu(64, 1.0);
  EXPECT_TRUE(gpu.read({0, 3'000'000}, 3ms).interval);
  EXPECT_FALSE(gpu.read({4'000'000, 9'000'000}, 3ms).interval);
  // A period that is too long shows so as well.
  Gpu slow(64, 52.0);
  EXPECT_FALSE(slow.read({0, 3'000'000}, 3ms).interval);
}

TEST(GpuClock, AStepBackIsAbsent) {
  for (const std::uint32_t bits : {36U, 64U}) {
    Gpu gpu(bits, 1.0);
    ASSERT_TRUE(gpu.read({2'000'000'000, 2'000'001'000}).interval);
    EXPECT_FALSE(gpu.read({1'000'000'000, 1'000'001'000}).interval) << bits;
    EXPECT_FALSE(gpu.read({0, 0}).interval) << bits;
    EXPECT_FALSE(gpu.read({std::nullopt, 1'999'000'000}).end) << bits;
    EXPECT_TRUE(gpu.read({2'001'000'000, 2'001'001'000}).interval) << bits;
  }
}

TEST(GpuClock, ASmallOverlapIsTakenForNone) {
  Gpu gpu(64, 1.0);
  const auto before = gpu.read({1'000'000, 1'500'000}).interval;
  const auto after = gpu.read({1'499'000, 1'800'000}).interval;
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->start, before->end);
  EXPECT_EQ(after->end, 1'800'000ns);
  // Ended within the overlap: nothing is left of it.
  const auto nothing = gpu.read({1'799'000, 1'799'500}).interval;
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->start, after->end);
  EXPECT_EQ(nothing->end, after->end);
}

TEST(GpuClock, AJumpIntoTheFutureIsAbsentAndForgotten) {
  Gpu gpu(64, 1.0, 1000);
  ASSERT_TRUE(gpu.run(1ms).interval);
  EXPECT_FALSE(gpu.read({1ULL << 62, (1ULL << 62) + 5}).interval);
  EXPECT_FALSE(gpu.read({~0ULL - 5, ~0ULL}).interval);
  const auto interval = gpu.run(1ms).interval;
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->end - interval->start, 1ms);
}

TEST(GpuClock, ACounterThatIsSetAnewCountsOnAfterAWhile) {
  Gpu gpu(64, 1.0, 1ULL << 50);
  const auto before = gpu.run(1ms).interval;
  ASSERT_TRUE(before);
  // As after a reset of the device: from 0.
  const TimePoint reset = gpu.now();
  const auto run = [&] {
    const TimePoint submitted = gpu.now();
    const auto start = static_cast<std::uint64_t>((submitted - reset).count());
    gpu.pass(1ms);
    return gpu.clock().read(gpu.queue(), {start, start + 900'000}, {submitted, gpu.now()}).interval;
  };
  for (std::uint32_t i = 1; i < GpuClock::patience; ++i) EXPECT_FALSE(run());
  auto last = *before;
  for (int i = 0; i < 20; ++i) {
    const auto interval = run();
    ASSERT_TRUE(interval);
    EXPECT_GE(interval->start, last.end);
    EXPECT_EQ(interval->end - interval->start, 900us);
    last = *interval;
  }
  expect_near(last.end - before->end, 27ms, 1ms);
}

TEST(GpuClock, ACounterThatSleepsWithTheDeviceKeepsLengths) {
  // With the device idle nothing counts; the host can't tell, and must not invent a wrap either.
  for (const std::uint32_t bits : {36U, 64U}) {
    Gpu gpu(bits, 1.0);
    std::uint64_t ticks = 1'000'000;
    std::optional<GpuInterval> before;
    for (int i = 0; i < 20; ++i) {
      gpu.pass(10min);
      const auto interval = gpu.read({ticks, ticks + 800'000}).interval;
      ticks += 900'000;
      if (bits == 64) {
        ASSERT_TRUE(interval);
      }
      if (!interval) continue;
      EXPECT_EQ(interval->end - interval->start, 800us);
      if (before) {
        EXPECT_GE(interval->start, before->end);
      }
      before = interval;
    }
    ASSERT_TRUE(before);
  }
}

TEST(GpuClock, APeriodThatIsALittleOffIsFollowed) {
  // Half a percent, as a driver that measures it may tell at first.
  Gpu gpu(36, 1.0, (1ULL << 36) - 5'000'000'000);
  GpuClock clock(36, 1.005);
  GpuClock::Queue queue;
  std::optional<GpuInterval> before;
  for (int i = 0; i < 2000; ++i) {
    const TimePoint submitted = gpu.now();
    const std::uint64_t start = gpu.ticks();
    gpu.pass(5ms);
    const auto interval = clock.read(queue, {start, gpu.ticks()}, {submitted, gpu.now()}).interval;
    ASSERT_TRUE(interval) << i;
    if (before) {
      EXPECT_GE(interval->start, before->end);
    }
    expect_near(interval->end - interval->start, 5025us, 1us);
    before = interval;
  }
}

TEST(GpuClock, TellsTheHostsClockAsFarAsReadingsBoundIt) {
  Gpu gpu(64, 1.0, 1'000'000);
  // Begun 3 µs after it was submitted, read 7 µs after it ended: 10 µs of doubt, half each way.
  const auto first = gpu.run(50us, 3us, 7us);
  ASSERT_TRUE(first.clock);
  const auto truth = [&](const GpuClock::Times& times) {
    return gpu.now().time_since_epoch() - 7us - times.interval->end;
  };
  expect_near(first.clock->offset, truth(first), 5us);
  expect_near(first.clock->deviation, 5us, 10ns);
  EXPECT_LE(std::chrono::abs(first.clock->offset - truth(first)), first.clock->deviation);
  // One that began at once narrows it.
  const auto second = gpu.run(50us, 0us, 7us);
  EXPECT_LE(std::chrono::abs(second.clock->offset - truth(second)), second.clock->deviation);
  EXPECT_LT(second.clock->deviation, first.clock->deviation);
}

TEST(GpuClock, GoesByWhatTheDriverSaysOfTheHostsClock) {
  Gpu gpu(64, 1.0, 1'000'000);
  gpu.clock().calibrate(gpu.ticks(), gpu.now(), 1us);
  const auto times = gpu.run(50us, 100us, 200us);
  ASSERT_TRUE(times.clock);
  EXPECT_EQ(times.clock->offset, gpu.now().time_since_epoch() - 200us - times.interval->end);
  EXPECT_LT(times.clock->deviation, 1100ns);
}

TEST(GpuClock, ADriverWhoseClockIsNotThatOfItsTimestampsIsNotBelieved) {
  Gpu gpu(64, 1.0, 1'000'000);
  gpu.clock().calibrate(gpu.ticks(), gpu.now() + 10s, 1us);
  const auto times = gpu.run(50us, 3us, 7us);
  ASSERT_TRUE(times.clock);
  expect_near(times.clock->offset, gpu.now().time_since_epoch() - 7us - times.interval->end, 6us);
  EXPECT_GE(times.clock->deviation, 5us);
}

TEST(GpuClock, ACounterThatStartsAgainStaysCalibrated) {
  // Of 36 bits, a wrap in 68 s.
  Gpu gpu(36, 1.0, (1ULL << 36) - 5'000'000'000);
  for (int i = 0; i < 200; ++i) {
    gpu.clock().calibrate(gpu.ticks(), gpu.now(), 1us);
    const auto times = gpu.run(50us, 10us, 20us);
    ASSERT_TRUE(times.clock) << i;
    expect_near(times.clock->offset, gpu.now().time_since_epoch() - 20us - times.interval->end,
                1100ns);
    ASSERT_LT(times.clock->deviation, 1200ns) << i;
    gpu.pass(1s);
  }
}

TEST(GpuClock, RandomReadingsNeverGoBackOrLast) {
  // Whatever a driver writes: no overflow (the sanitizer looks), nothing absurd.
  std::uint64_t state = 88172645463325252ULL;
  const auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  for (const std::uint32_t bits : {24U, 32U, 36U, 48U, 61U, 62U, 63U, 64U}) {
    for (const double period : {0.01, 0.1, 1.0, 52.083, 1000.0, 65535.0}) {
      if (!GpuClock::is_possible(bits, period)) continue;
      Gpu gpu(bits, period);
      std::optional<GpuInterval> before;
      for (int i = 0; i < 2000; ++i) {
        const nanoseconds seen(random() % 1'000'000'000'000ULL >> random() % 40);
        const std::uint64_t start = random() >> random() % 64;
        const std::uint64_t end = i % 2 == 0 ? random() : start + random() % 1000;
        if (i % 7 == 0) {
          gpu.clock().calibrate(random() >> random() % 64, gpu.now(),
                                nanoseconds(random() % 1'000'000));
        }
        const auto times = gpu.read({start, end}, seen);
        if (times.clock) {
          EXPECT_GE(times.clock->deviation, 0ns);
        }
        if (!times.interval) continue;
        EXPECT_LE(times.interval->start, times.interval->end);
        EXPECT_LE(times.interval->end - times.interval->start,
                  seen + seen / 100 + GpuClock::tolerance);
        if (before) {
          EXPECT_GE(times.interval->start, before->end);
        }
        before = times.interval;
        if (i % 100 == 0) gpu.pass(nanoseconds(random() % 1'000'000'000'000'000ULL));
      }
    }
  }
}

}  // namespace
}  // namespace cbr::vulkan
