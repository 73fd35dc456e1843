// What a submission waits for: the list of it, and when the simulated GPU starts it.
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;

class DependencyList : public testing::Test {
 protected:
  Ticket submit() { return ring_.acquire().submit(); }
  static std::vector<std::uint64_t> serials(const Dependencies& list) {
    std::vector<std::uint64_t> serials;
    for (std::size_t i = 0; i < list.size(); ++i) {
      serials.push_back(list[i].ticket().serial().value());
    }
    return serials;
  }

  CommandBufferRing ring_{simulated::make_gpu()};
};

TEST_F(DependencyList, KeepsAnyNumberInOrder) {
  Dependencies list;
  EXPECT_TRUE(list.empty());
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(list.size(), i);
    list.add(submit());
    EXPECT_FALSE(list.empty());
  }
  EXPECT_THAT(serials(list), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST_F(DependencyList, IsMadeOfTicketsAndOptions) {
  const Ticket a = submit();
  const Ticket b = submit();
  const Dependencies list = {a, {b, {.if_failed = IfFailed::run, .allow_host_wait = true}}};
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].options().if_failed, IfFailed::fail);
  EXPECT_FALSE(list[0].options().allow_host_wait);
  EXPECT_EQ(list[1].options().if_failed, IfFailed::run);
  EXPECT_TRUE(list[1].options().allow_host_wait);
  EXPECT_THAT(serials(list), testing::ElementsAre(1, 2));
  const std::vector<Ticket> tickets = {b, a};
  EXPECT_THAT(serials(Dependencies(tickets)), testing::ElementsAre(2, 1));
}

TEST_F(DependencyList, MovedFromIsEmpty) {
  for (const std::size_t count : {3U, 7U}) {
    Dependencies list;
    for (std::size_t i = 0; i < count; ++i) list.add(submit());
    const auto expected = serials(list);
    Dependencies copy = list;
    Dependencies moved = std::move(list);
    EXPECT_TRUE(list.empty());  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(list.size(), 0U);
    EXPECT_EQ(serials(moved), expected);
    EXPECT_EQ(serials(copy), expected);
    Dependencies assigned = {submit()};
    assigned = std::move(moved);
    EXPECT_EQ(moved.size(), 0U);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(serials(assigned), expected);
    copy = assigned;
    EXPECT_EQ(serials(copy), expected);
  }
}

/// Two simulated backends of one device, with a ring each.
class WorkOfOneDevice : public testing::Test {
 protected:
  static Ticket submit(CommandBufferRing& ring, const simulated::Plan& plan,
                       Dependencies after = {}) {
    Lease lease = ring.acquire();
    simulated::record(lease, plan);
    return std::move(lease).submit({.after = std::move(after)});
  }
  static std::pair<std::int64_t, std::int64_t> times(const Ticket& ticket) {
    const GpuInterval interval = ticket.gpu_interval().value();
    return {interval.start / 1us, interval.end / 1us};
  }

  const std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu(2);
  const std::shared_ptr<simulated::Gpu> beside_ = gpu_->another();
  CommandBufferRing ring_{gpu_, {.ring_size = 8}};
  CommandBufferRing other_{beside_, {.ring_size = 8}};
};

TEST_F(WorkOfOneDevice, StartsOnceWhatItWaitsForHasEnded) {
  const Ticket a = submit(ring_, {.execute = 30us});  // queue 0
  const Ticket b = submit(ring_, {.execute = 50us});  // queue 1
  const Ticket c = submit(other_, {.signal = 7us, .execute = 10us}, {a, b});
  const Ticket d = submit(other_, {.execute = 5us});      // behind c
  const Ticket e = submit(ring_, {.execute = 1us}, {c});  // queue 0
  e.wait();
  d.wait();
  EXPECT_EQ(times(a), std::pair(0L, 30L));
  EXPECT_EQ(times(b), std::pair(0L, 50L));
  EXPECT_EQ(times(c), std::pair(57L, 67L)) << "7 us after the later one";
  EXPECT_EQ(times(d), std::pair(67L, 72L));
  EXPECT_EQ(times(e), std::pair(67L, 68L));
}

TEST_F(WorkOfOneDevice, OneClockAndOneFate) {
  gpu_->advance(5us);
  EXPECT_EQ(beside_->now(), gpu_->now());
  submit(ring_, {.execute = 20us}).wait();
  EXPECT_EQ(other_.now().time_since_epoch(), 25us);
  beside_->lose_device();
  EXPECT_THROW(submit(ring_, {}), DeviceLost);
}

TEST_F(WorkOfOneDevice, KnowsTheEndOfWhatEndedBefore) {
  const Ticket a = submit(ring_, {.execute = 30us});
  a.wait();
  const Ticket b = submit(other_, {.signal = 7us, .execute = 10us}, {a});
  b.wait();
  EXPECT_EQ(times(b), std::pair(37L, 47L)) << "the signal was still on its way";
}

TEST_F(WorkOfOneDevice, HangsWithWhatItWaitsFor) {
  const Ticket a = submit(ring_, {.execute = 30us, .fault = Fault::hang});
  const Ticket b = submit(other_, {.execute = 10us}, {a});
  const Ticket c = submit(ring_, {.execute = 10us}, {b});  // queue 1
  EXPECT_FALSE(c.wait_for(100us));
  EXPECT_EQ(gpu_->now().time_since_epoch(), 100us);
  gpu_->release();
  c.wait();
  EXPECT_EQ(times(a), std::pair(0L, 100L));
  EXPECT_EQ(times(b), std::pair(100L, 110L));
  EXPECT_EQ(times(c), std::pair(110L, 120L));
}

TEST_F(WorkOfOneDevice, ASignalMayNeverCome) {
  const Ticket a = submit(ring_, {.execute = 30us});
  const Ticket b = submit(other_, {.execute = 10us, .fault = Fault::lose_signal}, {a});
  EXPECT_FALSE(b.wait_for(100us));
  EXPECT_TRUE(a.done());
  beside_->release();
  b.wait();
  EXPECT_EQ(times(b), std::pair(100L, 110L)) << "it came late";
  const Ticket c = submit(other_, {.execute = 10us, .fault = Fault::lose_signal});
  c.wait();
  EXPECT_EQ(times(c), std::pair(110L, 120L)) << "it waited for no signal";
}

TEST_F(WorkOfOneDevice, ACallThatComesToNothingChangesNothing) {
  const Ticket a = submit(ring_, {.execute = 30us});
  EXPECT_THROW(submit(other_, {.fault = Fault::fail_submit}, {a}), SubmitFailed);
  const Ticket b = submit(other_, {.execute = 10us}, {a});
  b.wait();
  EXPECT_EQ(b.serial().value(), 1U);
  EXPECT_EQ(times(b), std::pair(30L, 40L));
}

TEST_F(WorkOfOneDevice, ADependantIsToldOfAFailureOnceItHasEndedItself) {
  const Ticket a = submit(ring_, {.execute = 30us, .fault = Fault::fail_execution});
  const Ticket b = submit(other_, {.execute = 10us}, {a});
  EXPECT_EQ(b.error(), nullptr);
  EXPECT_FALSE(b.wait_for(35us)) << "the GPU runs it all the same";
  EXPECT_THROW(b.wait(), DependencyFailed);
  EXPECT_EQ(times(b), std::pair(30L, 40L));
  EXPECT_THROW(a.wait(), ExecutionFailed);
}

TEST_F(WorkOfOneDevice, AChainOfFailuresTellsOfTheFirst) {
  const Ticket first = submit(ring_, {.fault = Fault::fail_execution});
  Ticket last = first;
  std::size_t shortest = 0;
  for (int i = 0; i < 300; ++i) {
    last = submit(ring_, {}, {last});
    try {
      last.wait();
      ADD_FAILURE() << "no throw";
    } catch (const DependencyFailed& error) {
      const std::size_t length = std::string(error.what()).size();
      if (i == 0) shortest = length;
      EXPECT_LE(length, shortest + 5) << i;
      EXPECT_EQ(error.cause(), first.error());
    }
  }
}

TEST_F(WorkOfOneDevice, TimePassesUntilTheEndOfWhatWasWaitedForIsSeen) {
  const Ticket a = submit(ring_, {.execute = 10us, .completion = 50us});
  const Ticket b = submit(other_, {.execute = 1us}, {a});
  // Its own end can be seen first, but not be told.
  b.wait();
  EXPECT_TRUE(a.done());
  EXPECT_EQ(times(b), std::pair(10L, 11L));
  EXPECT_EQ(gpu_->now().time_since_epoch(), 60us);
}

TEST_F(WorkOfOneDevice, ALossLeavesNothingOfARingThatIsGone) {
  Ticket after;
  {
    CommandBufferRing lost(gpu_->another());
    const Ticket hangs = submit(lost, {.fault = Fault::hang});
    after = submit(other_, {}, {hangs});
    gpu_->lose_device();
    EXPECT_THROW(lost.drain(), DeviceLost);
  }
  beside_->release();
  EXPECT_THROW(after.wait(), DeviceLost);
}

TEST_F(WorkOfOneDevice, ABackendMayGoWithoutHavingDetached) {
  {
    const auto gone = gpu_->another();
    gone->attach({});
  }
  submit(other_, {.execute = 1us}).wait();
}

TEST_F(WorkOfOneDevice, TicketsKeepNoTimelineOfARingThatIsGone) {
  std::weak_ptr<const QueueTimeline> timeline;
  Ticket kept;
  {
    const auto gpu = gpu_->another();
    CommandBufferRing ring(gpu);
    timeline = gpu->timeline(QueueIndex{0});
    kept = submit(ring, {});
    EXPECT_FALSE(timeline.expired());
  }
  EXPECT_TRUE(timeline.expired());
  submit(other_, {}, {kept}).wait();
}

TEST_F(WorkOfOneDevice, ADependantThatIsHeldUpCostsNoWaitsInTheBackend) {
  const auto faults = inject_faults(gpu_->another());
  const auto backend = std::make_shared<test::HookedBackend>(gpu_->another());
  std::atomic<int> waits = 0;
  std::atomic<int> looks = 0;
  backend->on_wait = [&](std::span<const SyncPoint> /*points*/) { ++waits; };
  backend->on_completed = [&](QueueIndex /*queue*/) { ++looks; };
  CommandBufferRing hanging(faults, {.hang_warning_ms = 0});
  CommandBufferRing ring(backend, {.hang_warning_ms = 0});
  // Hung for its ring alone: the GPU goes on with what waits for it.
  faults->hang_next();
  const Ticket hung = submit(hanging, {});
  const Ticket tickets[] = {submit(ring, {}, {hung})};
  std::thread waiter([&] { EXPECT_EQ(wait_any(tickets), 0U); });
  EXPECT_TRUE(test::eventually([&] { return looks > 20; }));
  EXPECT_LE(waits, 2);
  faults->release();
  waiter.join();
}

TEST_F(WorkOfOneDevice, TheFailureOfADependantIsReportedOnce) {
  {
    const Ticket a = submit(ring_, {.execute = 30us, .fault = Fault::fail_execution});
    submit(other_, {.execute = 10us}, {a});
  }
  other_.drain();
  ring_.drain();
  EXPECT_TRUE(ring_.leaked().empty()) << "who depended on it has been told";
  ASSERT_EQ(other_.leaked().size(), 1U);
}

}  // namespace
}  // namespace cbr
