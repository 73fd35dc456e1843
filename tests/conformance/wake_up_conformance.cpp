// One completion wakes whom it concerns, and nobody else.
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr::test {
namespace {

/// A thread that sleeps with a limit looks at the backend's clock each time that it is woken: that
/// is what is counted.
class WakeUps : public testing::Test {
 protected:
  static constexpr std::size_t sleepers = 8;
  static constexpr int steps = 200;
  /// Some wake up for no reason at all, as condition variables may.
  static constexpr std::uint64_t few = 20;

  WakeUps() {
    backend_->on_now = [] {
      if (looks != nullptr) ++*looks;
    };
  }
  CommandBufferRing& make_ring(const RingOptions& options) {
    return ring_.emplace(backend_, options);
  }
  void start(auto call) {
    std::atomic<std::uint64_t>& mine = counts_[threads_.size()];
    threads_.emplace_back([&mine, call] {
      looks = &mine;
      call();
      looks = nullptr;
    });
  }
  /// Every thread has looked before it fell asleep.
  [[nodiscard]] bool all_sleep(std::uint64_t looks_before) {
    const bool asleep = eventually([&] {
      for (std::size_t i = 0; i < threads_.size(); ++i) {
        if (counts_[i] < looks_before) return false;
      }
      return true;
    });
    // Between the look and the sleep there are some instructions.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return asleep;
  }
  [[nodiscard]] std::uint64_t all_looks() const {
    std::uint64_t sum = 0;
    for (const auto& count : counts_) sum += count;
    return sum;
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  static inline thread_local std::atomic<std::uint64_t>* looks = nullptr;

  std::shared_ptr<HookedBackend> backend_ = std::make_shared<HookedBackend>(simulated::make_gpu(2));
  std::optional<CommandBufferRing> ring_;
  std::array<std::atomic<std::uint64_t>, sleepers> counts_{};
  std::vector<std::thread> threads_;
};

TEST_F(WakeUps, ACompletionWakesNoneThatWaitsForASlotOfAnotherQueue) {
  auto& ring = make_ring({.ring_size = 3, .hang_warning_ms = 0});
  Lease lease = ring.acquire({.queue = QueueIndex{1}});
  // Without a limit, so that its looks are not counted; it came first, and leads where one is
  // needed.
  std::thread first([&] { ring.acquire({.queue = QueueIndex{1}}).discard(); });
  EXPECT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  for (std::size_t i = 0; i < sleepers; ++i) {
    start([&] {
      ring.acquire({.queue = QueueIndex{1}, .timeout = Timeout(std::chrono::hours(1))}).discard();
    });
  }
  EXPECT_TRUE(eventually([&] { return ring.statistics().wait_events == 1 + sleepers; }));
  EXPECT_TRUE(all_sleep(5));
  const std::uint64_t before = all_looks();
  for (int i = 0; i < steps; ++i) ring.acquire({.queue = QueueIndex{0}}).submit().wait();
  EXPECT_LT(all_looks(), before + few);
  lease.discard();
  first.join();
  join();
}

TEST_F(WakeUps, ACompletionWakesNoneThatWaitsForHeldWork) {
  auto& ring = make_ring({.ring_size = 2 + sleepers * 2 + 2, .hang_warning_ms = 0});
  Sequence sequence = ring.sequence(QueueIndex{0});
  Lease lease = sequence.acquire();
  std::vector<Ticket> held;
  for (std::size_t i = 0; i < sleepers; ++i) held.push_back(sequence.acquire().submit());
  for (std::size_t i = 0; i < sleepers; ++i) {
    start([ticket = held[i]] { EXPECT_TRUE(ticket.wait_for(std::chrono::hours(1))); });
  }
  EXPECT_TRUE(all_sleep(3));
  const std::uint64_t before = all_looks();
  for (int i = 0; i < steps; ++i) ring.acquire().submit().wait();
  EXPECT_LT(all_looks(), before + few);
  std::move(lease).submit();
  join();
}

TEST_F(WakeUps, ASubmissionOfASequenceWakesNoneThatWaitsForALaterPart) {
  auto& ring = make_ring({.ring_size = 2 * (2 + sleepers * 2), .hang_warning_ms = 0});
  Sequence other = ring.sequence(QueueIndex{0});
  Sequence sequence = ring.sequence(QueueIndex{0});
  Lease lease = sequence.acquire();
  std::vector<Ticket> held;
  for (std::size_t i = 0; i < sleepers; ++i) held.push_back(sequence.acquire().submit());
  for (std::size_t i = 0; i < sleepers; ++i) {
    start([ticket = held[i]] { EXPECT_TRUE(ticket.wait_for(std::chrono::hours(1))); });
  }
  EXPECT_TRUE(all_sleep(3));
  const std::uint64_t before = all_looks();
  for (int i = 0; i < steps; ++i) {
    Lease first = other.acquire();
    const Ticket second = other.acquire().submit();
    std::move(first).submit();
    second.wait();
  }
  EXPECT_LT(all_looks(), before + few);
  std::move(lease).submit();
  join();
}

TEST(Leader, ThatLeadsAgainIsWokenByALeaseThatIsGivenBack) {
  const auto gpu = simulated::make_gpu(2);
  const auto backend = std::make_shared<HookedBackend>(gpu);
  std::atomic<bool> leads_again = false;
  // At first it waits for both queues.
  backend->on_wait = [&](std::span<const SyncPoint> points) {
    if (points.size() == 1 && points[0].queue == QueueIndex{0}) leads_again = true;
  };
  CommandBufferRing ring(backend, {.ring_size = 4, .hang_warning_ms = 0});
  Lease kept = ring.acquire({.queue = QueueIndex{0}});
  Lease hangs = ring.acquire({.queue = QueueIndex{0}});
  simulated::record(hangs, {.fault = Fault::hang});
  std::move(hangs).submit();
  Lease ends = ring.acquire({.queue = QueueIndex{1}});
  simulated::record(ends, {.execute = std::chrono::microseconds(1)});
  std::move(ends).submit();
  std::thread waiter([&] { ring.acquire({.queue = QueueIndex{0}}).discard(); });
  EXPECT_TRUE(eventually([&] { return leads_again.load(); }));
  kept.discard();
  waiter.join();
  gpu->release();
}

}  // namespace
}  // namespace cbr::test
