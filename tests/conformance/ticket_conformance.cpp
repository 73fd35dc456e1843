// Tickets: what became of a submission.
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

class TicketOf : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, TicketOf, all_backends(), backend_name);

TEST_P(TicketOf, SerialsCountFromOneInOrderOfSubmission) {
  make_ring(3);
  for (std::uint64_t i = 1; i <= 7; ++i) EXPECT_EQ(submit_one().serial().value(), i);
}

TEST_P(TicketOf, WaitsForItsOwnWorkOnly) {
  if (harness_->gathers()) GTEST_SKIP() << "what goes to the driver together ends together";
  auto& ring = make_ring(3);
  Ticket first = submit_one();
  harness_->pause();
  Ticket second = submit_one();
  first.wait();
  EXPECT_TRUE(first.done());
  EXPECT_FALSE(second.done());
  EXPECT_FALSE(second.wait_for(1ms));
  EXPECT_FALSE(second.wait_until(ring.now()));
  EXPECT_EQ(second.gpu_interval(), std::nullopt);
  EXPECT_EQ(ring.statistics().in_flight, 1U);
  harness_->release();
  second.wait();
  EXPECT_TRUE(second.done());
  EXPECT_EQ(second.error(), nullptr);
}

TEST_P(TicketOf, KeepsItsOutcomeAfterTheSlotWasUsedAgain) {
  make_ring(1);
  Ticket first = submit_one();
  Ticket second = submit_one();
  Ticket third = submit_one();
  third.wait();
  EXPECT_TRUE(first.done());
  EXPECT_EQ(first.serial().value(), 1U);
  EXPECT_EQ(second.serial().value(), 2U);
  expect_order({first, second, third});
}

TEST_P(TicketOf, OutlivesItsRing) {
  make_ring(2);
  Ticket ticket = submit_one();
  destroy_ring();
  EXPECT_TRUE(ticket.done());
  EXPECT_NO_THROW(ticket.wait());
  EXPECT_TRUE(ticket.gpu_interval().has_value());
}

TEST_P(TicketOf, CopiesSpeakOfTheSameSubmission) {
  make_ring(1);
  Ticket ticket = submit_one();
  Ticket copy = ticket;
  ticket = submit_one();
  EXPECT_EQ(copy.serial().value(), 1U);
  EXPECT_EQ(ticket.serial().value(), 2U);
  copy.wait();
  ticket.wait();
  const Ticket& self = ticket;
  ticket = self;
  EXPECT_EQ(ticket.serial().value(), 2U);
}

TEST_P(TicketOf, AnEmptyTicketSaysSo) {
  const Ticket empty;
  EXPECT_FALSE(empty.valid());
  EXPECT_THROW(empty.wait(), InvalidUsage);
  EXPECT_THROW((void)empty.wait_for(1ms), InvalidUsage);
  EXPECT_THROW((void)empty.done(), InvalidUsage);
  EXPECT_THROW((void)empty.error(), InvalidUsage);
  EXPECT_THROW((void)empty.serial(), InvalidUsage);
}

TEST_P(TicketOf, ManyThreadsMayWaitForOne) {
  make_ring(2);
  harness_->pause();
  Ticket ticket = submit_one();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([ticket] {
      ticket.wait();
      EXPECT_TRUE(ticket.done());
    });
  }
  harness_->release();
  for (auto& thread : threads) thread.join();
}

TEST_P(TicketOf, DrainWaitsForAllWorkButNotForLeases) {
  auto& ring = make_ring(4);
  Lease held = ring.acquire();
  Ticket first = submit_one();
  Ticket second = submit_one();
  ring.drain();
  EXPECT_EQ(ring.statistics().in_flight, 0U);
  EXPECT_TRUE(first.done());
  EXPECT_TRUE(second.done());
  ring.drain();
  held.discard();
}

}  // namespace
}  // namespace cbr::test
