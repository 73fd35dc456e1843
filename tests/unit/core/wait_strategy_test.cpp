#include "core/wait_strategy.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

/// A backend whose work ends at a time of its own clock, and that notes how it is asked.
class FakeBackend final : public Backend {
 public:
  [[nodiscard]] Api api() const noexcept override { return Api::simulated; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override { return 1; }
  void attach(const SlotLayout& /*layout*/) override { ++attached; }
  void detach() noexcept override { --attached; }
  std::unique_ptr<NativeSlot> abandon(SlotIndex /*slot*/) noexcept override { return nullptr; }
  void add_slot(SlotIndex /*slot*/) override {}
  void remove_slot(SlotIndex /*slot*/) noexcept override {}
  void* begin(SlotIndex /*slot*/) override { return this; }
  void submit(SlotIndex /*slot*/, Serial serial, std::span<TimelinePoint> /*waits*/) override {
    if (serial.value() == fail_at) throw std::runtime_error("no");
    serials.push_back(serial.value());
    end = time + 100us;
  }
  void discard(SlotIndex /*slot*/) noexcept override {}
  Serial completed(QueueIndex /*queue*/) override { return {}; }
  Completion finish(SlotIndex /*slot*/) override { return {}; }
  WaitStatus wait(std::span<const SyncPoint> /*points*/, std::uint64_t wake_number,
                  TimePoint deadline) override {
    if (deadline <= time) {
      ++looks;
      if (time >= end) return WaitStatus::reached;
      return wake_number != 0 && time >= woken_at ? WaitStatus::woken : WaitStatus::timed_out;
    }
    ++blocks;
    if (end > deadline) {
      time = deadline;
      return WaitStatus::timed_out;
    }
    // Wakes later than it could.
    time = std::max(time, end) + wake_up_latency;
    return WaitStatus::reached;
  }
  void wake(std::uint64_t /*wake_number*/) override {}
  void relax() noexcept override { time += 1us; }
  [[nodiscard]] TimePoint now() const noexcept override { return time; }

  TimePoint time{1s};
  TimePoint end = no_deadline;
  TimePoint woken_at = no_deadline;
  std::chrono::nanoseconds wake_up_latency = 0ns;
  std::uint64_t fail_at = 0;
  std::vector<std::uint64_t> serials;
  int attached = 0;
  int looks = 0;
  int blocks = 0;
};

constexpr SyncPoint point{QueueIndex{0}, Serial(1)};

class Waits : public testing::Test {
 protected:
  WaitStatus wait(const SpinThenBlock& waiting, TimePoint deadline = no_deadline) {
    return waiting.wait(backend_, {&point, 1}, 1, deadline);
  }
  FakeBackend backend_;
  const TimePoint start_ = backend_.time;
};

TEST_F(Waits, BlockAsksTheBackendOnce) {
  backend_.end = start_ + 50us;
  EXPECT_EQ(wait(SpinThenBlock(WaitStrategy::block, 9us)), WaitStatus::reached);
  EXPECT_EQ(backend_.blocks, 1);
  EXPECT_EQ(backend_.looks, 0);
}

TEST_F(Waits, AdaptiveIsBlockWhereTheDriverSleeps) {
  backend_.end = start_ + 50us;
  EXPECT_EQ(wait(SpinThenBlock(WaitStrategy::adaptive, 9us)), WaitStatus::reached);
  EXPECT_EQ(backend_.blocks, 1);
  EXPECT_EQ(backend_.looks, 0);
}

TEST_F(Waits, SpinNeverBlocks) {
  backend_.end = start_ + 50us;
  EXPECT_EQ(wait(SpinThenBlock(WaitStrategy::spin, 0ns)), WaitStatus::reached);
  EXPECT_EQ(backend_.blocks, 0);
  EXPECT_EQ(backend_.time, start_ + 50us);
}

TEST_F(Waits, HybridBlocksOnceItHasSpunForItsLimit) {
  const SpinThenBlock waiting(WaitStrategy::hybrid, 10us);
  backend_.end = start_ + 5us;
  EXPECT_EQ(wait(waiting), WaitStatus::reached);
  EXPECT_EQ(backend_.blocks, 0);
  backend_.end = backend_.time + 50us;
  backend_.looks = 0;
  EXPECT_EQ(wait(waiting), WaitStatus::reached);
  EXPECT_EQ(backend_.blocks, 1);
  EXPECT_EQ(backend_.looks, 11);
}

TEST_F(Waits, AllKeepTheDeadline) {
  for (const auto strategy : {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::hybrid}) {
    const TimePoint deadline = backend_.time + 20us;
    EXPECT_EQ(wait(SpinThenBlock(strategy, 10us), deadline), WaitStatus::timed_out);
    EXPECT_EQ(backend_.time, deadline) << to_string(strategy);
  }
}

TEST_F(Waits, ADeadlineThatHasPassedIsOneLook) {
  for (const auto strategy : {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::hybrid}) {
    backend_.looks = 0;
    EXPECT_EQ(wait(SpinThenBlock(strategy, 10us), start_), WaitStatus::timed_out);
    EXPECT_EQ(backend_.looks, 1);
    backend_.end = start_;
    EXPECT_EQ(wait(SpinThenBlock(strategy, 10us), start_), WaitStatus::reached);
    backend_.end = no_deadline;
  }
  EXPECT_EQ(backend_.time, start_);
}

TEST_F(Waits, AWakeEndsASpin) {
  backend_.woken_at = start_ + 7us;
  EXPECT_EQ(wait(SpinThenBlock(WaitStrategy::spin, 0ns)), WaitStatus::woken);
  EXPECT_EQ(backend_.time, start_ + 7us);
}

TEST_F(Waits, TellTheirLimit) {
  EXPECT_EQ(SpinThenBlock(WaitStrategy::block, 9us).spin_limit(), 0ns);
  EXPECT_EQ(SpinThenBlock(WaitStrategy::adaptive, 9us).spin_limit(), 0ns);
  EXPECT_EQ(SpinThenBlock(WaitStrategy::spin, 9us).spin_limit(), std::chrono::nanoseconds::max());
  EXPECT_EQ(SpinThenBlock(WaitStrategy::hybrid, 9us).spin_limit(), 9us);
}

TEST_F(Waits, TheLatencyOfABlockedThreadIsMeasured) {
  backend_.wake_up_latency = 25us;
  EXPECT_EQ(measure_wake_up_latency(backend_), 25us);
  EXPECT_EQ(backend_.attached, 0);
  for (std::size_t i = 0; i < backend_.serials.size(); ++i) EXPECT_EQ(backend_.serials[i], i + 1);
  backend_.serials.clear();
  backend_.wake_up_latency = 0ns;
  EXPECT_EQ(measure_wake_up_latency(backend_), 0ns);
  backend_.wake_up_latency = 50ms;
  EXPECT_EQ(measure_wake_up_latency(backend_), 1ms) << "more is some other program's doing";
}

TEST_F(Waits, AMeasurementThatFailsDetaches) {
  backend_.fail_at = 5;
  EXPECT_THROW((void)measure_wake_up_latency(backend_), std::runtime_error);
  EXPECT_EQ(backend_.attached, 0);
}

}  // namespace
}  // namespace cbr::detail
