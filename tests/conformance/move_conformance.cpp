// Rings that move, and the objects that hold nothing.
#include <optional>
#include <utility>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

class Move : public RingConformance {
 protected:
  static void expect_empty(CommandBufferRing& ring) {
    EXPECT_FALSE(ring.valid());
    EXPECT_THROW((void)ring.acquire(), InvalidUsage);
    EXPECT_THROW((void)ring.acquire(1ms), InvalidUsage);
    EXPECT_THROW((void)ring.try_acquire(), InvalidUsage);
    EXPECT_THROW((void)ring.try_acquire_for(0ns), InvalidUsage);
    EXPECT_THROW((void)ring.sequence(), InvalidUsage);
    EXPECT_THROW((void)ring.sequence(QueueIndex{0}), InvalidUsage);
    EXPECT_THROW(ring.drain(), InvalidUsage);
    EXPECT_THROW(ring.set_ring_size(2), InvalidUsage);
    EXPECT_THROW((void)ring.statistics(), InvalidUsage);
    EXPECT_THROW(ring.reset_statistics(), InvalidUsage);
    EXPECT_THROW((void)ring.leaked(), InvalidUsage);
    EXPECT_THROW((void)ring.ring_size(), InvalidUsage);
    EXPECT_THROW((void)ring.queue_count(), InvalidUsage);
    EXPECT_THROW((void)ring.spin_limit(), InvalidUsage);
    EXPECT_THROW((void)ring.name(), InvalidUsage);
    EXPECT_THROW((void)ring.now(), InvalidUsage);
    EXPECT_THROW(ring.reset(nullptr), InvalidUsage);
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, Move, all_backends(), backend_name);

TEST_P(Move, LeasesTicketsAndSequencesGoOn) {
  auto& ring = make_ring({.ring_size = 3, .name = "Nomad"});
  Sequence sequence = ring.sequence();
  harness_->pause();
  const Ticket ticket = submit_one();
  Lease lease = record_one();
  CommandBufferRing moved = std::move(ring);
  expect_empty(ring);
  EXPECT_TRUE(moved.valid());
  EXPECT_EQ(moved.name(), "Nomad");
  EXPECT_EQ(moved.statistics().in_flight, 1U);
  const Ticket later = std::move(lease).submit();
  sequence.acquire().discard();
  harness_->release();
  ticket.wait();
  later.wait();
  moved.drain();
  EXPECT_EQ(moved.statistics().completions, 2U);
  // The ring under test again, which writes to this test's sink to its end.
  ring = std::move(moved);
  expect_empty(moved);
  submit_one().wait();
}

TEST_P(Move, AssignmentEndsTheRingThatWasThere) {
  make_ring(2);
  held_.push_back(record_one());
  const Ticket old = submit_one();
  harness_->renew();
  CommandBufferRing other(harness_->backend(), {.ring_size = 1, .name = "The other"});
  *ring_ = std::move(other);
  EXPECT_TRUE(old.done());
  EXPECT_NO_THROW(old.wait());
  EXPECT_EQ(ring_->name(), "The other");
  EXPECT_THROW(std::move(held_[0]).submit(), InvalidUsage);
  submit_one().wait();
  EXPECT_EQ(warnings().size(), 1U) << "of the lease at the first ring's end";
}

TEST_P(Move, AnEmptyRingMayTakeAnother) {
  CommandBufferRing first(harness_->backend(), {.ring_size = 1});
  CommandBufferRing second = std::move(first);
  first = std::move(second);
  EXPECT_TRUE(first.valid());
  first.acquire().discard();
  CommandBufferRing& same = first;
  first = std::move(same);
  EXPECT_TRUE(first.valid());
}

TEST_P(Move, TheNameStaysAfterAReset) {
  auto& ring = make_ring({.ring_size = 1, .name = "Phoenix"});
  const std::string name = ring.name();
  harness_->renew();
  ring.reset(harness_->backend());
  EXPECT_EQ(ring.name(), "Phoenix");
  EXPECT_EQ(name, "Phoenix");
  CommandBufferRing moved = std::move(ring);
  EXPECT_EQ(moved.name(), "Phoenix");
  ring = std::move(moved);
}

TEST_P(Move, AnEmptyLeaseSaysSo) {
  Lease lease;
  EXPECT_FALSE(lease.valid());
  EXPECT_THROW((void)lease.slot(), InvalidUsage);
  EXPECT_THROW((void)lease.queue(), InvalidUsage);
  EXPECT_THROW((void)lease.api(), InvalidUsage);
  EXPECT_THROW((void)lease.native_handle(), InvalidUsage);
  EXPECT_THROW((void)lease.backend(), InvalidUsage);
  EXPECT_THROW(lease.set_label("nothing"), InvalidUsage);
  EXPECT_THROW(lease.keep_alive(nullptr), InvalidUsage);
  EXPECT_THROW(std::move(lease).submit(), InvalidUsage);
  EXPECT_NO_THROW(lease.discard());  // NOLINT(bugprone-use-after-move)
  auto& ring = make_ring(1);
  lease = ring.acquire();
  EXPECT_TRUE(lease.valid());
  Lease& same = lease;
  lease = std::move(same);
  EXPECT_TRUE(lease.valid());
  lease.discard();
  EXPECT_EQ(ring.statistics().leased, 0U);
}

TEST_P(Move, AnEmptySequenceSaysSo) {
  Sequence sequence;
  EXPECT_FALSE(sequence.valid());
  EXPECT_THROW((void)sequence.acquire(), InvalidUsage);
  EXPECT_THROW((void)sequence.queue(), InvalidUsage);
  auto& ring = make_ring(1);
  Sequence other = ring.sequence();
  sequence = std::move(other);
  EXPECT_FALSE(other.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_THROW((void)other.acquire(), InvalidUsage);
  sequence.acquire().discard();
}

TEST_P(Move, TicketsThatAreAssignedLeaveNothingBehind) {
  auto& ring = make_ring(2);
  Ticket first = submit_one();
  Ticket second = submit_one();
  first = std::move(second);
  EXPECT_FALSE(second.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_THROW((void)second.serial(), InvalidUsage);
  EXPECT_EQ(first.serial().value(), 2U);
  Ticket& same = first;
  first = std::move(same);
  EXPECT_EQ(first.serial().value(), 2U);
  first = same;  // NOLINT(bugprone-use-after-move): the ticket itself
  EXPECT_EQ(first.serial().value(), 2U);
  const Ticket copy = first;
  first = Ticket();
  EXPECT_FALSE(first.valid());
  copy.wait();
  ring.drain();
}

}  // namespace
}  // namespace cbr::test
