// Reports of work that hangs and of threads that wait, on a virtual clock.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"
#include "support/eventually.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class Watching : public testing::Test {
 public:
  ~Watching() override { gpu_->release(); }

 protected:
  Watching() {
    backend_->on_now = [this] {
      if (std::this_thread::get_id() != main_) ++looks_;
    };
  }

  CommandBufferRing& make_ring(RingOptions options) {
    options.log_sink = [this](const LogMessage& message) {
      {
        const std::lock_guard lock(mutex_);
        lines_.push_back(message.line());
      }
      // Hangs if a lock of the ring is held.
      if (CommandBufferRing* const ring = reporting_) (void)ring->statistics();
    };
    reporting_ = &ring_.emplace(backend_, options);
    return *ring_;
  }
  Ticket submit(const AcquireOptions& options = {}) {
    acquired_line_ = std::to_string(__LINE__ + 1);
    Lease lease = ring_->acquire(options);
    submitted_line_ = std::to_string(__LINE__ + 1);
    return std::move(lease).submit();
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] bool see_lines(std::size_t count) {
    return eventually([&] { return lines().size() >= count; });
  }
  /// Waits until the watchdog has looked at all that is there now.
  [[nodiscard]] bool watchdog_looks() {
    const auto before = looks_.load();
    return eventually([&] { return looks_ >= before + 3; });
  }

  const std::thread::id main_ = std::this_thread::get_id();
  std::atomic<std::uint64_t> looks_ = 0;
  std::string acquired_line_;
  std::string submitted_line_;
  std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu();
  std::shared_ptr<HookedBackend> backend_ = std::make_shared<HookedBackend>(gpu_);
  std::mutex mutex_;
  std::vector<std::string> lines_;
  /// The ring, once it is there. Not ring_ itself: that says that it is empty before the watchdog
  /// has ended with the ring.
  std::atomic<CommandBufferRing*> reporting_ = nullptr;
  std::optional<CommandBufferRing> ring_;
};

TEST_F(Watching, ReportsAHangOnceAndAgainAsItsAgeDoubles) {
  auto& ring = make_ring({.ring_size = 2, .hang_warning_ms = 10});
  gpu_->pause();
  submit({.label = "lights"});
  gpu_->advance(9ms);
  EXPECT_TRUE(watchdog_looks());
  EXPECT_THAT(lines(), IsEmpty());
  std::size_t seen = 0;
  for (const auto& [step, age] : {std::pair{1ms, "10 ms"}, {10ms, "20 ms"}, {20ms, "40 ms"}}) {
    gpu_->advance(step - 1us);
    EXPECT_TRUE(watchdog_looks());
    EXPECT_EQ(lines().size(), seen) << "before " << age;
    gpu_->advance(1us);
    ASSERT_TRUE(see_lines(++seen));
    EXPECT_THAT(lines().back(), HasSubstr(std::string("for ") + age));
    EXPECT_TRUE(watchdog_looks());
    EXPECT_EQ(lines().size(), seen) << "after " << age;
  }
  EXPECT_EQ(ring.statistics().hang_warnings, 3U);
  // All that one needs in order to find the work.
  const std::string place = "watchdog_conformance.cpp:";
  EXPECT_THAT(lines()[0], AllOf(StartsWith("[WARNING] CommandRing: slot #0 'lights' is in flight "
                                           "with serial 1 on queue 0 for 10 ms"),
                                HasSubstr("strategy round-robin"), HasSubstr("acquired at "),
                                HasSubstr(place + acquired_line_ + ","), HasSubstr("submitted at "),
                                HasSubstr(place + submitted_line_ + ")")));
}

TEST_F(Watching, ReportsEachSubmission) {
  auto& ring = make_ring({.ring_size = 3, .hang_warning_ms = 10});
  gpu_->pause();
  submit();
  gpu_->advance(5ms);
  submit();
  gpu_->advance(5ms);
  ASSERT_TRUE(see_lines(1));
  gpu_->advance(5ms);
  ASSERT_TRUE(see_lines(2));
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("slot #0 is in flight with serial 1"),
                                   HasSubstr("slot #1 is in flight with serial 2")));
  gpu_->release();
  ring.drain();
  // A slot used again starts anew.
  gpu_->pause();
  submit();
  gpu_->advance(9ms);
  EXPECT_TRUE(watchdog_looks());
  EXPECT_EQ(lines().size(), 2U);
  gpu_->advance(1ms);
  EXPECT_TRUE(see_lines(3));
}

TEST_F(Watching, ReportsHeldWork) {
  auto& ring = make_ring({.ring_size = 2, .hang_warning_ms = 10, .name = "Held"});
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire({.label = "second"});
  std::move(second).submit();
  gpu_->advance(12ms);
  ASSERT_TRUE(see_lines(1));
  EXPECT_THAT(lines()[0], StartsWith("[WARNING] Held: slot #1 'second' is held back by its "
                                     "sequence for 12 ms"));
  first.discard();
}

TEST_F(Watching, WhatWasHeldIsWatchedAnewOnceItIsSent) {
  auto& ring = make_ring({.ring_size = 2, .hang_warning_ms = 10});
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  gpu_->pause();
  const Ticket held = std::move(second).submit();
  ASSERT_TRUE(watchdog_looks());
  // When the second is sent, it has been held for longer than the limit.
  simulated::record(first, {.submit = 50ms});
  std::move(first).submit();
  gpu_->advance(9ms);
  ASSERT_TRUE(watchdog_looks());
  EXPECT_THAT(lines(), IsEmpty());
  gpu_->advance(1ms);
  EXPECT_TRUE(see_lines(2));
}

TEST_F(Watching, ALeaseIsNoHang) {
  auto& ring = make_ring({.ring_size = 2, .hang_warning_ms = 10});
  Lease lease = ring.acquire();
  gpu_->advance(1h);
  EXPECT_TRUE(watchdog_looks());
  EXPECT_THAT(lines(), IsEmpty());
  lease.discard();
}

TEST_F(Watching, CanBeTurnedOff) {
  auto& ring = make_ring({.ring_size = 2, .hang_warning_ms = 0});
  gpu_->pause();
  submit();
  gpu_->advance(10h);
  EXPECT_EQ(ring.statistics().hang_warnings, 0U);
  gpu_->release();
  ring.drain();
  EXPECT_THAT(lines(), IsEmpty());
  EXPECT_EQ(looks_, 0U) << "no thread looks at the clock";
}

TEST_F(Watching, TooLongALimitIsAnError) {
  EXPECT_THROW(make_ring({.hang_warning_ms = 31'536'000'001U}), InvalidOption);
  EXPECT_THROW(make_ring({.spin_limit = -1ns}), InvalidOption);
  make_ring({.hang_warning_ms = 31'536'000'000U});
}

TEST_F(Watching, AWaitIsLoggedWithItsLength) {
  auto& ring = make_ring({.ring_size = 1, .log_wait_events = true});
  Lease lease = ring.acquire();
  simulated::record(lease, {.execute = 2350us});
  std::move(lease).submit();
  ring.acquire().discard();
  EXPECT_THAT(lines(), ElementsAre("[DEBUG] CommandRing: Waiting for slot #0...",
                                   "[DEBUG] CommandRing: Waited 2.35ms for slot #0"));
  ring.acquire().discard();
  EXPECT_EQ(lines().size(), 2U) << "it did not wait";
}

TEST_F(Watching, ALongWaitIsReportedWhileItLasts) {
  auto& ring = make_ring({.ring_size = 1, .hang_warning_ms = 10, .log_wait_events = true});
  gpu_->pause();
  submit();
  std::thread waiter([&] { ring.acquire().discard(); });
  EXPECT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  gpu_->advance(5000ms);
  EXPECT_TRUE(see_lines(3));
  EXPECT_THAT(lines(), Contains("[DEBUG] CommandRing: Still waiting... (5000ms elapsed)"));
  EXPECT_TRUE(watchdog_looks());
  const auto seen = lines();
  EXPECT_EQ(std::count_if(seen.begin(), seen.end(),
                          [](const auto& line) { return line.find("Still") != line.npos; }),
            1);
  gpu_->release();
  waiter.join();
  EXPECT_EQ(lines().back(), "[DEBUG] CommandRing: Waited 5000.00ms for slot #0");
}

TEST_F(Watching, WaitsAreNotLoggedUnlessAskedFor) {
  auto& ring = make_ring({.ring_size = 1});
  Lease lease = ring.acquire();
  simulated::record(lease, {.execute = 2350us});
  std::move(lease).submit();
  ring.acquire().discard();
  EXPECT_THAT(lines(), IsEmpty());
}

}  // namespace
}  // namespace cbr::test
