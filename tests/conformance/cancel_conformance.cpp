// Callbacks that are taken back.
#include <atomic>
#include <latch>
#include <memory>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

class Cancel : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Cancel, all_backends(), backend_name);

TEST_P(Cancel, BeforeItRunsItNeverDoesAndIsGoneAtOnce) {
  auto& ring = make_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = captured;
  std::atomic<bool> called = false;
  std::atomic<int> others = 0;
  ticket.on_complete([&](const Ticket&) { ++others; });
  CallbackHandle handle = ticket.on_complete(
      [&called, captured = std::move(captured)](const Ticket&) { called = true; });
  ticket.on_complete([&](const Ticket&) { ++others; });
  EXPECT_TRUE(handle.valid());
  EXPECT_TRUE(handle.cancel());
  EXPECT_TRUE(watch.expired());
  EXPECT_FALSE(handle.valid());
  EXPECT_FALSE(handle.cancel()) << "there is nothing to take back any more";
  harness_->release();
  ticket.wait();
  EXPECT_TRUE(eventually([&] { return others == 2; }));
  EXPECT_FALSE(called);
  ring.drain();
}

TEST_P(Cancel, TheOnlyCallbackLeavesTheCompletionThreadNothingToDo) {
  make_ring(2);
  harness_->pause();
  const Ticket first = submit_one();
  CallbackHandle handle = first.on_complete([](const Ticket&) { ADD_FAILURE() << "it ran"; });
  EXPECT_TRUE(handle.cancel());
  harness_->release();
  first.wait();
  std::atomic<bool> called = false;
  submit_one().on_complete([&](const Ticket&) { called = true; });
  EXPECT_TRUE(eventually([&] { return called.load(); }));
}

TEST_P(Cancel, WhileItRunsWaitsForIt) {
  make_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::latch running(1);
  std::atomic<bool> cancelling = false;
  std::atomic<bool> over = false;
  CallbackHandle handle = ticket.on_complete([&](const Ticket&) {
    running.count_down();
    EXPECT_TRUE(eventually([&] { return cancelling.load(); }));
    // Time for cancel() to do it wrong.
    for (int i = 0; i < 2000; ++i) std::this_thread::yield();
    over = true;
  });
  harness_->release();
  running.wait();
  cancelling = true;
  EXPECT_FALSE(handle.cancel());
  EXPECT_TRUE(over);
}

TEST_P(Cancel, InsideItselfDoesNotWait) {
  make_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::latch ended(1);
  auto handle = std::make_shared<CallbackHandle>();
  *handle = ticket.on_complete([&, handle](const Ticket&) {
    EXPECT_FALSE(handle->cancel());
    ended.count_down();
  });
  harness_->release();
  ended.wait();
}

TEST_P(Cancel, OfALaterCallbackInsideAnEarlierOne) {
  make_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  CallbackHandle later;
  std::latch ended(1);
  ticket.on_complete([&](const Ticket&) { EXPECT_TRUE(later.cancel()); });
  later = ticket.on_complete([](const Ticket&) { ADD_FAILURE() << "it ran"; });
  ticket.on_complete([&](const Ticket&) { ended.count_down(); });
  harness_->release();
  ended.wait();
}

TEST_P(Cancel, AfterItRanSaysSo) {
  make_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::latch ended(1);
  CallbackHandle handle = ticket.on_complete([&](const Ticket&) { ended.count_down(); });
  harness_->release();
  ended.wait();
  EXPECT_TRUE(handle.valid());
  EXPECT_FALSE(handle.cancel());
  CallbackHandle late = ticket.on_complete([](const Ticket&) {});
  EXPECT_FALSE(late.cancel()) << "it ran at once";
}

TEST_P(Cancel, AHandleMayMoveAndLettingGoOfItLeavesTheCallback) {
  make_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::atomic<int> called = 0;
  CallbackHandle first = ticket.on_complete([&](const Ticket&) { called += 1; });
  CallbackHandle second = ticket.on_complete([&](const Ticket&) { called += 10; });
  CallbackHandle third = std::move(second);
  EXPECT_FALSE(second.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(second.cancel());
  // Lets go of the first, which will run.
  first = std::move(third);
  EXPECT_FALSE(third.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(first.cancel());
  harness_->release();
  ticket.wait();
  EXPECT_TRUE(eventually([&] { return called != 0; }));
  EXPECT_EQ(called, 1);
  EXPECT_FALSE(CallbackHandle().cancel());
}

TEST_P(Cancel, AHandleMayOutliveTicketAndRing) {
  make_ring(2);
  std::atomic<bool> called = false;
  harness_->pause();
  CallbackHandle handle = submit_one().on_complete([&](const Ticket&) { called = true; });
  CallbackHandle dropped = submit_one().on_complete([](const Ticket&) {});
  harness_->release();
  destroy_ring();
  EXPECT_TRUE(called);
  EXPECT_FALSE(handle.cancel());
}

TEST_P(Cancel, OfHeldWork) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  const Ticket held = sequence.acquire().submit();
  CallbackHandle handle = held.on_complete([](const Ticket&) { ADD_FAILURE() << "it ran"; });
  std::latch ended(1);
  held.on_complete([&](const Ticket&) { ended.count_down(); });
  EXPECT_TRUE(handle.cancel());
  std::move(first).submit();
  ended.wait();
}

TEST_P(Cancel, RacesTheEndOfTheWork) {
  auto& ring = make_ring(4);
  for (int i = 0; i < 200; ++i) {
    const Ticket ticket = submit_one();
    std::atomic<int> called = 0;
    CallbackHandle handle = ticket.on_complete([&](const Ticket&) { ++called; });
    const bool removed = handle.cancel();
    // Neither now nor later: what it captured may go.
    EXPECT_EQ(called, removed ? 0 : 1);
  }
  ring.drain();
}

}  // namespace
}  // namespace cbr::test
