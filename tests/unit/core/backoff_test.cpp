#include "core/backoff.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, DoublesUpToItsLimitAndStartsAnew) {
  Backoff backoff;
  EXPECT_TRUE(backoff.is_fresh());
  std::vector<std::chrono::milliseconds> waits;
  for (int i = 0; i < 9; ++i) {
    waits.push_back(backoff.next());
    EXPECT_FALSE(backoff.is_fresh());
  }
  EXPECT_THAT(waits, testing::ElementsAre(1ms, 2ms, 4ms, 8ms, 16ms, 32ms, 64ms, 100ms, 100ms));
  backoff.reset();
  EXPECT_TRUE(backoff.is_fresh());
  EXPECT_EQ(backoff.next(), 1ms);
}

}  // namespace
}  // namespace cbr::detail
