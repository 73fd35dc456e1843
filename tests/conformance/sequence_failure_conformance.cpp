// Sequences in which something fails: what is behind it goes on.
#include <atomic>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

class SequenceFailure : public RingConformance {
 protected:
  /// Acquires `count` parts of one sequence into held_.
  void acquire_parts(int count) {
    Sequence sequence = ring_->sequence();
    for (int i = 0; i < count; ++i) {
      held_.push_back(sequence.acquire());
      harness_->record(held_.back());
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, SequenceFailure, all_backends(), backend_name);

TEST_P(SequenceFailure, AFailedBeginTakesNoPlace) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  CBR_ARRANGE(harness_->fail_next_begin());
  EXPECT_THROW((void)sequence.acquire(), BackendError);
  Lease lease = sequence.acquire();
  harness_->record(lease);
  const Ticket ticket = std::move(lease).submit();
  EXPECT_EQ(ticket.serial().value(), 1U) << "nothing is in its way";
  ticket.wait();
  expect_equations();
}

TEST_P(SequenceFailure, AFailedBeginBetweenTwoPartsTakesNoPlace) {
  auto& ring = make_ring(3);
  Sequence sequence = ring.sequence();
  held_.push_back(sequence.acquire());
  CBR_ARRANGE(harness_->fail_next_begin());
  EXPECT_THROW((void)sequence.acquire(), BackendError);
  held_.push_back(sequence.acquire());
  const Ticket last = std::move(held_[1]).submit();
  EXPECT_EQ(last.serial().value(), 0U);
  std::move(held_[0]).submit();
  EXPECT_EQ(last.serial().value(), 2U);
  last.wait();
  EXPECT_EQ(ring.statistics().discarded, 1U);
  expect_equations();
}

TEST_P(SequenceFailure, AFailedSubmitLetsTheRestMoveOn) {
  make_ring(3);
  acquire_parts(3);
  const Ticket third = std::move(held_[2]).submit();
  const Ticket second = std::move(held_[1]).submit();
  CBR_ARRANGE(harness_->fail_submit(held_[0]));
  EXPECT_THROW(std::move(held_[0]).submit(), SubmitFailed);
  third.wait();
  EXPECT_EQ(second.serial().value(), 1U) << "the failed one burnt no serial";
  EXPECT_EQ(third.serial().value(), 2U);
  expect_equations();
}

TEST_P(SequenceFailure, AHeldPartThatTheDriverRefusesSaysSoAndTheRestMovesOn) {
  auto& ring = make_ring(3);
  acquire_parts(3);
  // The first is discarded below, so the second is the next that reaches the driver.
  CBR_ARRANGE(harness_->fail_submit(held_[1]));
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = object;
  held_[1].keep_alive(std::move(object));
  const Ticket second = std::move(held_[1]).submit();
  const Ticket third = std::move(held_[2]).submit();
  std::atomic<int> calls = 0;
  second.on_complete([&](const Ticket& ticket) {
    EXPECT_NE(ticket.error(), nullptr);
    ++calls;
  });
  std::thread waiter([&] { EXPECT_THROW(second.wait(), SubmitFailed); });
  held_[0].discard();
  waiter.join();
  EXPECT_THROW(second.wait(), SubmitFailed);
  EXPECT_TRUE(second.done());
  EXPECT_EQ(second.serial().value(), 0U);
  EXPECT_EQ(second.gpu_interval(), std::nullopt);
  third.wait();
  EXPECT_EQ(third.serial().value(), 1U);
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.failures, 1U);
  EXPECT_EQ(statistics.completions, 1U);
  EXPECT_EQ(statistics.in_flight, 0U);
  expect_equations();
  destroy_ring();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(watch.expired());
}

TEST_P(SequenceFailure, ARefusedHeldPartServesAWaiter) {
  auto& ring = make_ring(2);
  acquire_parts(2);
  CBR_ARRANGE(harness_->fail_submit(held_[1]));
  const Ticket second = std::move(held_[1]).submit();
  harness_->pause();
  std::thread waiter([&] {
    Lease a = ring.acquire();
    Lease b = ring.acquire();
    a.discard();
    b.discard();
  });
  EXPECT_TRUE(waits(1));
  held_[0].discard();
  waiter.join();
  EXPECT_THROW(second.wait(), SubmitFailed);
  harness_->release();
}

TEST_P(SequenceFailure, ALossFailsHeldWork) {
  auto& ring = make_ring(4);
  acquire_parts(3);
  const Ticket third = std::move(held_[2]).submit();
  const Ticket second = std::move(held_[1]).submit();
  std::thread waiter([&] {
    try {
      third.wait();
    } catch (const DeviceLost&) {
      return;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  });
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) {
    std::move(held_[0]).submit();
    waiter.join();
    GTEST_SKIP() << reason;
  }
  // Someone has to notice it.
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  waiter.join();
  EXPECT_THROW(second.wait(), DeviceLost);
  EXPECT_THROW(third.wait(), DeviceLost);
  EXPECT_THROW(std::move(held_[0]).submit(), DeviceLost);
  EXPECT_EQ(ring.statistics().in_flight, 0U);
  expect_equations();
}

TEST_P(SequenceFailure, ALossThatTheNextHeldPartMeetsFailsItToo) {
  auto& ring = make_ring(3);
  acquire_parts(3);
  const Ticket second = std::move(held_[1]).submit();
  const Ticket third = std::move(held_[2]).submit();
  CBR_ARRANGE(harness_->lose_device());
  // The ring learns of it when it sends the second.
  held_[0].discard();
  EXPECT_THROW(second.wait(), DeviceLost);
  EXPECT_THROW(third.wait(), DeviceLost);
  EXPECT_EQ(ring.statistics().failures, 2U);
  expect_equations();
}

}  // namespace
}  // namespace cbr::test
