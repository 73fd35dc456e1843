// Leases: they end once, by submission or discard.
#include <thread>
#include <type_traits>
#include <utility>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LeaseEnd : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, LeaseEnd, all_backends(), backend_name);

// Submitting without std::move doesn't compile, nor does copying a lease.
template <typename L>
concept SubmitsAsLvalue = requires(L& lease) { lease.submit(); };
static_assert(!SubmitsAsLvalue<Lease>);
static_assert(!std::is_copy_constructible_v<Lease>);

TEST_P(LeaseEnd, SubmittingTwiceIsAnError) {
  auto& ring = make_ring(2);
  Lease lease = ring.acquire();
  std::move(lease).submit().wait();
  EXPECT_FALSE(lease.valid());                              // NOLINT(bugprone-use-after-move)
  EXPECT_THROW(std::move(lease).submit(), InvalidUsage);    // NOLINT(bugprone-use-after-move)
  EXPECT_THROW((void)lease.native_handle(), InvalidUsage);  // NOLINT(bugprone-use-after-move)
  EXPECT_THROW((void)lease.api(), InvalidUsage);
  EXPECT_THROW((void)lease.backend(), InvalidUsage);
  lease.discard();
  EXPECT_EQ(ring.statistics().submissions, 1U);
}

TEST_P(LeaseEnd, DiscardFreesTheSlotAndRunsNothing) {
  auto& ring = make_ring(1);
  for (int i = 0; i < 3; ++i) {
    Lease lease = ring.acquire();
    harness_->record(lease);
    lease.discard();
    lease.discard();
  }
  submit_one().wait();
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.discarded, 3U);
  EXPECT_EQ(statistics.submissions, 1U);
  EXPECT_EQ(statistics.total_acquisitions, 4U);
  EXPECT_EQ(statistics.total_releases, 4U);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_P(LeaseEnd, ADroppedLeaseIsDiscardedAndReportedWithItsPlace) {
  auto& ring = make_ring(1);
  { auto lease = ring.acquire(); }
  const auto lines = warnings();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("slot #0"));
  EXPECT_THAT(lines[0], HasSubstr("lease_conformance.cpp"));
  EXPECT_EQ(ring.statistics().discarded, 1U);
  submit_one().wait();
}

TEST_P(LeaseEnd, AnExceptionThatPassesALeaseIsNotReported) {
  auto& ring = make_ring(1);
  const auto fail_while_recording = [&] {
    auto lease = ring.acquire();
    throw std::runtime_error("recording failed");
  };
  EXPECT_THROW(fail_while_recording(), std::runtime_error);
  EXPECT_THAT(warnings(), IsEmpty());
  EXPECT_EQ(ring.statistics().leased, 0U);
}

TEST_P(LeaseEnd, AssigningOverALeaseDiscardsIt) {
  auto& ring = make_ring(2);
  Lease lease = ring.acquire();
  lease = ring.acquire();
  EXPECT_EQ(ring.statistics().discarded, 1U);
  EXPECT_EQ(ring.statistics().leased, 1U);
  std::move(lease).submit();
}

TEST_P(LeaseEnd, ALeaseMayMoveToAnotherThread) {
  make_ring(2);
  Lease lease = ring_->acquire();
  Ticket ticket;
  std::thread([&, moved = std::move(lease)]() mutable {
    harness_->record(moved);
    ticket = std::move(moved).submit();
  }).join();
  ticket.wait();
  EXPECT_TRUE(ticket.done());
}

TEST_P(LeaseEnd, ALeaseThatOutlivesItsRingIsReportedAndSafe) {
  auto& ring = make_ring(2);
  std::optional<Lease> lease = ring.acquire();
  Ticket ticket = submit_one();
  destroy_ring();
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("the ring is destroyed while slot #0 is leased")));
  EXPECT_THROW(std::move(*lease).submit(), InvalidUsage);
  lease.reset();
  EXPECT_TRUE(ticket.done());

  // The backend is free for another ring.
  Lease other = make_ring(3).acquire();
  other.discard();
}

TEST_P(LeaseEnd, DiscardingAfterTheRingIsGoneDoesNothing) {
  make_ring(1);
  Lease lease = ring_->acquire();
  destroy_ring();
  make_ring(1);
  Lease other = ring_->acquire();
  lease.discard();
  EXPECT_EQ(ring_->statistics().leased, 1U);
  other.discard();
}

}  // namespace
}  // namespace cbr::test
