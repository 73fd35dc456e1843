#include "unit/core/allocations.h"

#include <atomic>
#include <cstdint>
#include <new>
#include <thread>

#include <gtest/gtest.h>

namespace cbr::test {
namespace {

TEST(Allocations, FailAsPlanned) {
  fail_allocations(1, 2);
  EXPECT_NO_THROW(allocate());
  EXPECT_THROW(allocate(), std::bad_alloc);
  EXPECT_THROW(allocate(), std::bad_alloc);
  EXPECT_NO_THROW(allocate());
  std::thread other([] { EXPECT_NO_THROW(allocate()); });
  other.join();
  EXPECT_TRUE(stop_failing());
  EXPECT_NO_THROW(allocate());
  EXPECT_FALSE(stop_failing());
}

TEST(Allocations, FailAtRandomWithinTheirScope) {
  const auto failed_of_a_thousand = [] {
    std::uint64_t failed = 0;
    for (int i = 0; i < 1000; ++i) {
      try {
        allocate();
      } catch (const std::bad_alloc&) {
        ++failed;
      }
    }
    return failed;
  };
  std::atomic<std::uint64_t> counted = 0;
  {
    const FailAtRandom failures(1, 4, counted);
    const std::uint64_t failed = failed_of_a_thousand();
    EXPECT_GT(failed, 200U);
    EXPECT_LT(failed, 300U);
    EXPECT_EQ(counted, failed);
    {
      const FailNone spared;
      EXPECT_EQ(failed_of_a_thousand(), 0U);
    }
    EXPECT_GT(failed_of_a_thousand(), 0U);
  }
  EXPECT_EQ(failed_of_a_thousand(), 0U);
}

}  // namespace
}  // namespace cbr::test
