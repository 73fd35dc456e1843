// Calls of the backend that fail once: they concern the call that made them, and the ring goes on.
#include <array>
#include <atomic>
#include <latch>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

class Transient : public RingConformance {
 protected:
  CommandBufferRing& make_watched_ring(std::uint32_t ring_size) {
    return make_ring({.ring_size = ring_size,
                      .hang_warning_ms = 0,
                      .log_sink = [this](const LogMessage& message) {
                        if (message.event == LogEvent::backend_failure) ++failures_told_;
                      }});
  }
  /// Nothing is lost: every slot can be had, and all numbers are right.
  void expect_a_healthy_ring() {
    ring_->drain();
    for (std::uint32_t i = 0; i < ring_->ring_size(); ++i) held_.push_back(ring_->acquire(0ns));
    held_.clear();
    submit_one().wait();
    const auto statistics = ring_->statistics();
    EXPECT_EQ(statistics.failures, 0U);
    EXPECT_EQ(statistics.in_flight, 0U);
    EXPECT_EQ(statistics.leased, 0U);
    EXPECT_THAT(ring_->leaked(), IsEmpty());
    expect_equations();
  }
  /// The ring's sink may be called to its end.
  void TearDown() override {
    destroy_ring();
    RingConformance::TearDown();
  }

  std::atomic<int> failures_told_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Backend, Transient, all_backends(), backend_name);

TEST_P(Transient, AWaitOfTheCompletionThread) {
  make_watched_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  if (const std::string reason = harness_->fail_next(Fault::fail_wait); !reason.empty()) {
    harness_->release();
    GTEST_SKIP() << reason;
  }
  std::latch called(1);
  ticket.on_complete([&](const Ticket& ended) {
    EXPECT_EQ(ended.error(), nullptr);
    called.count_down();
  });
  EXPECT_TRUE(eventually([&] { return failures_told_ == 1; }));
  EXPECT_FALSE(ticket.done());
  harness_->release();
  called.wait();
  EXPECT_EQ(failures_told_, 1);
  expect_a_healthy_ring();
}

TEST_P(Transient, ALookOfTheCompletionThread) {
  make_watched_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  std::latch called(1);
  ticket.on_complete([&](const Ticket& ended) {
    EXPECT_EQ(ended.error(), nullptr);
    called.count_down();
  });
  const std::string reason = harness_->fail_next(Fault::fail_completed);
  harness_->release();
  called.wait();
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_EQ(failures_told_, 1);
  expect_a_healthy_ring();
}

TEST_P(Transient, AnOutcomeThatCannotBeReadIsOneThatWentWell) {
  make_watched_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  const Ticket next = submit_one();
  std::latch called(2);
  for (const Ticket& each : {ticket, next}) {
    each.on_complete([&](const Ticket& ended) {
      EXPECT_EQ(ended.error(), nullptr);
      called.count_down();
    });
  }
  const std::string reason = harness_->fail_next(Fault::fail_finish);
  harness_->release();
  called.wait();
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_NO_THROW(ticket.wait());
  EXPECT_EQ(ticket.gpu_interval(), std::nullopt);
  EXPECT_EQ(failures_told_, 1);
  expect_a_healthy_ring();
}

TEST_P(Transient, AWaitForATicketThrowsAndMayBeMadeAgain) {
  make_watched_ring(2);
  const Ticket ticket = submit_one();
  CBR_ARRANGE(harness_->fail_next(Fault::fail_wait));
  EXPECT_THROW(ticket.wait(), BackendError);
  EXPECT_NO_THROW(ticket.wait());
  const Ticket next = submit_one();
  CBR_ARRANGE(harness_->fail_next(Fault::fail_completed));
  EXPECT_THROW((void)next.wait_for(std::chrono::hours(1)), BackendError);
  EXPECT_TRUE(next.wait_for(std::chrono::hours(1)));
  EXPECT_EQ(failures_told_, 0) << "the call has told it";
  expect_a_healthy_ring();
}

TEST_P(Transient, AWaitForAnyOfSeveralTickets) {
  make_watched_ring(2);
  const std::array tickets{submit_one(), submit_one()};
  CBR_ARRANGE(harness_->fail_next(Fault::fail_completed));
  EXPECT_THROW((void)wait_any(tickets), BackendError);
  EXPECT_LT(wait_any(tickets), 2U);
  EXPECT_NO_THROW(wait_all(tickets));
  expect_a_healthy_ring();
}

TEST_P(Transient, AnAcquisitionThrowsAndTakesNothing) {
  auto& ring = make_watched_ring(1);
  for (const Fault fault : {Fault::fail_wait, Fault::fail_completed}) {
    harness_->pause();
    const Ticket ticket = submit_one();
    const std::string reason = harness_->fail_next(fault);
    if (!reason.empty()) {
      harness_->release();
      GTEST_SKIP() << reason;
    }
    EXPECT_THROW((void)ring.acquire(), BackendError);
    harness_->release();
    submit_one().wait();
  }
  expect_a_healthy_ring();
}

TEST_P(Transient, TheFailedWaitOfALeaderLeavesTheOthersWaiting) {
  auto& ring = make_watched_ring(1);
  std::atomic<int> failed = 0;
  std::atomic<int> served = 0;
  Lease lease = record_one();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      try {
        Lease mine = ring.acquire();
        ++served;
        mine.discard();
      } catch (const BackendError&) {
        ++failed;
      }
    });
  }
  EXPECT_TRUE(waits(3));
  harness_->pause();
  const std::string reason = harness_->fail_next(Fault::fail_wait);
  // The first of them leads now, and fails.
  const Ticket ticket = std::move(lease).submit();
  if (reason.empty()) {
    EXPECT_TRUE(eventually([&] { return failed == 1; }));
  }
  harness_->release();
  for (std::thread& thread : threads) thread.join();
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_EQ(served, 2);
  expect_a_healthy_ring();
}

TEST_P(Transient, AWaitOfTheAcquireThreadFailsNoRequest) {
  auto& ring = make_watched_ring(1);
  harness_->pause();
  const Ticket ticket = submit_one();
  if (const std::string reason = harness_->fail_next(Fault::fail_wait); !reason.empty()) {
    harness_->release();
    GTEST_SKIP() << reason;
  }
  std::latch called(1);
  ring.acquire_async({.timeout = Timeout()}, [&](AcquireResult result) {
    EXPECT_EQ(result.failure(), nullptr);
    std::move(result).lease().discard();
    called.count_down();
  });
  EXPECT_TRUE(eventually([&] { return failures_told_ == 1; }));
  EXPECT_FALSE(called.try_wait());
  harness_->release();
  called.wait();
  EXPECT_EQ(failures_told_, 1);
  expect_a_healthy_ring();
}

TEST_P(Transient, AWakeThatFailsComesLateButComes) {
  auto& ring = make_watched_ring(2);
  harness_->pause();
  const Ticket ticket = submit_one();
  Lease lease = ring.acquire();
  std::atomic<bool> served = false;
  std::thread waiter([&] {
    Lease mine = ring.acquire();
    served = true;
    mine.discard();
  });
  EXPECT_TRUE(waits(1));
  const std::string reason = harness_->fail_next(Fault::fail_wake);
  lease.discard();
  harness_->release();
  waiter.join();
  EXPECT_TRUE(served);
  if (!reason.empty()) GTEST_SKIP() << reason;
  // If the waiter was not in the backend yet, nobody had to be woken there.
  EXPECT_LE(failures_told_, 1);
  expect_a_healthy_ring();
}

TEST_P(Transient, ADrainThrowsAndMayBeMadeAgain) {
  auto& ring = make_watched_ring(2);
  const Ticket ticket = submit_one();
  CBR_ARRANGE(harness_->fail_next(Fault::fail_wait));
  EXPECT_THROW(ring.drain(), BackendError);
  ring.drain();
  EXPECT_TRUE(ticket.done());
  expect_a_healthy_ring();
}

TEST_P(Transient, StatisticsTellWhatIsKnown) {
  auto& ring = make_watched_ring(2);
  const Ticket ticket = submit_one();
  CBR_ARRANGE(harness_->fail_next(Fault::fail_completed));
  EXPECT_EQ(ring.statistics().submissions, 1U);
  ticket.wait();
  expect_a_healthy_ring();
}

TEST_P(Transient, TheRingsEndWaitsOn) {
  for (const Fault fault : {Fault::fail_wait, Fault::fail_completed}) {
    failures_told_ = 0;
    make_watched_ring(2);
    const Ticket ticket = submit_one();
    CBR_ARRANGE(harness_->fail_next(fault));
    // What it destroys next is not to be in use: the checks behind say so.
    destroy_ring();
    EXPECT_TRUE(ticket.done());
    EXPECT_NO_THROW(ticket.wait());
    EXPECT_EQ(failures_told_, 1);
  }
}

TEST_P(Transient, ManyAtOnceLoseNothing) {
  auto& ring = make_watched_ring(3);
  const auto again = [](const auto& call) {
    for (;;) {
      try {
        return call();
      } catch (const BackendError&) {
        continue;
      }
    }
  };
  std::atomic<int> called = 0;
  constexpr int threads_count = 3;
  constexpr int steps = 60;
  std::vector<std::thread> threads;
  std::string reason;
  for (const Fault fault :
       {Fault::fail_wait, Fault::fail_completed, Fault::fail_finish, Fault::fail_wake}) {
    for (int i = 0; i < 20 && reason.empty(); ++i) reason = harness_->fail_next(fault);
  }
  if (!reason.empty()) GTEST_SKIP() << reason;
  for (int i = 0; i < threads_count; ++i) {
    threads.emplace_back([&] {
      for (int step = 0; step < steps; ++step) {
        Lease lease = again([&] { return ring.acquire(); });
        harness_->record(lease);
        const Ticket ticket = std::move(lease).submit();
        ticket.on_complete([&](const Ticket& ended) {
          EXPECT_EQ(ended.error(), nullptr);
          ++called;
        });
        again([&] { ticket.wait(); });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(eventually([&] { return called == threads_count * steps; }));
  EXPECT_EQ(ring.statistics().completions, std::uint64_t{threads_count} * steps);
  destroy_ring();
}

}  // namespace
}  // namespace cbr::test
