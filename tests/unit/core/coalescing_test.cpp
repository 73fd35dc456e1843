// Rings that gather submissions while the GPU is behind, on the simulated GPU.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/observer.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "backends/decorators/backend_decorator.h"
#include "core/ring_context.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using testing::HasSubstr;

class Coalescing : public testing::Test {
 protected:
  CommandBufferRing& make_ring(std::uint32_t ring_size, bool coalescing = true,
                               std::uint32_t queues = 1) {
    gpu_ = simulated::make_gpu(queues);
    return ring_.emplace(gpu_, RingOptions{.ring_size = ring_size, .coalescing = coalescing});
  }
  Ticket submit(const simulated::Plan& plan, const SubmitOptions& options = {},
                std::optional<QueueIndex> queue = {}) {
    Lease lease = ring_->acquire({.queue = queue});
    simulated::record(lease, plan);
    return std::move(lease).submit(options);
  }
  /// Runs so many steps and returns how long they took.
  nanoseconds run(int steps, const simulated::Plan& plan) {
    const TimePoint start = gpu_->now();
    for (int i = 0; i < steps; ++i) submit(plan);
    ring_->drain();
    return gpu_->now() - start;
  }
  [[nodiscard]] std::uint64_t coalesced() { return ring_->statistics().coalesced; }

  /// As an H200 was measured: 10 µs between two native submissions.
  static constexpr simulated::Plan step{.encode = 5us,
                                        .submit = 2us,
                                        .launch = 10us,
                                        .pause = 10us,
                                        .execute = 46us,
                                        .completion = 5us};
  std::shared_ptr<simulated::Gpu> gpu_;
  std::optional<CommandBufferRing> ring_;
};

TEST_F(Coalescing, SpendsLessBetweenStepsWhileTheGpuIsBehind) {
  make_ring(8, false);
  const nanoseconds alone = run(1000, step);
  EXPECT_EQ(coalesced(), 0U);
  make_ring(8);
  const nanoseconds together = run(1000, step);
  // Four at a time: a quarter of the pauses, but for the beginning.
  EXPECT_GT(coalesced(), 700U);
  EXPECT_LT(together, 0.88 * alone);
  EXPECT_GT(together, 1000 * 46us + 250 * 10us);
  const auto activity = ring_->statistics().gpu;
  ASSERT_TRUE(activity);
  EXPECT_GT(activity->busy_fraction(), 0.94);
}

TEST_F(Coalescing, AlsoWithoutGpuTimes) {
  gpu_ = simulated::make_gpu();
  ring_.emplace(gpu_, RingOptions{.ring_size = 8, .coalescing = true, .gpu_times = GpuTimes::none});
  run(1000, step);
  EXPECT_GT(coalesced(), 700U);
}

TEST_F(Coalescing, DoesNothingInRingsThatHaveNoSlotToSpare) {
  for (const std::uint32_t ring_size : {1U, 2U, 3U}) {
    make_ring(ring_size, false);
    const nanoseconds alone = run(100, step);
    make_ring(ring_size);
    EXPECT_EQ(run(100, step), alone) << ring_size;
    EXPECT_EQ(coalesced(), 0U) << ring_size;
  }
}

TEST_F(Coalescing, KeepsNothingFromAGpuThatIsWaiting) {
  const simulated::Plan encode_bound{
      .encode = 100us, .submit = 2us, .launch = 10us, .pause = 10us, .execute = 46us};
  make_ring(8, false);
  const nanoseconds alone = run(200, encode_bound);
  make_ring(8);
  EXPECT_EQ(run(200, encode_bound), alone);
  EXPECT_EQ(coalesced(), 0U);
}

TEST_F(Coalescing, SendsWhatItHasBeforeTheGpuRunsDry) {
  make_ring(8);
  run(100, step);
  ring_->reset_statistics();
  std::vector<Ticket> tickets;
  // The host gets ahead, and goes away with some of it gathered.
  for (int i = 0; i < 6; ++i) tickets.push_back(submit(step));
  gpu_->advance(5ms);
  std::optional<GpuInterval> before;
  for (const Ticket& ticket : tickets) {
    ticket.wait();
    const auto interval = ticket.gpu_interval();
    ASSERT_TRUE(interval);
    if (before) {
      EXPECT_LE(interval->start - before->end, 10us);
    }
    before = interval;
  }
}

TEST_F(Coalescing, AWaitSendsWhatItIsFor) {
  make_ring(8);
  run(100, step);
  const std::uint64_t before = coalesced();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 5; ++i) tickets.push_back(submit(step));
  tickets.back().wait();
  for (const Ticket& ticket : tickets) EXPECT_TRUE(ticket.done());
  EXPECT_GT(coalesced(), before);
}

/// Keeps the last story that it was told.
class LastStory final : public Observer {
 public:
  void on_complete(const CompleteEvent& event) noexcept override { times = event.times; }
  SubmissionTimes times;
};

TEST_F(Coalescing, APollSendsWhatItAsksFor) {
  const auto story = std::make_shared<LastStory>();
  gpu_ = simulated::make_gpu();
  ring_.emplace(gpu_, RingOptions{.ring_size = 8, .coalescing = true, .observer = story});
  run(100, step);
  submit({.execute = 10ms});
  submit({.execute = 10ms});
  const Ticket first = submit({.execute = 10ms});
  const Ticket second = submit({.execute = 1us});
  EXPECT_FALSE(second.done());
  const TimePoint asked = gpu_->now();
  gpu_->advance(40ms);
  EXPECT_TRUE(first.done());
  EXPECT_TRUE(second.done());
  EXPECT_EQ(story->times.gathered_until, asked);
}

TEST_F(Coalescing, EachKeepsItsOwnTimesOrderAndFailure) {
  make_ring(8);
  run(100, step);
  const std::uint64_t before = coalesced();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 7; ++i) {
    simulated::Plan plan = step;
    if (i == 5) plan.fault = Fault::fail_execution;
    tickets.push_back(submit(plan));
  }
  ring_->drain();
  EXPECT_GT(coalesced(), before);
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(tickets[i].error() != nullptr, i == 5) << i;
    if (i > 0) {
      EXPECT_TRUE(tickets[i - 1].sync_point() < tickets[i].sync_point()) << i;
      EXPECT_LE(tickets[i - 1].gpu_interval()->end, tickets[i].gpu_interval()->start) << i;
    }
    EXPECT_EQ(tickets[i].gpu_interval()->end - tickets[i].gpu_interval()->start, 46us) << i;
  }
}

TEST_F(Coalescing, WorkThatWaitsForGatheredWorkFindsItSent) {
  make_ring(16, true, 2);
  for (int i = 0; i < 100; ++i) submit(step, {}, QueueIndex{0});
  const std::uint64_t before = coalesced();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 3; ++i) tickets.push_back(submit({.execute = 1ms}, {}, QueueIndex{0}));
  const Ticket dependent = submit(step, {.after = {tickets.back()}}, QueueIndex{1});
  dependent.wait();
  for (const Ticket& ticket : tickets) {
    EXPECT_LE(ticket.gpu_interval()->end, dependent.gpu_interval()->start);
  }
  EXPECT_GE(coalesced(), before);
}

/// Counts the native submissions.
class NativeSubmissions final : public detail::BackendDecorator<Backend> {
 public:
  explicit NativeSubmissions(std::shared_ptr<Backend> inner) : BackendDecorator(std::move(inner)) {}
  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    inner().submit(slot, serial, waits);
    gathered_ = false;
    ++count;
  }
  bool gather(SlotIndex slot, Serial serial, TimePoint /*send_by*/) override {
    gathered_ = true;
    // Not by itself, or it would go unseen.
    return inner().gather(slot, serial, no_deadline);
  }
  void flush(QueueIndex queue) override {
    inner().flush(queue);
    if (std::exchange(gathered_, false)) ++count;
  }
  std::uint64_t count = 0;

 private:
  bool gathered_ = false;
};

TEST_F(Coalescing, CountsTheSubmissionsThatWereNoneToTheDriver) {
  gpu_ = simulated::make_gpu();
  const auto native = std::make_shared<NativeSubmissions>(gpu_);
  ring_.emplace(native, RingOptions{.ring_size = 8, .coalescing = true});
  run(500, step);
  EXPECT_GT(coalesced(), 300U);
  EXPECT_EQ(coalesced() + native->count, 500U);
}

/// Everything that may be gathered is.
class GatheringRegardless : public Coalescing {
 protected:
  void SetUp() override { detail::gathers_regardless = true; }
  void TearDown() override { detail::gathers_regardless = false; }
};

TEST_F(GatheringRegardless, TheLossOfAnotherRingIsNoneOfTheOneWhoseWorkComesAfter) {
  make_ring(8);
  const auto other_gpu = simulated::make_gpu();
  CommandBufferRing other(other_gpu, {.ring_size = 8, .coalescing = true, .name = "other"});
  Lease lease = other.acquire();
  simulated::record(lease, step);
  const Ticket lost = std::move(lease).submit();
  other_gpu->lose_device();
  const Dependency after(lost, {.if_failed = IfFailed::run, .allow_host_wait = true});
  const Ticket ticket = submit(step, {.after = {after}});
  EXPECT_NO_THROW(ticket.wait());
  EXPECT_TRUE(lost.timeline_point());
}

TEST_F(GatheringRegardless, WhatTheGpuTookWhenItWasDueIsToldSo) {
  const auto story = std::make_shared<LastStory>();
  gpu_ = simulated::make_gpu();
  ring_.emplace(gpu_, RingOptions{.ring_size = 8, .coalescing = true, .observer = story});
  const TimePoint start = gpu_->now();
  submit({.execute = 10us});
  gpu_->advance(5ms);
  submit({.execute = 10us});
  gpu_->advance(5ms);
  EXPECT_TRUE(ring_->statistics().gpu);
  EXPECT_EQ(story->times.gathered_until, start + 1ms);
  ring_->drain();
  // They were two native submissions.
  EXPECT_EQ(coalesced(), 0U);
}

TEST_F(Coalescing, CountsAnewAfterAReset) {
  make_ring(8);
  run(100, step);
  ASSERT_GT(coalesced(), 0U);
  ring_->reset_statistics();
  EXPECT_EQ(coalesced(), 0U);
  run(100, step);
  EXPECT_GT(coalesced(), 0U);
  EXPECT_LE(coalesced(), 100U);
}

TEST_F(Coalescing, NeedsAFixedSize) {
  try {
    ring_.emplace(simulated::make_gpu(),
                  RingOptions{.auto_ring_size = AutoRingSize{}, .coalescing = true});
    FAIL() << "it was made";
  } catch (const InvalidOption& error) {
    EXPECT_THAT(error.what(), HasSubstr("coalescing"));
  }
}

}  // namespace
}  // namespace cbr
