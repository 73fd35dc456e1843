#include "core/waiter_queue.h"

#include <array>
#include <deque>
#include <vector>

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

/// One slot that is handed around among waiters of different levels.
class TakeNext : public testing::Test {
 protected:
  static RingOptions options(std::vector<std::uint32_t> reserved) {
    return {.allocation_strategy = AllocationStrategy::priority,
            .reserved_slots = std::move(reserved)};
  }
  Waiter& push(std::uint32_t level, std::optional<QueueIndex> queue = std::nullopt) {
    Waiter& waiter = waiters_.emplace_back();
    waiter.request = {.level = level, .queue = queue, .sequence = nullptr};
    queue_.push(waiter);
    return waiter;
  }
  /// Who gets the free slot. It stays free.
  Waiter* next() {
    const auto grant = queue_.take_next(admission_, table_);
    return grant ? grant->waiter : nullptr;
  }

  std::deque<Waiter> waiters_;
  WaiterQueue queue_{2};
  SlotTable table_{2, 2};
  Admission admission_{options({}), {1.0F, 1.0F}};
};

TEST_F(TakeNext, IsNobodyIfNobodyWaits) {
  EXPECT_EQ(next(), nullptr);
}

TEST_F(TakeNext, IsNobodyIfNothingIsFree) {
  Waiter& waiter = push(0);
  table_.lease(SlotIndex{0}, 0);
  table_.lease(SlotIndex{1}, 0);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(waiter.overtaken, 0U);
  table_.free(SlotIndex{1});
  const auto grant = queue_.take_next(admission_, table_);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->waiter, &waiter);
  EXPECT_EQ(grant->slot, SlotIndex{1});
  EXPECT_TRUE(queue_.empty());
}

TEST_F(TakeNext, IsTheFirstOfTheHighestLevel) {
  Waiter& low = push(2);
  Waiter& medium = push(1);
  Waiter& high = push(0);
  Waiter& late_high = push(0);
  EXPECT_EQ(next(), &high);
  EXPECT_EQ(next(), &late_high);
  // Both have been overtaken twice: they go by arrival.
  EXPECT_EQ(next(), &low);
  EXPECT_EQ(next(), &medium);
}

TEST_F(TakeNext, AWaiterAgesByEachThatOvertakesIt) {
  Waiter& low = push(2);
  Waiter& first = push(0);
  Waiter& second = push(0);
  Waiter& third = push(0);
  EXPECT_EQ(next(), &first);
  EXPECT_EQ(low.overtaken, 1U);
  EXPECT_EQ(second.overtaken, 0U) << "who came later is not overtaken";
  EXPECT_EQ(next(), &second);
  EXPECT_EQ(next(), &low);
  EXPECT_EQ(third.overtaken, 0U) << "the aged one came before it";
  EXPECT_EQ(next(), &third);
}

TEST_F(TakeNext, PassesOverWhoCanTakeNone) {
  Waiter& other_queue = push(0, QueueIndex{1});
  Waiter& any = push(2);
  table_.lease(SlotIndex{1}, 0);
  EXPECT_EQ(next(), &any);
  EXPECT_EQ(other_queue.overtaken, 0U) << "it could not have had that slot";
  EXPECT_EQ(next(), nullptr);
  table_.free(SlotIndex{1});
  EXPECT_EQ(next(), &other_queue);
}

TEST_F(TakeNext, PassesOverAnAgedOneThatCanTakeNone) {
  Waiter& low = push(2, QueueIndex{1});
  low.overtaken = 2;
  Waiter& high = push(0);
  table_.lease(SlotIndex{1}, 0);
  EXPECT_EQ(next(), &high);
}

}  // namespace
}  // namespace cbr::detail
