// Rings over several queues: each runs by itself, and none holds up another.
#include <array>
#include <atomic>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr QueueIndex queue0{0};
constexpr QueueIndex queue1{1};

class Queues : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Queues, all_backends(), backend_name);

TEST_P(Queues, EachCountsItsSerialsFromOne) {
  CBR_NEED_QUEUES(3);
  auto& ring = make_ring(6);
  EXPECT_EQ(ring.queue_count(), 3U);
  for (std::uint32_t queue = 0; queue < 3; ++queue) {
    for (std::uint64_t serial = 1; serial <= 4; ++serial) {
      const Ticket ticket = submit_one({.queue = QueueIndex{queue}});
      EXPECT_EQ(ticket.queue(), QueueIndex{queue});
      EXPECT_EQ(ticket.serial().value(), serial);
      EXPECT_EQ(to_number(ticket.slot()) % 3, queue);
    }
  }
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 12U);
}

TEST_P(Queues, OfOneQueueOnlyPointsAreOrdered) {
  CBR_NEED_QUEUES(2);
  make_ring(4);
  const Ticket a = submit_one({.queue = queue0});
  const Ticket b = submit_one({.queue = queue0});
  const Ticket other = submit_one({.queue = queue1});
  EXPECT_TRUE(a.sync_point() < b.sync_point());
  EXPECT_FALSE(a.sync_point() == other.sync_point()) << "both have serial 1";
  EXPECT_FALSE(other.sync_point() < b.sync_point());
  EXPECT_FALSE(b.sync_point() < other.sync_point());
}

TEST_P(Queues, AHungQueueLeavesTheOthersGoing) {
  CBR_NEED_QUEUES(2);
  auto& ring = make_ring(4);
  held_.push_back(record_one({.queue = queue0}));
  CBR_ARRANGE(harness_->hang(held_[0]));
  const Ticket hung = std::move(held_[0]).submit();
  for (int i = 0; i < 10; ++i) submit_one({.queue = queue1}).wait();
  const Ticket behind = submit_one({.queue = queue0});
  // Also for who doesn't care where.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(submit_one().queue(), queue1);
  EXPECT_FALSE(hung.done());
  EXPECT_FALSE(behind.done());
  EXPECT_FALSE(ring.try_acquire({.queue = queue0}).has_value());
  harness_->release();
  hung.wait();
  behind.wait();
}

TEST_P(Queues, AWaitingLeaderTakesWhatAnotherQueueFrees) {
  CBR_NEED_QUEUES(2);
  auto& ring = make_ring(2);
  held_.push_back(record_one({.queue = queue0}));
  held_.push_back(record_one({.queue = queue1}));
  CBR_ARRANGE(harness_->hang(held_[0]));
  const Ticket hung = std::move(held_[0]).submit();
  std::atomic<bool> served = false;
  std::thread waiter([&] {
    Lease lease = ring.acquire();
    EXPECT_EQ(lease.queue(), queue1);
    served = true;
    lease.discard();
  });
  EXPECT_TRUE(waits(1));
  // The leader waits on queue 0 alone, and has to learn of this.
  std::move(held_[1]).submit();
  EXPECT_TRUE(eventually([&] { return served.load(); }));
  EXPECT_FALSE(hung.done());
  harness_->release();
  waiter.join();
}

TEST_P(Queues, ARequestForAQueueWaitsForThatQueue) {
  CBR_NEED_QUEUES(2);
  auto& ring = make_ring(2);
  held_.push_back(record_one({.queue = queue0}));
  CBR_ARRANGE(harness_->hang(held_[0]));
  const Ticket hung = std::move(held_[0]).submit();
  std::atomic<bool> served = false;
  std::thread waiter([&] {
    Lease lease = ring.acquire({.queue = queue0});
    EXPECT_EQ(lease.queue(), queue0);
    served = true;
    lease.discard();
  });
  EXPECT_TRUE(waits(1));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(submit_one({.queue = queue1}).queue(), queue1);
  EXPECT_FALSE(served) << "a slot of the other queue is no use to it";
  EXPECT_THROW((void)ring.acquire({.queue = queue0, .timeout = 1ms}), AcquireTimeout);
  harness_->release();
  waiter.join();
  EXPECT_TRUE(served);
}

TEST_P(Queues, AQueueThatIsNotThereIsAnError) {
  auto& ring = make_ring(1);
  try {
    (void)ring.acquire({.queue = queue1});
    FAIL();
  } catch (const InvalidOption& error) {
    EXPECT_THAT(error.what(), HasSubstr("queue 1"));
    EXPECT_THAT(error.what(), HasSubstr("has 1"));
  }
  EXPECT_THROW((void)ring.try_acquire({.queue = queue1}), InvalidOption);
  EXPECT_THROW((void)ring.sequence(queue1), InvalidOption);
  EXPECT_EQ(ring.statistics().total_acquisitions, 0U);
}

TEST_P(Queues, EachNeedsASlot) {
  CBR_NEED_QUEUES(3);
  EXPECT_THROW(make_ring(2), InvalidOption);
  EXPECT_THROW(make_ring(3).set_ring_size(2), InvalidOption);
}

TEST_P(Queues, DrainCoversAll) {
  CBR_NEED_QUEUES(2);
  auto& ring = make_ring(4);
  harness_->pause();
  std::array<Ticket, 4> tickets;
  for (std::uint32_t i = 0; i < 4; ++i) tickets[i] = submit_one({.queue = QueueIndex{i % 2}});
  std::atomic<bool> drained = false;
  std::thread thread([&] {
    ring.drain();
    for (const Ticket& ticket : tickets) EXPECT_TRUE(ticket.done());
    drained = true;
  });
  EXPECT_EQ(ring.statistics().in_flight, 4U);
  EXPECT_FALSE(drained);
  harness_->release();
  thread.join();
}

}  // namespace
}  // namespace cbr::test
