#include "core/watchdog.h"

#include <atomic>
#include <latch>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

TEST(Watchdog, LooksAgainAndAgain) {
  std::latch looks(3);
  std::atomic<int> count = 0;
  const Watchdog watchdog([&] {
    if (++count <= 3) looks.count_down();
    return 1ns;
  });
  looks.wait();
}

TEST(Watchdog, EndsAtOnceHoweverLongThePause) {
  std::latch looked(1);
  std::atomic<int> count = 0;
  {
    const Watchdog watchdog([&] {
      ++count;
      looked.count_down();
      return std::chrono::hours(24);
    });
    looked.wait();
  }
  EXPECT_EQ(count, 1);
}

TEST(Watchdog, ItsEndWaitsForALookUnderWay) {
  std::latch looking(1);
  std::latch go_on(1);
  std::atomic<bool> looked = false;
  auto watchdog = std::make_unique<Watchdog>([&]() -> std::chrono::nanoseconds {
    looking.count_down();
    go_on.wait();
    looked = true;
    return std::chrono::hours(24);
  });
  looking.wait();
  std::thread releaser([&] { go_on.count_down(); });
  watchdog.reset();
  EXPECT_TRUE(looked);
  releaser.join();
}

}  // namespace
}  // namespace cbr::detail
