// Completion callbacks: once, in order, with no lock held, on failure too.
#include <atomic>
#include <latch>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class Callback : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Callback, all_backends(), backend_name);

TEST_P(Callback, RunsOnceAndOnAnotherThread) {
  make_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::atomic<int> calls = 0;
  std::thread::id thread;
  std::latch called(1);
  ticket.on_complete([&](const Ticket& its) {
    EXPECT_TRUE(its.done());
    EXPECT_EQ(its.error(), nullptr);
    EXPECT_EQ(its.serial().value(), 1U);
    thread = std::this_thread::get_id();
    ++calls;
    called.count_down();
  });
  EXPECT_EQ(calls, 0);
  harness_->release();
  called.wait();
  EXPECT_NE(thread, std::this_thread::get_id());
  destroy_ring();
  EXPECT_EQ(calls, 1);
}

TEST_P(Callback, RunsWithNobodyWaiting) {
  make_ring(1);
  std::latch called(1);
  harness_->pause();
  // Not even a ticket is kept.
  submit_one().on_complete([&](const Ticket&) { called.count_down(); });
  harness_->release();
  called.wait();
}

TEST_P(Callback, RunsAtOnceIfTheWorkHasEnded) {
  make_ring(1);
  const Ticket ticket = submit_one();
  ticket.wait();
  std::thread::id thread;
  ticket.on_complete([&](const Ticket&) { thread = std::this_thread::get_id(); });
  EXPECT_EQ(thread, std::this_thread::get_id());
}

TEST_P(Callback, ThoseOfOneQueueRunInTheOrderOfSerialsAndOfGiving) {
  make_ring(4);
  harness_->pause();
  std::vector<Ticket> tickets;
  tickets.reserve(4);
  for (int i = 0; i < 4; ++i) tickets.push_back(submit_one());
  std::vector<int> order;
  // Given in another order than the serials'.
  for (const int i : {2, 0, 3, 1}) {
    tickets[i].on_complete([&order, i](const Ticket&) { order.push_back(10 * i); });
    tickets[i].on_complete([&order, i](const Ticket&) { order.push_back(10 * i + 1); });
  }
  harness_->release();
  destroy_ring();
  EXPECT_THAT(order, ElementsAre(0, 1, 10, 11, 20, 21, 30, 31));
}

TEST_P(Callback, MayCallTheRingAndItsTickets) {
  auto& ring = make_ring(3);
  harness_->pause();
  const Ticket ticket = submit_one();
  const Ticket later = submit_one();
  std::latch called(1);
  ticket.on_complete([&](const Ticket& its) {
    its.wait();
    EXPECT_GE(ring.statistics().completions, 1U);
    auto lease = ring.try_acquire();
    if (lease) {
      harness_->record(*lease);
      std::move(*lease).submit().wait();
    }
    later.wait();
    ring.set_ring_size(4);
    its.on_complete([&](const Ticket&) { called.count_down(); });
  });
  harness_->release();
  called.wait();
  ring.drain();
  expect_equations();
}

TEST_P(Callback, MustNotWaitForASlot) {
  auto& ring = make_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::latch called(1);
  std::latch filled(1);
  std::string text;
  ticket.on_complete([&](const Ticket&) {
    filled.wait();
    try {
      (void)ring.acquire();
      ADD_FAILURE() << "the one slot is leased";
    } catch (const InvalidUsage& error) {
      text = error.what();
    }
    EXPECT_FALSE(ring.try_acquire().has_value());
    called.count_down();
  });
  harness_->release();
  Lease lease = ring.acquire();
  filled.count_down();
  called.wait();
  lease.discard();
  EXPECT_THAT(text, HasSubstr("a callback of the ring must not wait"));
  EXPECT_EQ(ring.statistics().leased, 0U);
}

TEST_P(Callback, MayTakeASlotThatIsFree) {
  auto& ring = make_ring(2);
  harness_->pause();
  std::latch called(1);
  submit_one().on_complete([&](const Ticket&) {
    ring.acquire().discard();
    called.count_down();
  });
  harness_->release();
  called.wait();
}

TEST_P(Callback, ItsExceptionGoesToTheLogAndTheRingGoesOn) {
  make_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::latch called(1);
  ticket.on_complete([](const Ticket&) { throw std::runtime_error("thrown by the callback"); });
  ticket.on_complete([&](const Ticket&) { called.count_down(); });
  harness_->release();
  called.wait();
  EXPECT_THAT(warnings(), Contains(HasSubstr("slot #0 threw: thrown by the callback")));
  EXPECT_NO_THROW(ticket.on_complete([](const Ticket&) { throw 5; }));
  submit_one().wait();
}

TEST_P(Callback, RunsOnFailureToo) {
  make_ring(1);
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  harness_->pause();
  const Ticket ticket = std::move(held_[0]).submit();
  std::atomic<int> calls = 0;
  ticket.on_complete([&](const Ticket& its) {
    EXPECT_NE(its.error(), nullptr);
    EXPECT_THROW(its.wait(), ExecutionFailed);
    ++calls;
  });
  harness_->release();
  destroy_ring();
  EXPECT_EQ(calls, 1);
}

TEST_P(Callback, RunsWhenTheDeviceIsLost) {
  make_ring(2);
  harness_->pause();
  const Ticket first = submit_one();
  const Ticket second = submit_one();
  std::vector<std::uint64_t> order;
  for (const Ticket* ticket : {&second, &first}) {
    ticket->on_complete([&](const Ticket& its) { order.push_back(its.serial().value()); });
  }
  const std::string reason = harness_->lose_device();
  if (!reason.empty()) harness_->release();
  destroy_ring();
  EXPECT_THAT(order, ElementsAre(1U, 2U));
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_THROW(first.wait(), DeviceLost);
  EXPECT_THROW(second.wait(), DeviceLost);
}

TEST_P(Callback, AllHaveRunWhenTheRingIsGone) {
  make_ring(4);
  std::atomic<int> calls = 0;
  for (int i = 0; i < 50; ++i) {
    submit_one().on_complete([&](const Ticket&) { ++calls; });
  }
  destroy_ring();
  EXPECT_EQ(calls, 50);
}

TEST_P(Callback, MayDestroyTheRing) {
  auto ring = std::make_unique<CommandBufferRing>(harness_->backend(), RingOptions{.ring_size = 2});
  harness_->pause();
  Lease lease = ring->acquire();
  harness_->record(lease);
  const Ticket ticket = std::move(lease).submit();
  std::latch destroyed(1);
  std::latch last(1);
  ticket.on_complete([&](const Ticket&) {
    ring.reset();
    destroyed.count_down();
  });
  ticket.on_complete([&](const Ticket&) { last.count_down(); });
  harness_->release();
  destroyed.wait();
  last.wait();
  EXPECT_TRUE(ticket.done());
  // The backend is free for another ring.
  make_ring(1);
  submit_one().wait();
}

TEST_P(Callback, OnAnEmptyTicketIsAnError) {
  EXPECT_THROW(Ticket().on_complete([](const Ticket&) {}), InvalidUsage);
}

TEST_P(Callback, MayBeGivenByManyThreads) {
  make_ring(3);
  std::atomic<int> calls = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 40; ++i) submit_one().on_complete([&](const Ticket&) { ++calls; });
    });
  }
  for (auto& thread : threads) thread.join();
  destroy_ring();
  EXPECT_EQ(calls, 160);
}

}  // namespace
}  // namespace cbr::test
