// What a program forgot: dropped leases, and failures that nobody looked at.
#include <string>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Leaks : public RingConformance {
 protected:
  /// A submission that fails; empty where this backend can't have that.
  Ticket submit_failing() {
    held_.push_back(record_one());
    reason_ = harness_->fail_execution(held_.back());
    if (!reason_.empty()) return {};
    return std::move(held_.back()).submit();
  }
  std::string reason_;
};
INSTANTIATE_TEST_SUITE_P(Backend, Leaks, all_backends(), backend_name);

#define CBR_NEED_FAILURE(ticket) \
  if (!(ticket).valid()) GTEST_SKIP() << reason_;

TEST_P(Leaks, ADroppedLeaseIsOneWithItsPlace) {
  auto& ring = make_ring(2);
  EXPECT_THAT(ring.leaked(), IsEmpty());
  const auto line = __LINE__ + 1;
  { auto lease = ring.acquire({.label = "shadows"}); }
  const auto leaks = ring.leaked();
  ASSERT_THAT(leaks, SizeIs(1));
  EXPECT_EQ(leaks[0].kind, Leak::Kind::abandoned_lease);
  EXPECT_EQ(leaks[0].slot, SlotIndex{0});
  EXPECT_EQ(leaks[0].acquired_at.line(), std::uint32_t(line));
  EXPECT_EQ(leaks[0].submitted_at.line(), std::uint32_t(line));
  EXPECT_THAT(leaks[0].acquired_at.file_name(), HasSubstr("leak_conformance.cpp"));
  EXPECT_THAT(leaks[0].text, HasSubstr("slot #0 'shadows'"));
  EXPECT_THAT(leaks[0].text, HasSubstr("leak_conformance.cpp:" + std::to_string(line)));
  EXPECT_THAT(warnings(), Contains("[WARNING] CommandRing: " + leaks[0].text));
}

TEST_P(Leaks, ALabelKeepsItsFirst31Bytes) {
  auto& ring = make_ring(1);
  {
    Lease lease = ring.acquire();
    lease.set_label("0123456789012345678901234567890123456789");
  }
  ASSERT_THAT(ring.leaked(), SizeIs(1));
  EXPECT_THAT(ring.leaked()[0].text, HasSubstr("'0123456789012345678901234567890'"));
  { auto lease = ring.acquire(); }
  EXPECT_THAT(ring.leaked()[1].text, HasSubstr("slot #0,")) << "the label went with its lease";
}

TEST_P(Leaks, NothingIsOneThatWasEndedProperly) {
  auto& ring = make_ring(2);
  ring.acquire().discard();
  submit_one();
  ring.drain();
  EXPECT_THAT(ring.leaked(), IsEmpty());
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_P(Leaks, AFailureIsOneOnceTheLastTicketGoesUnasked) {
  auto& ring = make_ring(1);
  Ticket ticket = submit_failing();
  CBR_NEED_FAILURE(ticket);
  Ticket copy = ticket;
  ring.drain();
  EXPECT_TRUE(ticket.done()) << "which tells nothing of how it ended";
  ticket = Ticket();
  EXPECT_THAT(ring.leaked(), IsEmpty());
  copy = Ticket();
  const auto leaks = ring.leaked();
  ASSERT_THAT(leaks, SizeIs(1));
  EXPECT_EQ(leaks[0].kind, Leak::Kind::unseen_failure);
  EXPECT_THAT(leaks[0].submitted_at.file_name(), HasSubstr("leak_conformance.cpp"));
  EXPECT_GT(leaks[0].submitted_at.line(), 0U);
  EXPECT_THAT(leaks[0].text, HasSubstr("failed and no ticket was asked about it"));
  EXPECT_THAT(warnings(), Contains(HasSubstr(leaks[0].text)));
}

TEST_P(Leaks, AFailureIsOneWhereNoTicketWasKept) {
  auto& ring = make_ring(1);
  CBR_NEED_FAILURE(submit_failing());
  ring.drain();
  EXPECT_THAT(ring.leaked(), SizeIs(1));
}

TEST_P(Leaks, AFailureThatATicketWasAskedAboutIsNone) {
  auto& ring = make_ring(1);
  {
    const Ticket ticket = submit_failing();
    CBR_NEED_FAILURE(ticket);
    EXPECT_THROW(ticket.wait(), ExecutionFailed);
  }
  {
    const Ticket ticket = submit_failing();
    ring.drain();
    EXPECT_NE(ticket.error(), nullptr);
  }
  // A look that came too early saw nothing.
  {
    harness_->pause();
    const Ticket ticket = submit_failing();
    EXPECT_EQ(ticket.error(), nullptr);
    harness_->release();
    ring.drain();
  }
  EXPECT_THAT(ring.leaked(), SizeIs(1));
}

TEST_P(Leaks, AHeldPartThatWasRefusedIsOne) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  held_.push_back(sequence.acquire());
  held_.push_back(sequence.acquire());
  CBR_ARRANGE(harness_->fail_submit(held_[1]));
  (void)std::move(held_[1]).submit();
  held_[0].discard();
  EXPECT_THAT(ring.leaked(), SizeIs(1));
}

TEST_P(Leaks, ALossIsNone) {
  auto& ring = make_ring(2);
  harness_->pause();
  submit_one();
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) {
    harness_->release();
    GTEST_SKIP() << reason;
  }
  EXPECT_THROW(ring.drain(), DeviceLost);
  EXPECT_THAT(ring.leaked(), IsEmpty());
}

TEST_P(Leaks, TheFirstHundredAreKept) {
  auto& ring = make_ring(2);
  for (int i = 0; i < 120; ++i) {
    auto lease = ring.acquire({.label = std::to_string(i)});
  }
  const auto leaks = ring.leaked();
  ASSERT_EQ(leaks.size(), 100U);
  EXPECT_THAT(leaks.front().text, HasSubstr("'0'"));
  EXPECT_THAT(leaks.back().text, HasSubstr("'99'"));
  EXPECT_THAT(warnings(), SizeIs(120)) << "each was reported to the log sink";
}

}  // namespace
}  // namespace cbr::test
