// Failures: what each does to the call, the slot and the ring.
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Failure : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Failure, all_backends(), backend_name);

TEST_P(Failure, RingSizeOutOfBounds) {
  for (const std::uint32_t size : {0U, max_ring_size + 1, 4'000'000'000U}) {
    try {
      make_ring(size);
      FAIL() << size;
    } catch (const InvalidOption& error) {
      EXPECT_THAT(error.what(), HasSubstr("ring_size is " + std::to_string(size)));
      EXPECT_THAT(error.what(), HasSubstr("allowed are 1 to 1024"));
    }
  }
  EXPECT_THROW(CommandBufferRing(nullptr), InvalidUsage);
}

TEST_P(Failure, ABackendServesOneRingAtATime) {
  auto& ring = make_ring(1);
  EXPECT_THROW(CommandBufferRing(harness_->backend(), {}), InvalidUsage);
  ring.acquire().discard();
}

TEST_P(Failure, AFailedBeginFreesTheSlot) {
  auto& ring = make_ring(1);
  CBR_ARRANGE(harness_->fail_next_begin());
  EXPECT_THROW((void)ring.acquire(), BackendError);
  EXPECT_EQ(ring.statistics().leased, 0U);
  submit_one().wait();
  EXPECT_EQ(ring.statistics().failures, 0U);
}

TEST_P(Failure, AFailedSubmitFreesTheSlotAndBurnsNoSerial) {
  auto& ring = make_ring(1);
  submit_one();
  held_.push_back(ring.acquire());
  CBR_ARRANGE(harness_->fail_submit(held_[0]));
  EXPECT_THROW(std::move(held_[0]).submit(), SubmitFailed);
  auto statistics = ring.statistics();
  EXPECT_EQ(statistics.leased, 0U);
  EXPECT_EQ(statistics.discarded, 1U);
  EXPECT_EQ(statistics.submissions, 1U);
  Ticket next = submit_one();
  EXPECT_EQ(next.serial().value(), 2U);
  next.wait();
}

TEST_P(Failure, AFailedSubmitServesAWaiter) {
  auto& ring = make_ring(1);
  held_.push_back(ring.acquire());
  CBR_ARRANGE(harness_->fail_submit(held_[0]));
  std::thread waiter([&] { ring.acquire().discard(); });
  EXPECT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  EXPECT_THROW(std::move(held_[0]).submit(), SubmitFailed);
  waiter.join();
}

TEST_P(Failure, AFailedExecutionIsTheTicketsAndTheRingGoesOn) {
  auto& ring = make_ring(2);
  held_.push_back(ring.acquire());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  Ticket failed = std::move(held_[0]).submit();
  Ticket good = submit_one();
  EXPECT_NO_THROW(ring.drain());
  EXPECT_THROW(failed.wait(), ExecutionFailed);
  EXPECT_THROW(failed.wait(), ExecutionFailed);
  EXPECT_THROW((void)failed.wait_for(0ms), ExecutionFailed);
  EXPECT_NE(failed.error(), nullptr);
  EXPECT_TRUE(failed.done());
  EXPECT_NO_THROW(good.wait());
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.failures, 1U);
  EXPECT_EQ(statistics.completions, 1U);
  EXPECT_EQ(statistics.submissions, 2U);
}

TEST_P(Failure, DeviceLossFailsEverythingAtOnceAndHangsNothing) {
  auto& ring = make_ring(2);
  harness_->pause();
  Ticket first = submit_one();
  Ticket second = submit_one();
  std::exception_ptr waiter_saw;
  std::thread waiter([&] {
    try {
      (void)ring.acquire();
    } catch (...) {
      waiter_saw = std::current_exception();
    }
  });
  EXPECT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) {
    harness_->release();
    waiter.join();
    GTEST_SKIP() << reason;
  }
  waiter.join();
  ASSERT_NE(waiter_saw, nullptr);
  EXPECT_THROW(std::rethrow_exception(waiter_saw), DeviceLost);
  EXPECT_THROW(first.wait(), DeviceLost);
  EXPECT_THROW(second.wait(), DeviceLost);
  EXPECT_TRUE(second.done());
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  EXPECT_THROW((void)ring.try_acquire(), DeviceLost);
  EXPECT_THROW(ring.drain(), DeviceLost);
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.failures, 2U);
  EXPECT_EQ(statistics.in_flight, 0U);
  destroy_ring();
}

TEST_P(Failure, DeviceLossWakesAThreadThatWaitsForALease) {
  auto& ring = make_ring(1);
  held_.push_back(ring.acquire());
  bool lost = false;
  // Nothing is in flight: it sleeps until someone wakes it.
  std::thread waiter([&] {
    try {
      ring.acquire().discard();
    } catch (const DeviceLost&) {
      lost = true;
    }
  });
  EXPECT_TRUE(waits(1));
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) {
    held_.clear();
    waiter.join();
    GTEST_SKIP() << reason;
  }
  // Somebody else is the first to learn of it, and the lease is still held.
  EXPECT_THROW((void)ring.try_acquire(), DeviceLost);
  waiter.join();
  EXPECT_TRUE(lost);
  EXPECT_EQ(ring.statistics().leased, 1U);
}

TEST_P(Failure, ALeaseHeldAcrossDeviceLossFailsToSubmit) {
  auto& ring = make_ring(2);
  held_.push_back(ring.acquire());
  CBR_ARRANGE(harness_->lose_device());
  EXPECT_THROW(std::move(held_[0]).submit(), DeviceLost);
  EXPECT_EQ(ring.statistics().leased, 0U);
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
}

TEST_P(Failure, ALeaseThatIsRefusedForALossIsGivenUpInTheBackendToo) {
  auto& ring = make_ring(2);
  held_.push_back(ring.acquire());
  held_.push_back(ring.acquire());
  // The slot of the second goes with its lease: the backend is to remove it.
  ring.set_ring_size(1);
  CBR_ARRANGE(harness_->lose_device());
  EXPECT_THROW((void)ring.try_acquire(), DeviceLost);
  EXPECT_THROW(std::move(held_[1]).submit(), DeviceLost);
  EXPECT_EQ(ring.statistics().leased, 1U);
}

TEST_P(Failure, TheDestructorWaitsForWorkInFlight) {
  make_ring(3);
  Ticket ticket;
  for (int i = 0; i < 3; ++i) ticket = submit_one();
  destroy_ring();
  EXPECT_TRUE(ticket.done());
  EXPECT_NO_THROW(ticket.wait());
}

}  // namespace
}  // namespace cbr::test
