// Sequences: the order of execution is the order of acquisition.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class InSequence : public RingConformance {
 protected:
  Lease part(Sequence& sequence) {
    Lease lease = sequence.acquire();
    harness_->record(lease);
    return lease;
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, InSequence, all_backends(), backend_name);

TEST_P(InSequence, PartsRunInTheOrderOfTheirAcquisition) {
  auto& ring = make_ring(4);
  Sequence sequence = ring.sequence();
  for (int i = 0; i < 4; ++i) held_.push_back(part(sequence));
  std::vector<Ticket> tickets(4);
  for (const std::size_t i : {2U, 3U, 1U, 0U}) tickets[i] = std::move(held_[i]).submit();
  for (const Ticket& ticket : tickets) ticket.wait();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(tickets[i].serial().value(), i + 1);
  expect_order(tickets);
  expect_equations();
}

TEST_P(InSequence, AHeldTicketIsNotDoneAndHasNoSerial) {
  auto& ring = make_ring(3);
  Sequence sequence = ring.sequence();
  held_.push_back(part(sequence));
  Lease last = part(sequence);
  const Ticket held = std::move(last).submit();
  EXPECT_EQ(held.serial().value(), 0U);
  EXPECT_FALSE(held.done());
  EXPECT_EQ(held.error(), nullptr);
  EXPECT_EQ(held.gpu_interval(), std::nullopt);
  EXPECT_FALSE(held.wait_for(1ms));
  EXPECT_FALSE(held.wait_for(0ms));
  EXPECT_EQ(ring.statistics().in_flight, 1U);
  expect_equations();
  std::move(held_[0]).submit();
  held.wait();
  EXPECT_EQ(held.serial().value(), 2U);
  expect_equations();
}

TEST_P(InSequence, AThreadThatWaitsForAHeldTicketIsWoken) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  held_.push_back(part(sequence));
  Lease second = part(sequence);
  const Ticket ticket = std::move(second).submit();
  std::thread waiter([&] { EXPECT_NO_THROW(ticket.wait()); });
  std::move(held_[0]).submit();
  waiter.join();
}

TEST_P(InSequence, ALeaseThatIsGivenUpGivesUpItsPlace) {
  auto& ring = make_ring(4);
  Sequence sequence = ring.sequence();
  Lease first = part(sequence);
  std::optional<Lease> second = part(sequence);
  Lease third = part(sequence);
  const Ticket last = std::move(third).submit();
  second.reset();
  EXPECT_EQ(last.serial().value(), 0U) << "the first is still to come";
  first.discard();
  last.wait();
  EXPECT_EQ(last.serial().value(), 1U);
  EXPECT_EQ(ring.leaked().size(), 1U) << "the second was dropped";
  expect_equations();
}

TEST_P(InSequence, OthersAreNotHeldUp) {
  auto& ring = make_ring(4);
  Sequence sequence = ring.sequence();
  Sequence other = ring.sequence();
  held_.push_back(part(sequence));
  Lease second = part(sequence);
  const Ticket held = std::move(second).submit();
  submit_one().wait();
  Lease of_other = part(other);
  std::move(of_other).submit().wait();
  EXPECT_FALSE(held.done());
  std::move(held_[0]).submit();
  held.wait();
}

TEST_P(InSequence, DrainDoesNotWaitForHeldWork) {
  auto& ring = make_ring(3);
  Sequence sequence = ring.sequence();
  held_.push_back(part(sequence));
  Lease second = part(sequence);
  const Ticket held = std::move(second).submit();
  submit_one();
  ring.drain();
  EXPECT_FALSE(held.done());
  EXPECT_EQ(ring.statistics().in_flight, 1U);
  std::move(held_[0]).submit();
  ring.drain();
  EXPECT_TRUE(held.done());
}

TEST_P(InSequence, AcquireTellsOfTheHeldSlotInTheWay) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  held_.push_back(part(sequence));
  Lease second = part(sequence);
  std::move(second).submit();
  EXPECT_THROW((void)ring.acquire(1ms), AcquireTimeout);
  EXPECT_THROW((void)sequence.acquire({.timeout = 1ms}), AcquireTimeout);
  std::move(held_[0]).submit();
  ring.acquire().discard();
}

TEST_P(InSequence, TheSequenceMayGoBeforeItsLeases) {
  auto& ring = make_ring(2);
  std::optional<Sequence> sequence = ring.sequence();
  Lease first = part(*sequence);
  Lease second = part(*sequence);
  sequence.reset();
  std::vector<Ticket> tickets(2);
  tickets[1] = std::move(second).submit();
  EXPECT_EQ(tickets[1].serial().value(), 0U);
  tickets[0] = std::move(first).submit();
  tickets[1].wait();
  expect_order(tickets);
}

TEST_P(InSequence, AHeldTicketsCallbacksAndObjectsWaitForItsEnd) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  held_.push_back(part(sequence));
  Lease second = part(sequence);
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = object;
  second.keep_alive(std::move(object));
  const Ticket held = std::move(second).submit();
  std::atomic<bool> called = false;
  held.on_complete([&](const Ticket& ticket) {
    EXPECT_TRUE(ticket.done());
    EXPECT_FALSE(watch.expired());
    called = true;
  });
  ring.drain();
  EXPECT_FALSE(called);
  EXPECT_FALSE(watch.expired());
  std::move(held_[0]).submit();
  held.wait();
  destroy_ring();
  EXPECT_TRUE(called);
  EXPECT_TRUE(watch.expired());
}

TEST_P(InSequence, HeldWorkRunsWhenTheRingGoesBeforeTheLeaseInItsWay) {
  auto& ring = make_ring(3);
  Sequence sequence = ring.sequence();
  held_.push_back(part(sequence));
  Lease second = part(sequence);
  Lease third = part(sequence);
  const Ticket b = std::move(third).submit();
  const Ticket a = std::move(second).submit();
  destroy_ring();
  EXPECT_TRUE(a.done());
  EXPECT_NO_THROW(a.wait());
  EXPECT_NO_THROW(b.wait());
  EXPECT_TRUE(a.sync_point() < b.sync_point());
  EXPECT_THROW(std::move(held_[0]).submit(), InvalidUsage);
}

TEST_P(InSequence, ManyThreadsRecordOneStep) {
  constexpr int parts = 4;
  constexpr std::uint_fast32_t twice_parts = 8;
  constexpr int steps = 25;
  auto& ring = make_ring(2 * parts);
  std::minstd_rand random(7);
  for (int step = 0; step < steps; ++step) {
    Sequence sequence = ring.sequence();
    std::vector<Lease> leases;
    leases.reserve(parts);
    for (int i = 0; i < parts; ++i) leases.push_back(sequence.acquire());
    std::vector<int> order{0, 1, 2, 3};
    std::shuffle(order.begin(), order.end(), random);
    // Every other step gives one part up.
    const int given_up = static_cast<int>(random() % twice_parts);
    std::vector<Ticket> tickets(parts);
    std::vector<std::thread> threads;
    threads.reserve(parts);
    for (const int i : order) {
      threads.emplace_back([&, i] {
        harness_->record(leases[i]);
        if (i == given_up) {
          leases[i].discard();
        } else {
          tickets[i] = std::move(leases[i]).submit();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    std::erase_if(tickets, [](const Ticket& ticket) { return !ticket.valid(); });
    for (const Ticket& ticket : tickets) ticket.wait();
    expect_order(tickets);
  }
  ring.drain();
  expect_equations();
  EXPECT_EQ(ring.statistics().total_acquisitions, std::uint64_t(parts) * steps);
}

TEST_P(InSequence, StaysOnOneQueue) {
  CBR_NEED_QUEUES(2);
  auto& ring = make_ring(6);
  Sequence sequence = ring.sequence(QueueIndex{1});
  EXPECT_EQ(sequence.queue(), QueueIndex{1});
  for (int i = 0; i < 3; ++i) {
    Lease lease = part(sequence);
    EXPECT_EQ(lease.queue(), QueueIndex{1});
    std::move(lease).submit();
  }
  try {
    (void)sequence.acquire({.queue = QueueIndex{0}});
    FAIL();
  } catch (const InvalidOption& error) {
    EXPECT_THAT(error.what(), HasSubstr("a lease of a sequence on queue 1 asks for queue 0"));
  }
  sequence.acquire({.queue = QueueIndex{1}}).discard();
}

}  // namespace
}  // namespace cbr::test
