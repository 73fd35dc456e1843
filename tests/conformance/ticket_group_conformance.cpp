// Waiting for several tickets, of one ring or of several.
#include <array>
#include <atomic>
#include <functional>
#include <latch>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <cbr/simulated.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TicketGroup : public RingConformance {
 protected:
  /// A ring on a backend of its own, with one submission that ended and one that will not by
  /// itself.
  struct Other {
    std::shared_ptr<simulated::Gpu> gpu = simulated::make_gpu();
    CommandBufferRing ring{gpu, {.ring_size = 2}};
    Ticket submit() {
      Lease lease = ring.acquire();
      simulated::record(lease, {.execute = 3us});
      return std::move(lease).submit();
    }
  };
};
INSTANTIATE_TEST_SUITE_P(Backend, TicketGroup, all_backends(), backend_name);

TEST_P(TicketGroup, OfNoneOrWithAnEmptyOneIsAnError) {
  make_ring(1);
  EXPECT_THROW((void)wait_any({}), InvalidUsage);
  EXPECT_THROW((void)wait_any_for({}, 1ms), InvalidUsage);
  EXPECT_NO_THROW(wait_all({}));
  EXPECT_TRUE(wait_all_for({}, 0ms));
  const std::array tickets{submit_one(), Ticket()};
  for (const auto& call : {std::function<void()>([&] { (void)wait_any(tickets); }),
                           std::function<void()>([&] { wait_all(tickets); })}) {
    try {
      call();
      ADD_FAILURE();
    } catch (const InvalidUsage& error) {
      EXPECT_THAT(error.what(), HasSubstr("ticket 1 is empty"));
    }
  }
}

TEST_P(TicketGroup, AnyIsTheLowestThatHasEnded) {
  make_ring(4);
  const Ticket a = submit_one();
  const Ticket b = submit_one();
  b.wait();
  harness_->pause();
  const Ticket c = submit_one();
  EXPECT_EQ(wait_any(std::array{c, b, a}), 1U);
  EXPECT_EQ(wait_any(std::array{a, b, c}), 0U);
  EXPECT_EQ(wait_any_for(std::array{c, a}, 0ms), 1U);
  harness_->release();
}

TEST_P(TicketGroup, NoneEndsInTime) {
  make_ring(3);
  harness_->pause();
  const std::array tickets{submit_one(), submit_one()};
  EXPECT_EQ(wait_any_for(tickets, 2ms), std::nullopt);
  EXPECT_EQ(wait_any_for(tickets, 0ms), std::nullopt);
  EXPECT_FALSE(wait_all_for(tickets, 2ms));
  harness_->release();
  EXPECT_LT(wait_any(tickets), 2U);
  EXPECT_TRUE(wait_all_for(tickets, 60s));
}

TEST_P(TicketGroup, AnyReturnsWhileOthersHang) {
  CBR_NEED_QUEUES(2);
  make_ring(4);
  held_.push_back(record_one({.queue = QueueIndex{0}}));
  CBR_ARRANGE(harness_->hang(held_[0]));
  const Ticket hung = std::move(held_[0]).submit();
  const Ticket good = submit_one({.queue = QueueIndex{1}});
  EXPECT_EQ(wait_any(std::array{hung, good}), 1U);
  EXPECT_FALSE(hung.done());
  harness_->release();
}

TEST_P(TicketGroup, AnyDoesNotThrowForAFailure) {
  make_ring(2);
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  const std::array tickets{std::move(held_[0]).submit()};
  EXPECT_EQ(wait_any(tickets), 0U);
  EXPECT_THROW(wait_all(tickets), ExecutionFailed);
}

TEST_P(TicketGroup, AllThrowsTheFirstFailureOnceAllHaveEnded) {
  make_ring(3);
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  harness_->pause();
  const Ticket failed = std::move(held_[0]).submit();
  const Ticket good = submit_one();
  const Ticket last = submit_one();
  std::thread waiter([&] {
    EXPECT_THROW(wait_all(std::array{good, failed, last}), ExecutionFailed);
    EXPECT_TRUE(last.done());
  });
  harness_->release();
  waiter.join();
}

TEST_P(TicketGroup, AllThrowsTheFirstOfSeveralFailuresInTheOrderGiven) {
  make_ring(2);
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  const Ticket failed = std::move(held_[0]).submit();
  held_.clear();
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  const Ticket other = std::move(held_[0]).submit();
  const auto text = [](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const ExecutionFailed& error) {
      return error.what();
    }
    return {};
  };
  const std::string its_own = text([&] { failed.wait(); });
  const std::string the_others = text([&] { other.wait(); });
  ASSERT_NE(its_own, the_others);
  EXPECT_EQ(text([&] { wait_all(std::array{failed, other}); }), its_own);
  EXPECT_EQ(text([&] { wait_all(std::array{other, failed}); }), the_others);
}

TEST_P(TicketGroup, ALossEndsTheWait) {
  auto& ring = make_ring(2);
  harness_->pause();
  const std::array tickets{submit_one(), submit_one()};
  std::thread any([&] { EXPECT_LT(wait_any(tickets), 2U); });
  std::thread all([&] {
    try {
      wait_all(tickets);
    } catch (const DeviceLost&) {
      return;
    }
  });
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) harness_->release();
  any.join();
  all.join();
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_THROW(wait_all(tickets), DeviceLost);
  EXPECT_EQ(ring.statistics().failures, 2U);
}

TEST_P(TicketGroup, OfTwoRings) {
  make_ring(2);
  Other other;
  harness_->pause();
  other.gpu->pause();
  const std::array tickets{submit_one(), other.submit()};
  EXPECT_EQ(wait_any_for(tickets, 1ms), std::nullopt);
  EXPECT_FALSE(wait_all_for(tickets, 1ms));
  other.gpu->release();
  EXPECT_EQ(wait_any(tickets), 1U);
  EXPECT_FALSE(tickets[0].done());
  harness_->release();
  wait_all(tickets);
  EXPECT_EQ(wait_any(tickets), 0U);
}

TEST_P(TicketGroup, WithAHeldOne) {
  auto& ring = make_ring(3);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  harness_->record(first);
  Lease second = sequence.acquire();
  harness_->record(second);
  const std::array tickets{std::move(second).submit()};
  EXPECT_EQ(wait_any_for(tickets, 1ms), std::nullopt);
  EXPECT_FALSE(wait_all_for(tickets, 1ms));
  std::thread any([&] { EXPECT_EQ(wait_any(tickets), 0U); });
  std::thread all([&] { EXPECT_NO_THROW(wait_all(tickets)); });
  std::move(first).submit();
  any.join();
  all.join();
}

TEST_P(TicketGroup, AHeldOneDoesNotKeepAnyWaiting) {
  auto& ring = make_ring(3);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  harness_->record(second);
  const std::array tickets{std::move(second).submit(), submit_one()};
  EXPECT_EQ(wait_any(tickets), 1U);
  first.discard();
  wait_all(tickets);
}

TEST_P(TicketGroup, AnyOfTwoRingsInACallbackOfOne) {
  auto& ring = make_ring(3);
  Other other;
  other.gpu->pause();
  const Ticket never = other.submit();
  harness_->pause();
  const Ticket first = submit_one();
  std::latch ended(1);
  std::atomic<bool> waiting = false;
  // The completion thread, which others would need to hear of an end from, waits itself.
  first.on_complete([&](const Ticket&) {
    harness_->pause();
    Lease lease = ring.acquire();
    harness_->record(lease);
    const std::array tickets{never, std::move(lease).submit()};
    EXPECT_EQ(wait_any_for(tickets, 1ms), std::nullopt);
    waiting = true;
    EXPECT_EQ(wait_any(tickets), 1U);
    ended.count_down();
  });
  harness_->release();
  EXPECT_TRUE(eventually([&] { return waiting.load(); }));
  harness_->release();
  ended.wait();
  EXPECT_FALSE(never.done());
  other.gpu->release();
  ring.drain();
}

TEST_P(TicketGroup, TheEndsOfManyRingsAreSeenFromAnyOfThem) {
  constexpr std::size_t count = 6;
  std::array<Other, count> others;
  std::vector<Ticket> tickets;
  for (Other& other : others) {
    other.gpu->pause();
    tickets.push_back(other.submit());
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::thread thread([&] { EXPECT_EQ(wait_any(std::span(tickets).subspan(i)), count - 1 - i); });
    others[count - 1].gpu->release();
    thread.join();
  }
  for (Other& other : others) other.gpu->release();
  wait_all(tickets);
}

}  // namespace
}  // namespace cbr::test
