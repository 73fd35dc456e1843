// Whatever allocation fails, in whatever call: the call throws std::bad_alloc or does its work, and
// afterwards no slot, waiter, serial, ticket or callback is lost. What is noexcept survives it.
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "unit/core/starved_operations.h"

namespace cbr::test {
namespace {

TEST(BadAlloc, LosesNothingInAnyCall) {
  for (const StarvedOperation& operation : starved_operations()) {
    SCOPED_TRACE(operation.name);
    fail_each_allocation([&](Attempt& attempt) {
      // Records are used up, so that the next lease needs a new one.
      Bench bench({.ring_size = 3, .wait_strategy = WaitStrategy::block, .log_wait_events = true});
      std::vector<Ticket> kept;
      for (int i = 0; i < 5; ++i) kept.push_back(bench.submit());
      bench.ring().drain();
      operation.run(bench, attempt);
      bench.expect_whole();
    });
    if (testing::Test::HasFailure()) return;
  }
}

TEST(BadAlloc, LosesNothingWhileOtherThreadsWorkTheRing) {
  Bench bench({.ring_size = 4, .log_wait_events = true}, 2);
  // Not std::jthread, which Apple's library lacks.
  std::atomic<bool> stop = false;
  std::vector<std::future<void>> workers;
  for (int i = 0; i < 2; ++i) {
    workers.push_back(std::async(std::launch::async, [&, i] {
      for (int step = i; !stop.load(); ++step) {
        Lease lease = bench.ring().acquire();
        simulated::record(lease, {.execute = 5us});
        if (step % 7 == 0) {
          lease.discard();
          continue;
        }
        const Ticket ticket = std::move(lease).submit();
        if (step % 3 == 0) ticket.wait();
        if (step % 5 == 0) expect_equations(bench.ring().statistics());
      }
    }));
  }
  for (const StarvedOperation& operation : starved_operations()) {
    SCOPED_TRACE(operation.name);
    fail_each_allocation([&](Attempt& attempt) { operation.run(bench, attempt); });
    if (testing::Test::HasFailure()) break;
  }
  stop = true;
  for (std::future<void>& worker : workers) worker.get();
  bench.expect_whole();
}

TEST(BadAlloc, ARingThatChoosesItsSizeKeepsItsSlots) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.auto_ring_size = AutoRingSize{}});
    const auto step = [](int number) {
      return simulated::Plan{.encode = number % 16 == 0 ? 450us : 20us, .execute = 100us};
    };
    // A window of steps, and the first that may look at it.
    for (int i = 0; i < 256; ++i) (void)bench.submit(step(i));
    bench.ring().drain();
    attempt([&] { bench.ring().acquire().discard(); });
    const std::uint32_t size = bench.ring().ring_size();
    EXPECT_TRUE(attempt.failed() || size > 2) << size;
    std::vector<Lease> leases;
    while (auto lease = bench.ring().try_acquire()) leases.push_back(std::move(*lease));
    EXPECT_EQ(leases.size(), bench.ring().ring_size());
    for (Lease& lease : leases) lease.discard();
    bench.expect_whole();
  });
}

// A thread waits for a slot all the while.

/// One that waits for the ring's only slot, which the test has.
class WaitingThread {
 public:
  explicit WaitingThread(CommandBufferRing& ring) : ring_(ring) {
    const std::uint64_t before = ring.statistics().wait_events;
    served_ = std::async(std::launch::async, [&ring] {
      ring.acquire({.timeout = Timeout()}).discard();
      return true;
    });
    while (ring.statistics().wait_events == before) std::this_thread::yield();
  }
  /// The slot is free: it has to get it.
  void expect_served() {
    ASSERT_EQ(served_.wait_for(long_enough), std::future_status::ready)
        << "it sleeps beside " << ring_.ring_size() - ring_.statistics().leased << " free slots";
    EXPECT_TRUE(served_.get());
  }

 private:
  CommandBufferRing& ring_;
  std::future<bool> served_;
};

TEST(BadAlloc, AThreadThatWaitsGetsASlotOfALargerRing) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 1});
    const Ticket kept = bench.submit();
    kept.wait();
    Lease lease = bench.ring().acquire();
    WaitingThread waiting(bench.ring());
    if (attempt([&] { bench.ring().set_ring_size(3); })) waiting.expect_served();
    const bool served_already = bench.ring().ring_size() == 3;
    lease.discard();
    if (!served_already) waiting.expect_served();
    bench.expect_whole();
  });
}

TEST(BadAlloc, AThreadThatWaitsGetsTheSlotThatIsGivenUp) {
  const std::array<std::function<void(Lease & lease)>, 4> ends{
      [](Lease& lease) { lease.discard(); },
      [](Lease& lease) { const Lease dropped = std::move(lease); },
      [](Lease& lease) { (void)std::move(lease).submit(); },
      [](Lease& lease) {
        simulated::record(lease, {.fault = Fault::fail_submit});
        try {
          (void)std::move(lease).submit();
        } catch (const SubmitFailed&) {
          return;
        }
      },
  };
  for (const auto& end : ends) {
    fail_each_allocation([&](Attempt& attempt) {
      Bench bench({.ring_size = 1});
      Lease lease = bench.ring().acquire();
      WaitingThread waiting(bench.ring());
      attempt([&] { end(lease); });
      waiting.expect_served();
      bench.expect_whole();
    });
  }
}

TEST(BadAlloc, AThreadThatWaitsIsNotForgottenByOtherCalls) {
  const std::array<std::function<void(CommandBufferRing & ring)>, 6> calls{
      [](CommandBufferRing& ring) { (void)ring.statistics(); },
      [](CommandBufferRing& ring) { ring.reset_statistics(); },
      [](CommandBufferRing& ring) { ring.drain(); },
      [](CommandBufferRing& ring) { (void)ring.sequence(); },
      [](CommandBufferRing& ring) { (void)ring.try_acquire(); },
      [](CommandBufferRing& ring) {
        try {
          (void)ring.acquire(1ms);
        } catch (const AcquireTimeout&) {
          return;
        }
      },
  };
  for (const auto& call : calls) {
    fail_each_allocation([&](Attempt& attempt) {
      Bench bench({.ring_size = 1, .log_wait_events = true});
      Lease lease = bench.ring().acquire();
      WaitingThread waiting(bench.ring());
      attempt([&] { call(bench.ring()); });
      lease.discard();
      waiting.expect_served();
      bench.expect_whole();
    });
  }
}

TEST(BadAlloc, WhoWaitsForAllHandsThatOn) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 1});
    bench.gpu->pause();
    const Ticket ticket = bench.submit();
    std::atomic<bool> over = false;
    const auto wait_events = [&] { return bench.ring().statistics().wait_events; };
    // This thread comes first and waits in the backend; the other sleeps behind it.
    auto other = std::async(std::launch::async, [&] {
      while (wait_events() < 1 && !over) std::this_thread::yield();
      bench.ring().acquire().discard();
    });
    auto releaser = std::async(std::launch::async, [&] {
      while (wait_events() < 2 && !over) std::this_thread::yield();
      bench.gpu->release();
    });
    attempt([&] { bench.ring().acquire().discard(); });
    over = true;
    releaser.get();
    ASSERT_EQ(other.wait_for(long_enough), std::future_status::ready) << "nobody waits for it";
    other.get();
    bench.expect_whole();
  });
}

// Acquisitions that find no slot.

TEST(BadAlloc, ATimeoutTakesNothingAlong) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 2, .log_wait_events = true});
    bench.gpu->pause();
    const Ticket ticket = bench.submit();
    Lease lease = bench.ring().acquire();
    attempt([&] {
      EXPECT_FALSE(bench.ring().try_acquire());
      EXPECT_FALSE(bench.ring().try_acquire_for(1ms));
      expect_refused<AcquireTimeout>([&] { (void)bench.ring().acquire(1ms); });
      expect_refused<AcquireTimeout>([&] { (void)bench.ring().acquire(0ms); });
    });
    expect_equations(bench.ring().statistics());
    EXPECT_EQ(bench.ring().statistics().leased, 1U);
    bench.gpu->release();
    lease.discard();
    bench.expect_whole();
  });
}

TEST(BadAlloc, AWaitThatIsServedLosesNoSlot) {
  for (const auto strategy : {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::adaptive}) {
    fail_each_allocation([&](Attempt& attempt) {
      Bench bench({.ring_size = 2, .wait_strategy = strategy, .log_wait_events = true});
      std::vector<Ticket> tickets;
      for (int i = 0; i < 2; ++i) tickets.push_back(bench.submit());
      attempt([&] { bench.ring().acquire({.label = "a label"}).discard(); });
      bench.expect_whole();
    });
  }
}

TEST(BadAlloc, ACallbackThatWouldHaveToWaitIsToldSo) {
  fail_each_allocation([](Attempt& attempt) {
    Bench bench({.ring_size = 1});
    const Ticket ticket = bench.submit();
    std::promise<bool> failed;
    ticket.on_complete([&](const Ticket& /*ticket*/) {
      Lease lease = bench.ring().acquire();
      // On this thread.
      attempt([&] { expect_refused<InvalidUsage>([&] { (void)bench.ring().acquire(); }); });
      lease.discard();
      failed.set_value(true);
    });
    ticket.wait();
    failed.get_future().wait();
    bench.expect_whole();
  });
}

// Several rings.

TEST(BadAlloc, WaitingForTicketsOfManyRingsLosesNoTicket) {
  fail_each_allocation([](Attempt& attempt) {
    std::array<Bench, 6> benches;
    std::vector<Ticket> tickets;
    for (Bench& bench : benches) tickets.push_back(bench.submit());
    attempt([&] {
      (void)wait_any(tickets);
      wait_all(tickets);
    });
    for (const Ticket& ticket : tickets) expect_ends(ticket);
    for (Bench& bench : benches) bench.expect_whole();
  });
}

}  // namespace
}  // namespace cbr::test
