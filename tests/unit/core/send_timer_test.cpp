#include "core/send_timer.h"

#include <atomic>
#include <chrono>
#include <latch>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

TEST(SendTimer, CallsOnceItIsDue) {
  std::latch called(1);
  std::atomic<TimePoint> at{};
  SendTimer timer([&] {
    at = Clock::now();
    called.count_down();
    return no_deadline;
  });
  const TimePoint due = Clock::now() + 2ms;
  timer.arm(due);
  called.wait();
  EXPECT_GE(at.load(), due);
}

TEST(SendTimer, AnEarlierTimeCountsAndALaterOneDoesNot) {
  std::latch called(1);
  SendTimer timer([&] {
    called.count_down();
    return no_deadline;
  });
  timer.arm(Clock::now() + 24h);
  timer.arm(Clock::now());
  timer.arm(Clock::now() + 48h);
  called.wait();
}

TEST(SendTimer, GoesOnForAsLongAsSomethingIsDue) {
  std::latch called(3);
  std::atomic<int> calls = 0;
  SendTimer timer([&] {
    if (++calls > 3) return no_deadline;
    called.count_down();
    return Clock::now() + 1us;
  });
  timer.arm(Clock::now());
  called.wait();
}

TEST(SendTimer, IsNotCalledUnlessItIsArmed) {
  std::atomic<int> calls = 0;
  {
    const SendTimer timer([&] {
      ++calls;
      return no_deadline;
    });
  }
  {
    SendTimer timer([&] {
      ++calls;
      return no_deadline;
    });
    timer.arm(Clock::now() + 24h);
    timer.arm(no_deadline);
  }
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace cbr::detail
