// The simulated GPU keeps exact time, so what a ring gains can be computed by hand.
#include <initializer_list>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;
using simulated::Plan;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr Plan step{.encode = 20us, .submit = 2us, .execute = 44us, .completion = 25us};

/// Time that `steps` steps take in a ring of `ring_size`.
std::chrono::nanoseconds time_of(std::uint32_t ring_size, int steps, const Plan& plan) {
  auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = ring_size});
  for (int i = 0; i < steps; ++i) {
    Lease lease = ring.acquire();
    simulated::record(lease, plan);
    std::move(lease).submit();
  }
  ring.drain();
  return gpu->now().time_since_epoch();
}

TEST(SimulatedGpu, SerialStepsAddUp) {
  EXPECT_EQ(time_of(1, 10, step), 10 * (20us + 2us + 44us + 25us));
}

TEST(SimulatedGpu, ARingHidesAllButTheGpu) {
  // The first step is recorded while the GPU has nothing; after that it never waits.
  EXPECT_EQ(time_of(3, 10, step), 22us + 10 * 44us + 25us);
  EXPECT_EQ(time_of(8, 10, step), time_of(3, 10, step));
}

TEST(SimulatedGpu, DoubleBufferingIsHeldUpByASlowCompletion) {
  // With two slots, the work to follow a step is submitted 25 + 22 µs after the end of the step
  // before, when the GPU has just run out of its 44 µs: every second step, it idles for 3 µs.
  EXPECT_EQ(time_of(2, 10, step), 22us + 10 * 44us + 25us + 4 * 3us);
}

TEST(SimulatedGpu, WithoutOverlapToGainNothingIsGained) {
  constexpr Plan instant{.encode = 30us, .submit = 0us, .execute = 1ns, .completion = 0us};
  EXPECT_EQ(time_of(1, 10, instant), 10 * (30us + 1ns));
  EXPECT_EQ(time_of(3, 10, instant), 10 * 30us + 1ns);
}

TEST(SimulatedGpu, WaitsAreExactInTheStatistics) {
  auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 1});
  Lease lease = ring.acquire();
  simulated::record(lease, {.execute = 2350us});
  std::move(lease).submit();
  ring.acquire().discard();
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.wait_events, 1U);
  EXPECT_DOUBLE_EQ(statistics.total_wait_ms, 2.35);
  EXPECT_DOUBLE_EQ(statistics.max_wait_ms, 2.35);
  EXPECT_DOUBLE_EQ(statistics.reuse_rate, 0.5);
}

TEST(SimulatedGpu, IntervalsTellWhenTheGpuRan) {
  auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 2});
  Lease first = ring.acquire();
  simulated::record(first, {.encode = 5us, .execute = 10us});
  const Ticket a = std::move(first).submit();
  Lease second = ring.acquire();
  simulated::record(second, {.encode = 1us, .execute = 7us, .completion = 3us});
  const Ticket b = std::move(second).submit();
  b.wait();
  EXPECT_EQ(a.gpu_interval(), (GpuInterval{5us, 15us}));
  EXPECT_EQ(b.gpu_interval(), (GpuInterval{15us, 22us}));
  EXPECT_EQ(gpu->now().time_since_epoch(), 25us);
}

TEST(SimulatedGpu, AHangHoldsUpWhatIsBehindItUntilReleased) {
  auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 3});
  const auto submit = [&](const Plan& plan) {
    Lease lease = ring.acquire();
    simulated::record(lease, plan);
    return std::move(lease).submit();
  };
  const Ticket good = submit({.execute = 4us});
  const Ticket hung = submit({.execute = 1us, .fault = Fault::hang});
  const Ticket behind = submit({.execute = 2us});
  good.wait();
  EXPECT_FALSE(hung.wait_for(100us));
  EXPECT_FALSE(behind.done());
  EXPECT_EQ(gpu->now().time_since_epoch(), 104us);
  gpu->release();
  behind.wait();
  EXPECT_TRUE(hung.done());
  EXPECT_EQ(gpu->now().time_since_epoch(), 106us);
}

TEST(SimulatedGpu, LosesTheDeviceWhenThePlannedSubmissionEnds) {
  auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 3});
  Lease lease = ring.acquire();
  simulated::record(lease, {.execute = 4us, .fault = Fault::lose_device});
  const Ticket lost = std::move(lease).submit();
  EXPECT_FALSE(lost.done());
  EXPECT_THROW(lost.wait(), DeviceLost);
  EXPECT_EQ(gpu->now().time_since_epoch(), 4us);
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  EXPECT_THROW(CommandBufferRing(gpu, {}), InvalidUsage);
}

TEST(SimulatedGpu, QueuesRunSideBySide) {
  auto gpu = simulated::make_gpu(2);
  CommandBufferRing ring(gpu, {.ring_size = 2});
  const auto submit = [&](const Plan& plan) {
    Lease lease = ring.acquire();
    simulated::record(lease, plan);
    return std::move(lease).submit();
  };
  const Ticket slow = submit({.execute = 100us});
  const Ticket fast = submit({.execute = 10us});
  EXPECT_NE(slow.queue(), fast.queue());
  EXPECT_EQ(fast.serial().value(), 1U);
  // The free slot of the fast queue is found although the other queue's came first.
  const Ticket next = submit({.execute = 10us});
  EXPECT_EQ(next.queue(), fast.queue());
  EXPECT_FALSE(slow.done());
  EXPECT_THROW((void)simulated::make_gpu(0), InvalidOption);
  EXPECT_THROW(CommandBufferRing(simulated::make_gpu(4), {.ring_size = 3}), InvalidOption);
}

TEST(SimulatedGpu, APlanHasNoFaultOfACallThatIsNoneOfTheSubmission) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 1});
  Lease lease = ring.acquire();
  for (const auto& [fault, name] : std::initializer_list<std::pair<Fault, const char*>>{
           {Fault::fail_begin, "fail_begin"},
           {Fault::fail_wait, "fail_wait"},
           {Fault::fail_completed, "fail_completed"},
           {Fault::fail_finish, "fail_finish"},
           {Fault::fail_wake, "fail_wake"}}) {
    EXPECT_THAT([&] { simulated::record(lease, {.encode = 1us, .fault = fault}); },
                ThrowsMessage<InvalidOption>(AllOf(HasSubstr(name), HasSubstr("lose_device"))));
  }
  EXPECT_EQ(ring.now().time_since_epoch(), 0us) << "nothing was recorded";
  simulated::record(lease, {.encode = 1us, .fault = Fault::none});
  std::move(lease).submit().wait();
}

/// What a backend alone tells of `submissions` in one slot.
std::vector<Completion> completions(GpuTimes gpu_times, std::uint64_t submissions) {
  const auto gpu = simulated::make_gpu();
  gpu->attach({.ring_size = 1, .ring_name = "Test", .gpu_times = gpu_times});
  std::vector<Completion> result;
  for (std::uint64_t serial = 1; serial <= submissions; ++serial) {
    (void)gpu->begin(SlotIndex{0});
    gpu->advance(1us);
    gpu->submit(SlotIndex{0}, Serial(serial), {});
    EXPECT_TRUE(gpu->completed(QueueIndex{0}).covers(Serial(serial)));
    result.push_back(gpu->finish(SlotIndex{0}));
  }
  gpu->detach();
  return result;
}

TEST(SimulatedGpu, TellsTheTimesThatWereAskedFor) {
  const Completion both = completions(GpuTimes::both, 1)[0];
  EXPECT_EQ(both.interval, (GpuInterval{1us, 1us}));
  EXPECT_EQ(both.end, 1us);
  const Completion end = completions(GpuTimes::end, 1)[0];
  EXPECT_FALSE(end.interval.has_value());
  EXPECT_EQ(end.end, 1us);
  const Completion none = completions(GpuTimes::none, 1)[0];
  EXPECT_FALSE(none.interval.has_value());
  EXPECT_FALSE(none.end.has_value());
}

TEST(SimulatedGpu, SampledTimesAreThoseOfEverySixteenthSubmission) {
  const auto sampled = completions(GpuTimes::sampled, 33);
  for (std::size_t i = 0; i < sampled.size(); ++i) {
    EXPECT_EQ(sampled[i].interval.has_value(), i % 16 == 0) << i;
    EXPECT_EQ(sampled[i].end.has_value(), i % 16 == 0) << i;
  }
}

TEST(SimulatedGpu, AnAbandonedSlotOutlivesItsGpu) {
  auto gpu = simulated::make_gpu();
  gpu->attach({.ring_size = 2, .ring_name = "Test"});
  (void)gpu->begin(SlotIndex{0});
  (void)gpu->begin(SlotIndex{1});
  const auto native = gpu->abandon(SlotIndex{0});
  EXPECT_NE(native, nullptr);
  // Slot 1 goes with the ring, which is as good.
  gpu->detach();
  gpu->attach({.ring_size = 1, .ring_name = "Next"});
  (void)gpu->begin(SlotIndex{0});
  gpu->submit(SlotIndex{0}, Serial(1), {});
  gpu->detach();
  gpu.reset();
}

}  // namespace
}  // namespace cbr
