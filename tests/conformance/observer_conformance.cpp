// Observers: every event once, with no lock held.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

/// Counts events, and asks the ring for its statistics in each: that hangs if a lock is held.
class Counter final : public Observer {
 public:
  std::atomic<CommandBufferRing*> ring = nullptr;
  std::atomic<std::uint64_t> acquired = 0;
  std::atomic<std::uint64_t> waited = 0;
  std::atomic<std::uint64_t> submitted = 0;
  std::atomic<std::uint64_t> completed = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<std::uint64_t> with_interval = 0;
  std::atomic<std::uint64_t> discarded = 0;
  std::atomic<std::uint64_t> lost = 0;

  void on_acquire(const AcquireEvent& event) noexcept override {
    ++acquired;
    if (event.waited.count() > 0) ++waited;
    look();
  }
  void on_submit(const SubmitEvent& event) noexcept override {
    ++submitted;
    note(event.queue, event.serial, event.slot);
    look();
  }
  void on_complete(const CompleteEvent& event) noexcept override {
    ++completed;
    if (event.failed) ++failed;
    if (event.interval) ++with_interval;
    note(event.queue, event.serial, event.slot);
    look();
  }
  void on_discard(SlotIndex /*slot*/) noexcept override {
    ++discarded;
    look();
  }
  void on_device_lost() noexcept override {
    ++lost;
    look();
  }

  /// True if each serial was told of twice, with the same slot.
  bool paired() {
    const std::lock_guard lock(mutex_);
    for (const auto& [point, slots] : seen_) {
      if (slots.size() != 2 || slots[0] != slots[1] || point.second == 0) return false;
    }
    return true;
  }

 private:
  void look() {
    if (CommandBufferRing* its_ring = ring) (void)its_ring->statistics();
  }
  void note(QueueIndex queue, Serial serial, SlotIndex slot) {
    const std::lock_guard lock(mutex_);
    seen_[{to_number(queue), serial.value()}].push_back(slot);
  }

  std::mutex mutex_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<SlotIndex>> seen_;
};

class Observed : public RingConformance {
 protected:
  CommandBufferRing& make_observed_ring(std::uint32_t ring_size) {
    auto& ring = make_ring(RingOptions{.ring_size = ring_size, .observer = counter_});
    counter_->ring = &ring;
    return ring;
  }
  void expect_balance() {
    const auto statistics = ring_->statistics();
    EXPECT_EQ(counter_->acquired, counter_->submitted + counter_->discarded + statistics.leased);
    EXPECT_EQ(counter_->submitted, counter_->completed + statistics.in_flight);
    EXPECT_TRUE(counter_->paired());
  }

  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
};
INSTANTIATE_TEST_SUITE_P(Backend, Observed, all_backends(), backend_name);

TEST_P(Observed, EveryEventComesOnce) {
  auto& ring = make_observed_ring(2);
  for (int i = 0; i < 5; ++i) submit_one();
  record_one().discard();
  ring.drain();
  EXPECT_EQ(counter_->acquired, 6U);
  EXPECT_EQ(counter_->submitted, 5U);
  EXPECT_EQ(counter_->completed, 5U);
  EXPECT_EQ(counter_->with_interval, 5U);
  EXPECT_EQ(counter_->discarded, 1U);
  EXPECT_EQ(counter_->failed, 0U);
  expect_balance();
}

TEST_P(Observed, AnAcquisitionTellsHowLongItWaited) {
  auto& ring = make_observed_ring(1);
  submit_one().wait();
  EXPECT_EQ(counter_->waited, 0U);
  harness_->pause();
  submit_one();
  EXPECT_FALSE(ring.try_acquire_for(std::chrono::milliseconds(2)).has_value());
  EXPECT_EQ(counter_->acquired, 2U) << "who gets no slot acquires nothing";
  harness_->release();
  // Takes time by the backend's clock, be it virtual, and so a wait; unless it has ended already.
  submit_one();
  EXPECT_EQ(counter_->waited, ring.statistics().wait_events - 1);
  ring.drain();
  expect_balance();
}

TEST_P(Observed, AFailedSubmitCountsAsADiscard) {
  auto& ring = make_observed_ring(1);
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_submit(held_[0]));
  EXPECT_THROW(std::move(held_[0]).submit(), SubmitFailed);
  EXPECT_EQ(counter_->submitted, 0U);
  EXPECT_EQ(counter_->discarded, ring.statistics().discarded);
  expect_balance();
}

TEST_P(Observed, AFailedBeginIsNoAcquisition) {
  auto& ring = make_observed_ring(1);
  CBR_ARRANGE(harness_->fail_next_begin());
  EXPECT_THROW((void)ring.acquire(), BackendError);
  EXPECT_EQ(counter_->acquired, 0U);
  EXPECT_EQ(counter_->discarded, 0U);
  expect_balance();
}

TEST_P(Observed, AFailedExecutionIsACompletionThatFailed) {
  auto& ring = make_observed_ring(1);
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  const Ticket ticket = std::move(held_[0]).submit();
  EXPECT_THROW(ticket.wait(), ExecutionFailed);
  ring.drain();
  EXPECT_EQ(counter_->completed, 1U);
  EXPECT_EQ(counter_->failed, 1U);
  expect_balance();
}

TEST_P(Observed, HeldWorkIsToldOfWhenTheDriverGetsIt) {
  auto& ring = make_observed_ring(3);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  Lease third = sequence.acquire();
  std::move(third).submit();
  std::move(second).submit();
  EXPECT_EQ(counter_->submitted, 0U);
  std::move(first).submit();
  ring.drain();
  EXPECT_EQ(counter_->submitted, 3U);
  EXPECT_EQ(counter_->completed, 3U);
  expect_balance();
}

TEST_P(Observed, HeldWorkGoesOnAfterADiscard) {
  auto& ring = make_observed_ring(2);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  std::move(held_.emplace_back(sequence.acquire())).submit();
  first.discard();
  ring.drain();
  EXPECT_EQ(counter_->submitted, 1U);
  expect_balance();
}

TEST_P(Observed, ALossIsToldOfOnceAndCompletionsCease) {
  auto& ring = make_observed_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) {
    harness_->release();
    GTEST_SKIP() << reason;
  }
  EXPECT_THROW(ticket.wait(), DeviceLost);
  EXPECT_THROW(ring.drain(), DeviceLost);
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  EXPECT_EQ(counter_->lost, 1U);
  EXPECT_EQ(counter_->completed, 0U);
}

TEST_P(Observed, EventsOfManyThreadsBalance) {
  auto& ring = make_observed_ring(3);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        Lease lease = record_one();
        if ((t + i) % 3 == 0) {
          lease.discard();
        } else {
          std::move(lease).submit();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ring.drain();
  expect_balance();
  EXPECT_EQ(counter_->acquired, 200U);
}

}  // namespace
}  // namespace cbr::test
