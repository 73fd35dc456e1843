#include "core/waiter_queue.h"

#include <array>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

TEST(WaiterQueue, KeepsTheOrderOfArrival) {
  WaiterQueue queue(16);
  std::array<Waiter, 3> waiters;
  EXPECT_TRUE(queue.empty());
  for (auto& waiter : waiters) queue.push(waiter);
  for (auto& waiter : waiters) {
    EXPECT_EQ(queue.front(), &waiter);
    queue.remove(waiter);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(WaiterQueue, ForgetsAWaiterWhereverItStands) {
  for (std::size_t removed = 0; removed < 3; ++removed) {
    WaiterQueue queue(16);
    std::array<Waiter, 4> waiters;
    for (std::size_t i = 0; i < 3; ++i) queue.push(waiters[i]);
    queue.remove(waiters[removed]);
    queue.remove(waiters[removed]);
    queue.push(waiters[3]);
    for (std::size_t i = 0; i < 4; ++i) {
      if (i == removed) continue;
      ASSERT_EQ(queue.front(), &waiters[i]) << "removed " << removed;
      queue.remove(waiters[i]);
    }
    EXPECT_TRUE(queue.empty());
  }
}

}  // namespace
}  // namespace cbr::detail
