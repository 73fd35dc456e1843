// What a backend tells is not taken for granted.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Tells the times that it is given.
class TimeTellingBackend final : public detail::BackendDecorator<Backend> {
 public:
  explicit TimeTellingBackend(std::shared_ptr<Backend> inner)
      : BackendDecorator(std::move(inner)) {}

  Completion finish(SlotIndex slot) override {
    Completion completion = inner().finish(slot);
    completion.interval = interval;
    completion.end = interval ? std::optional(interval->end) : std::nullopt;
    return completion;
  }

  std::optional<GpuInterval> interval;
};

TEST(UntrustedBackend, AnIntervalThatEndsBeforeItStartsIsNone) {
  const auto backend = std::make_shared<TimeTellingBackend>(simulated::make_gpu());
  CommandBufferRing ring(backend, {.ring_size = 1});
  const auto run = [&](std::optional<GpuInterval> interval) {
    backend->interval = interval;
    Ticket ticket = ring.acquire().submit();
    ticket.wait();
    return ticket;
  };
  const Ticket good = run(GpuInterval{5ns, 5ns});
  EXPECT_TRUE(good.gpu_interval());
  EXPECT_EQ(good.gpu_end(), 5ns);
  const Ticket bad = run(GpuInterval{6ns, 5ns});
  EXPECT_FALSE(bad.gpu_interval());
  EXPECT_FALSE(bad.gpu_end());
  EXPECT_EQ(bad.error(), nullptr);
}

TEST(UntrustedBackend, TimesThatNoClockReadsAreNone) {
  constexpr auto least = std::chrono::nanoseconds::min();
  constexpr auto most = std::chrono::nanoseconds::max();
  const auto backend = std::make_shared<TimeTellingBackend>(simulated::make_gpu());
  CommandBufferRing ring(backend, {.ring_size = 1});
  for (const GpuInterval interval :
       {GpuInterval{5ns, 6ns}, GpuInterval{least, least + 5ns}, GpuInterval{most - 5ns, most},
        GpuInterval{least, most}, GpuInterval{8ns, 9ns}}) {
    backend->interval = interval;
    ring.acquire().submit().wait();
  }
  const RingStatistics statistics = ring.statistics();
  ASSERT_TRUE(statistics.gpu);
  EXPECT_EQ(statistics.gpu->submissions, 2U);
  EXPECT_EQ(statistics.gpu->busy, 2ns);
  EXPECT_EQ(statistics.gpu->idle, 0ns);
}

TEST(UntrustedBackend, ACallThatMeetsALossLaterThrowsTheFirstCause) {
  const auto backend = std::make_shared<test::HookedBackend>(simulated::make_gpu());
  CommandBufferRing ring(backend, {.ring_size = 2});
  backend->on_completed = [](QueueIndex /*queue*/) { throw DeviceLost("the first cause"); };
  // Another call finds the loss while this one is in the backend.
  backend->on_begin = [&](SlotIndex /*slot*/) {
    (void)ring.statistics();
    throw DeviceLost("a later cause");
  };
  try {
    (void)ring.acquire();
    ADD_FAILURE() << "no throw";
  } catch (const DeviceLost& error) {
    EXPECT_STREQ(error.what(), "the first cause");
  }
}

TEST(UntrustedBackend, AWakeThatFailsIsTold) {
  const auto gpu = simulated::make_gpu();
  const auto injector = inject_faults(gpu, {.script = {{Fault::fail_wake, 1}}});
  const auto backend = std::make_shared<test::HookedBackend>(injector);
  std::atomic<bool> waits = false;
  backend->on_wait = [&](std::span<const SyncPoint> /*points*/) { waits = true; };
  std::atomic<int> told = 0;
  CommandBufferRing ring(backend, {.ring_size = 2, .log_sink = [&](const LogMessage& message) {
                                     if (message.event == LogEvent::backend_failure) ++told;
                                   }});
  gpu->pause();
  ring.acquire().submit();
  Lease lease = ring.acquire();
  std::thread waiter([&] { ring.acquire().discard(); });
  EXPECT_TRUE(test::eventually([&] { return waits.load(); }));
  lease.discard();
  EXPECT_EQ(told, 1);
  // Its wait ends with the work.
  gpu->release();
  waiter.join();
}

TEST(UntrustedBackend, OfTwoCausesOfALossTheFirstCounts) {
  const auto gpu = simulated::make_gpu();
  const auto backend = std::make_shared<test::HookedBackend>(gpu);
  std::atomic<bool> waiting = false;
  std::atomic<bool> lost = false;
  backend->on_wait = [&](std::span<const SyncPoint> /*points*/) {
    waiting = true;
    while (!lost) std::this_thread::yield();
    throw DeviceLost("the second cause");
  };
  backend->on_completed = [&](QueueIndex /*queue*/) {
    if (waiting) throw DeviceLost("the first cause");
  };
  CommandBufferRing ring(backend, {.ring_size = 1});
  gpu->pause();
  const Ticket ticket = ring.acquire().submit();
  auto acquiring = std::async(std::launch::async, [&]() -> std::string {
    try {
      ring.acquire().discard();
    } catch (const DeviceLost& error) {
      return error.what();
    }
    return {};
  });
  while (!waiting) std::this_thread::yield();
  EXPECT_TRUE(ticket.done());
  lost = true;
  EXPECT_THAT(acquiring.get(), HasSubstr("the first cause"));
  gpu->release();
}

TEST(UntrustedBackend, ASlotThatGotFreeBeforeAFailureIsNotLost) {
  const auto backend = std::make_shared<test::HookedBackend>(simulated::make_gpu(2));
  std::atomic<bool> fail = false;
  backend->on_completed = [&](QueueIndex queue) {
    if (to_number(queue) == 1 && fail.exchange(false)) throw BackendError("not now");
  };
  CommandBufferRing ring(backend, {.ring_size = 2});
  for (std::uint32_t queue = 0; queue < 2; ++queue) {
    (void)ring.acquire({.queue = QueueIndex{queue}}).submit();
  }
  fail = true;
  EXPECT_THROW((void)ring.acquire(), BackendError);
  EXPECT_EQ(ring.statistics().leased, 0U);
  Lease first = ring.acquire();
  Lease second = ring.acquire();
  first.discard();
  second.discard();
}

}  // namespace
}  // namespace cbr
