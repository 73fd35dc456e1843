// Requests for a slot that no thread waits for, and that are taken back.
#include <atomic>
#include <coroutine>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/async_acquire.h"

namespace cbr::test {
namespace {

TEST_P(AsyncAcquire, ARequestThatIsTakenBackIsGoneAtOnce) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = captured;
  AcquireHandle handle = ring.acquire_async(
      {}, [captured = std::move(captured)](const AcquireResult&) { ADD_FAILURE() << "it ran"; });
  Answers answers;
  ring.acquire_async({}, answers.note(2));
  EXPECT_TRUE(handle.valid());
  EXPECT_TRUE(handle.cancel());
  EXPECT_TRUE(watch.expired());
  EXPECT_FALSE(handle.valid());
  EXPECT_FALSE(handle.cancel());
  lease.discard();
  EXPECT_TRUE(answers.come(1));
  expect_whole();
}

TEST_P(AsyncAcquire, ASlotThatWasGrantedGoesToTheNext) {
  auto& ring = make_ring(2);
  Lease lease = ring.acquire();
  Lease other = ring.acquire();
  // So that who is granted a slot is not told.
  BusyAcquireThread busy(ring);
  lease.discard();
  busy.wait_until_busy();
  Lease again = ring.acquire();
  AcquireHandle granted =
      ring.acquire_async({}, [](const AcquireResult&) { ADD_FAILURE() << "it was taken back"; });
  std::atomic<int> resumed = 0;
  OwnedTask suspended = count_acquired(ring, resumed);
  again.discard();
  other.discard();
  EXPECT_EQ(ring.statistics().leased, 2U) << "both have been granted one";
  std::atomic<bool> served = false;
  std::thread waiter([&] {
    ring.acquire().discard();
    ring.acquire().discard();
    served = true;
  });
  EXPECT_TRUE(waits(4));
  EXPECT_FALSE(served);
  EXPECT_TRUE(granted.cancel());
  suspended.destroy();
  waiter.join();
  busy.end();
  EXPECT_EQ(resumed, 0);
  expect_whole();
  destroy_ring();
}

TEST_P(AsyncAcquire, CancelWaitsForACallbackThatRuns) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::latch running(1);
  std::atomic<bool> cancelling = false;
  std::atomic<bool> over = false;
  AcquireHandle handle = ring.acquire_async({}, [&](AcquireResult result) {
    std::move(result).lease().discard();
    running.count_down();
    EXPECT_TRUE(eventually([&] { return cancelling.load(); }));
    // Time for cancel() to do it wrong.
    for (int i = 0; i < 2000; ++i) std::this_thread::yield();
    over = true;
  });
  lease.discard();
  running.wait();
  cancelling = true;
  EXPECT_FALSE(handle.cancel());
  EXPECT_TRUE(over);
}

TEST_P(AsyncAcquire, CancelInsideTheCallbackDoesNotWait) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::latch ended(1);
  auto handle = std::make_shared<AcquireHandle>();
  *handle = ring.acquire_async({}, [&, handle](AcquireResult result) {
    std::move(result).lease().discard();
    EXPECT_FALSE(handle->cancel());
    ended.count_down();
  });
  lease.discard();
  ended.wait();
}

/// Runs something when a slot is acquired, which is before the request is told.
class OnAcquire : public Observer {
 public:
  void on_acquire(const AcquireEvent& /*event*/) noexcept override {
    if (run) std::exchange(run, nullptr)();
  }
  std::function<void()> run;
};

TEST_P(AsyncAcquire, CancelWhileTheSlotBegins) {
  for (const bool on_its_thread : {true, false}) {
    auto observer = std::make_shared<OnAcquire>();
    auto& ring = make_ring(RingOptions{.ring_size = 1, .observer = observer});
    Lease lease = ring.acquire();
    AcquireHandle handle =
        ring.acquire_async({}, [](const AcquireResult&) { ADD_FAILURE() << "it was taken back"; });
    std::latch begun(1);
    std::atomic<bool> cancelling = false;
    std::latch done(1);
    observer->run = [&] {
      if (on_its_thread) {
        EXPECT_TRUE(handle.cancel());
        done.count_down();
        return;
      }
      begun.count_down();
      EXPECT_TRUE(eventually([&] { return cancelling.load(); }));
      for (int i = 0; i < 2000; ++i) std::this_thread::yield();
    };
    lease.discard();
    if (!on_its_thread) {
      begun.wait();
      cancelling = true;
      EXPECT_TRUE(handle.cancel());
      EXPECT_EQ(ring.statistics().leased, 0U) << "the slot is back when cancel() returns";
      done.count_down();
    }
    done.wait();
    expect_whole();
    destroy_ring();
  }
}

TEST_P(AsyncAcquire, CancelRacesTheGrant) {
  auto& ring = make_ring(1);
  for (int i = 0; i < 200; ++i) {
    Lease lease = ring.acquire();
    std::atomic<int> called = 0;
    AcquireHandle handle = ring.acquire_async({}, [&](AcquireResult result) {
      std::move(result).lease().discard();
      ++called;
    });
    std::thread other([&] { lease.discard(); });
    const bool removed = handle.cancel();
    EXPECT_EQ(called, removed ? 0 : 1);
    other.join();
  }
  expect_whole();
}

TEST_P(AsyncAcquire, ACoroutineMayBeDestroyedWhileItIsSuspended) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  std::atomic<int> resumed = 0;
  OwnedTask first = count_acquired(ring, resumed);
  OwnedTask second = count_acquired(ring, resumed);
  OwnedTask third = count_acquired(ring, resumed);
  second.destroy();
  lease.discard();
  EXPECT_TRUE(eventually([&] { return resumed == 2; }));
  expect_whole();
  EXPECT_EQ(resumed, 2);
  EXPECT_TRUE(eventually([&] { return first.ended() && third.ended(); }));
}

TEST_P(AsyncAcquire, ACoroutineThatItsExecutorDestroysGivesTheLeaseUp) {
  std::latch ran(1);
  auto& ring =
      make_ring(RingOptions{.ring_size = 1, .executor = [&](std::coroutine_handle<> coroutine) {
                              coroutine.destroy();
                              ran.count_down();
                            }});
  Lease lease = ring.acquire();
  std::atomic<int> resumed = 0;
  // Nobody owns it but the executor.
  count_acquired(ring, resumed).release();
  lease.discard();
  ran.wait();
  expect_whole();
  EXPECT_EQ(resumed, 0);
  EXPECT_TRUE(ring.leaked().empty());
}

TEST_P(AsyncAcquire, AHandleMayMoveAndOutliveTheRing) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  Answers answers;
  AcquireHandle first = ring.acquire_async({}, answers.note(1));
  AcquireHandle second = ring.acquire_async({}, answers.note(2));
  AcquireHandle third = std::move(second);
  EXPECT_FALSE(second.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(second.cancel());
  // Lets go of the first, which will run.
  first = std::move(third);
  EXPECT_TRUE(first.cancel());
  AcquireHandle last = ring.acquire_async({}, answers.note(3));
  lease.discard();
  EXPECT_TRUE(answers.come(2));
  destroy_ring();
  EXPECT_FALSE(last.cancel());
  EXPECT_EQ(answers.names(), (std::vector{1, 3}));
}

}  // namespace
}  // namespace cbr::test
