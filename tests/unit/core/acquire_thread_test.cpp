// The thread that waits for all asynchronous requests, where its backend's clock stands still or
// its waits fail.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::HookedBackend;

class AcquireThread : public testing::Test {
 protected:
  CommandBufferRing& make_ring(RingOptions options) {
    if (!options.log_sink) options.log_sink = [](const LogMessage&) {};
    return ring_.emplace(backend_, std::move(options));
  }
  /// A request that fails at its limit; the result is true once it has.
  static std::shared_ptr<std::atomic<bool>> ask(CommandBufferRing& ring,
                                                const AcquireOptions& options) {
    auto told = std::make_shared<std::atomic<bool>>(false);
    ring.acquire_async(options, [told](AcquireResult result) {
      EXPECT_THROW((void)std::move(result).lease(), AcquireTimeout);
      *told = true;
    });
    return told;
  }
  bool waits(std::uint64_t count) {
    return eventually([&] { return ring_->statistics().wait_events == count; });
  }

  const std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu(2);
  const std::shared_ptr<HookedBackend> backend_ = std::make_shared<HookedBackend>(gpu_);
  std::optional<CommandBufferRing> ring_;
};

TEST_F(AcquireThread, ALimitOnAClockThatStandsLastsAsLongAsItSays) {
  auto& ring = make_ring({.ring_size = 2});
  const Lease first = ring.acquire();
  const Lease second = ring.acquire();
  for (const auto limit : {40ms, 30ms}) {
    const auto start = Clock::now();
    const auto told = ask(ring, {.timeout = Timeout(limit)});
    EXPECT_TRUE(eventually([&] { return told->load(); }));
    EXPECT_GE(Clock::now() - start, limit);
  }
}

TEST_F(AcquireThread, RequestsThatComeAndGoPutOffNoLimit) {
  auto& ring = make_ring({.ring_size = 2});
  const Lease first = ring.acquire();
  const Lease second = ring.acquire();
  const auto told = ask(ring, {.timeout = Timeout(20ms)});
  EXPECT_TRUE(eventually([&] {
    ring.acquire_async({}, [](AcquireResult) {}).cancel();
    return told->load();
  }));
}

TEST_F(AcquireThread, LimitsComeWhileOthersAreGrantedSlots) {
  auto& ring = make_ring({.ring_size = 2});
  const Lease second = ring.acquire({.queue = QueueIndex{1}});
  Lease first = ring.acquire({.queue = QueueIndex{0}});
  std::atomic<bool> stop = false;
  std::atomic<int> under_way = 2;
  // There is always one that has been given the slot.
  std::function<void(AcquireResult)> again = [&](AcquireResult result) {
    Lease lease = std::move(result).lease();
    gpu_->advance(10us);
    if (!stop) {
      ring.acquire_async({.queue = QueueIndex{0}}, again);
      lease.discard();
    } else {
      lease.discard();
      --under_way;
    }
  };
  ring.acquire_async({.queue = QueueIndex{0}}, again);
  ring.acquire_async({.queue = QueueIndex{0}}, again);
  const auto told = ask(ring, {.queue = QueueIndex{1}, .timeout = Timeout(1ms)});
  first.discard();
  EXPECT_TRUE(eventually([&] { return told->load(); }));
  stop = true;
  EXPECT_TRUE(eventually([&] { return under_way == 0; }));
}

TEST_F(AcquireThread, AWaitThatFailsAtALimitSwallowsNoTimeout) {
  std::atomic<bool> fails = false;
  backend_->on_wait = [&](std::span<const SyncPoint> /*points*/) {
    if (!fails.exchange(false)) return;
    gpu_->advance(1s);
    throw BackendError("the wait fails");
  };
  auto& ring = make_ring({.ring_size = 2});
  gpu_->pause();
  (void)ring.acquire().submit();
  (void)ring.acquire().submit();
  fails = true;
  const auto told = ask(ring, {.timeout = Timeout(100ms)});
  EXPECT_TRUE(eventually([&] { return told->load(); }));
  EXPECT_EQ(ring.statistics().timeout_events, 1U);
  gpu_->release();
  ring.drain();
}

TEST_F(AcquireThread, TheLogSinkRunsWithoutTheLead) {
  std::atomic<bool> leads = false;
  std::atomic<bool> fails = false;
  std::atomic<bool> failed = false;
  backend_->on_wait = [&](std::span<const SyncPoint> /*points*/) {
    if (failed || leads.exchange(true)) return;
    EXPECT_TRUE(eventually([&] { return fails.load(); }));
    failed = true;
    throw BackendError("the wait fails");
  };
  std::atomic<bool> served = false;
  auto& ring = make_ring({.ring_size = 2, .log_sink = [&](const LogMessage& message) {
                            if (message.event != LogEvent::backend_failure) return;
                            gpu_->release();
                            // A thread that waits is served meanwhile, by itself.
                            EXPECT_TRUE(eventually([&] { return served.load(); }));
                            EXPECT_THROW((void)ring_->acquire(), InvalidUsage);
                          }});
  gpu_->pause();
  (void)ring.acquire().submit();
  (void)ring.acquire().submit();
  Lease kept;
  std::atomic<bool> told = false;
  ring.acquire_async({}, [&](AcquireResult result) {
    kept = std::move(result).lease();
    told = true;
  });
  EXPECT_TRUE(eventually([&] { return leads.load(); }));
  std::thread thread([&] {
    const Lease lease = ring.acquire();
    served = true;
    EXPECT_TRUE(eventually([&] { return told.load(); }));
  });
  EXPECT_TRUE(waits(2));
  fails = true;
  thread.join();
  kept.discard();
}

}  // namespace
}  // namespace cbr
