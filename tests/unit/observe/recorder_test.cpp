#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/recording.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;

CompleteEvent event(std::uint64_t serial, std::string_view label = {}) {
  CompleteEvent event;
  event.serial = Serial(serial);
  event.label = label;
  // So that a record that was torn shows.
  event.times.acquire_begin = TimePoint(std::chrono::nanoseconds(serial));
  event.times.noticed = TimePoint(std::chrono::nanoseconds(serial));
  event.interval = GpuInterval{std::chrono::nanoseconds(serial), std::chrono::nanoseconds(serial)};
  return event;
}

TEST(Recorder, KeepsTheStoryOfEachSubmission) {
  const auto gpu = simulated::make_gpu();
  const auto recorder = std::make_shared<Recorder>(RecorderOptions{.ring_name = "mine"});
  CommandBufferRing ring(gpu, {.ring_size = 2, .observer = recorder});
  for (int i = 0; i < 3; ++i) {
    Lease lease = ring.acquire({.label = "a step"});
    simulated::record(lease, {.encode = 10us, .submit = 2us, .execute = 50us, .completion = 5us});
    std::move(lease).submit();
    gpu->advance(1us);
  }
  ring.drain();
  const Recording recording = recorder->recording();
  EXPECT_EQ(recording.ring_name, "mine");
  EXPECT_EQ(recording.ring_size, 2U);
  EXPECT_EQ(recording.queue_count, 1U);
  EXPECT_EQ(recording.thread_count, 1U);
  EXPECT_EQ(recording.dropped, 0U);
  ASSERT_EQ(recording.submissions.size(), 3U);
  const RecordedSubmission& second = recording.submissions[1];
  EXPECT_EQ(second.serial.value(), 2U);
  EXPECT_EQ(second.slot, SlotIndex{1});
  EXPECT_EQ(second.label, "a step");
  EXPECT_EQ(second.times.acquire_begin, TimePoint(13us));
  EXPECT_EQ(second.times.acquire_end, TimePoint(13us));
  EXPECT_EQ(second.times.submit_begin, TimePoint(23us));
  EXPECT_EQ(second.times.submit_end, TimePoint(25us));
  ASSERT_TRUE(second.times.gpu);
  EXPECT_EQ(second.times.gpu->start, TimePoint(62us));
  EXPECT_EQ(second.times.gpu->end, TimePoint(112us));
  EXPECT_EQ(second.times.gpu->deviation, 0ns);
  EXPECT_FALSE(second.times.waited);
  EXPECT_TRUE(recording.submissions[2].times.waited);
  EXPECT_EQ(recording.submissions[2].times.slot_free, TimePoint(62us));
  EXPECT_EQ(recording.submissions[2].times.acquire_end, TimePoint(67us));
}

TEST(Recorder, KeepsTheNewestAndCountsTheOthers) {
  Recorder recorder({.capacity = 4});
  for (std::uint64_t i = 1; i <= 10; ++i) recorder.on_complete(event(i));
  const Recording recording = recorder.recording();
  ASSERT_EQ(recording.submissions.size(), 4U);
  EXPECT_EQ(recording.submissions.front().serial.value(), 7U);
  EXPECT_EQ(recording.submissions.back().serial.value(), 10U);
  EXPECT_EQ(recording.dropped, 6U);
  recorder.clear();
  EXPECT_TRUE(recorder.recording().submissions.empty());
  EXPECT_EQ(recorder.recording().dropped, 0U);
  recorder.on_complete(event(11));
  EXPECT_EQ(recorder.recording().submissions.size(), 1U);
}

TEST(Recorder, TellsAnotherObserverToo) {
  struct Counter final : Observer {
    void on_acquire(const AcquireEvent&) noexcept override { ++calls; }
    void on_submit(const SubmitEvent&) noexcept override { ++calls; }
    void on_complete(const CompleteEvent&) noexcept override { ++calls; }
    void on_discard(SlotIndex) noexcept override { ++calls; }
    void on_device_lost() noexcept override { ++calls; }
    int calls = 0;
  };
  const auto counter = std::make_shared<Counter>();
  Recorder recorder({.next = counter});
  recorder.on_acquire({});
  recorder.on_submit({});
  recorder.on_complete({});
  recorder.on_discard(SlotIndex{});
  recorder.on_device_lost();
  EXPECT_EQ(counter->calls, 5);
}

TEST(Recorder, NeedsRoom) {
  EXPECT_THROW(Recorder({.capacity = 0}), InvalidOption);
}

TEST(Recorder, ManyThreadsWriteWhileOneReads) {
  Recorder recorder({.capacity = 64});
  constexpr int thread_count = 4;
  constexpr std::uint64_t each = 20'000;
  std::latch begin(thread_count + 1);
  std::atomic<int> running = thread_count;
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < thread_count; ++t) {
    threads.emplace_back([&, t] {
      begin.arrive_and_wait();
      for (std::uint64_t i = 0; i < each; ++i) recorder.on_complete(event(1 + t * each + i, "x"));
      --running;
    });
  }
  begin.arrive_and_wait();
  const auto look = [&] {
    Recording recording = recorder.recording();
    EXPECT_LE(recording.submissions.size(), 64U);
    std::set<std::uint64_t> seen;
    for (const RecordedSubmission& submission : recording.submissions) {
      const auto serial = static_cast<std::int64_t>(submission.serial.value());
      EXPECT_EQ(submission.times.acquire_begin.time_since_epoch().count(), serial);
      EXPECT_EQ(submission.times.noticed.time_since_epoch().count(), serial);
      EXPECT_EQ(submission.interval->end.count(), serial);
      EXPECT_TRUE(seen.insert(submission.serial.value()).second) << "twice";
    }
    return recording;
  };
  while (running > 0) look();
  for (std::thread& thread : threads) thread.join();
  const Recording last = look();
  EXPECT_EQ(last.dropped + last.submissions.size(), thread_count * each);
  EXPECT_GT(last.submissions.size(), 0U);
}

}  // namespace
}  // namespace cbr
