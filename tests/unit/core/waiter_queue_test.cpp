#include "core/waiter_queue.h"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/submission.h"

namespace cbr::detail {
namespace {

using testing::ElementsAre;

SlotRequest at(std::uint32_t level, std::optional<QueueIndex> queue = std::nullopt) {
  return {.level = level, .queue = queue, .where = {}};
}

TEST(WaiterQueue, TheFirstIsTheOneThatCameFirstWhateverItAsksFor) {
  WaiterQueue queue(2, 16);
  std::array<Waiter, 5> waiters;
  waiters[0].request = at(0, QueueIndex{1});
  waiters[1].request = at(0);
  waiters[2].request = at(0, QueueIndex{0});
  waiters[3].request = at(0, QueueIndex{1});
  waiters[4].request = at(0);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.front(), nullptr);
  for (auto& waiter : waiters) queue.push(waiter);
  for (auto& waiter : waiters) {
    EXPECT_FALSE(queue.empty());
    EXPECT_EQ(queue.front(), &waiter);
    queue.remove(waiter);
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(WaiterQueue, ForgetsAWaiterWhereverItStands) {
  for (std::size_t removed = 0; removed < 3; ++removed) {
    WaiterQueue queue(1, 16);
    std::array<Waiter, 4> waiters;
    for (std::size_t i = 0; i < 3; ++i) queue.push(waiters.at(i));
    queue.remove(waiters.at(removed));
    queue.push(waiters[3]);
    for (std::size_t i = 0; i < 4; ++i) {
      if (i == removed) continue;
      ASSERT_EQ(queue.front(), &waiters.at(i)) << "removed " << removed;
      queue.remove(waiters.at(i));
    }
    EXPECT_TRUE(queue.empty());
  }
}

TEST(WaiterQueue, OneThatComesAgainStandsAtTheEnd) {
  WaiterQueue queue(2, 16);
  std::array<Waiter, 2> waiters;
  waiters[0].request = at(0, QueueIndex{0});
  for (auto& waiter : waiters) queue.push(waiter);
  queue.remove(waiters[0]);
  queue.push(waiters[0]);
  EXPECT_EQ(queue.front(), &waiters[1]);
}

TEST(WaiterQueue, VisitsEachOnce) {
  WaiterQueue queue(2, 16);
  std::array<Waiter, 4> waiters;
  waiters[1].request = at(0, QueueIndex{0});
  waiters[2].request = at(0, QueueIndex{1});
  waiters[3].request = at(0, QueueIndex{1});
  for (auto& waiter : waiters) queue.push(waiter);
  std::vector<std::uint64_t> arrivals;
  queue.for_each([&](Waiter& waiter) { arrivals.push_back(waiter.arrival); });
  EXPECT_TRUE(std::find(arrivals.begin(), arrivals.end(), 3U) <
              std::find(arrivals.begin(), arrivals.end(), 4U))
      << "those of one queue in order of arrival";
  std::sort(arrivals.begin(), arrivals.end());
  EXPECT_THAT(arrivals, ElementsAre(1, 2, 3, 4));
}

/// Two queues with a slot each. The slots are handed around among waiters.
class TakeNext : public testing::Test {
 protected:
  static RingOptions options(AllocationStrategy strategy, std::vector<std::uint32_t> reserved) {
    return {.allocation_strategy = strategy, .reserved_slots = std::move(reserved)};
  }
  Waiter& push(std::uint32_t level, std::optional<QueueIndex> queue = std::nullopt) {
    Waiter& waiter = waiters_.emplace_back();
    waiter.request = at(level, queue);
    queue_.push(waiter);
    return waiter;
  }
  /// Who gets the free slot. It stays free.
  Waiter* next() {
    const auto grant = queue_.take_next(admission_, table_);
    return grant ? grant->waiter : nullptr;
  }
  void take(std::uint32_t slot) { table_.take(SlotIndex{slot}, 0, submission_); }

  static constexpr QueueIndex queue0_{0};
  static constexpr QueueIndex queue1_{1};
  Submission submission_;
  std::deque<Waiter> waiters_;
  WaiterQueue queue_{2, 2};
  SlotTable table_{2, 2};
  Admission admission_{options(AllocationStrategy::priority, {}), {1.0F, 1.0F}};
};

TEST_F(TakeNext, IsNobodyIfNobodyWaits) {
  EXPECT_EQ(next(), nullptr);
}

TEST_F(TakeNext, IsNobodyIfNothingIsFree) {
  Waiter& waiter = push(0);
  take(0);
  take(1);
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

TEST_F(TakeNext, LevelsAndAgesCountAcrossTheLists) {
  Waiter& low = push(2, queue1_);
  Waiter& medium = push(1, queue0_);
  Waiter& high = push(0);
  Waiter& late_high = push(0, queue1_);
  EXPECT_EQ(next(), &high);
  EXPECT_EQ(low.overtaken, 1U);
  EXPECT_EQ(medium.overtaken, 1U);
  EXPECT_EQ(next(), &late_high);
  EXPECT_EQ(next(), &low) << "both have aged, and it came first";
  EXPECT_EQ(next(), &medium);
}

TEST_F(TakeNext, ALevelBehindAnAgedOneOfItsListDoesNotPassIt) {
  Waiter& aged = push(2);
  aged.overtaken = 2;
  push(0);
  push(0, queue0_);
  EXPECT_EQ(next(), &aged);
}

TEST_F(TakeNext, PassesOverWhoCanTakeNone) {
  Waiter& other_queue = push(0, queue1_);
  Waiter& any = push(2);
  take(1);
  EXPECT_EQ(next(), &any);
  EXPECT_EQ(other_queue.overtaken, 0U) << "it could not have had that slot";
  EXPECT_EQ(next(), nullptr);
  table_.free(SlotIndex{1});
  EXPECT_EQ(next(), &other_queue);
}

TEST_F(TakeNext, PassesOverAnAgedOneThatCanTakeNone) {
  Waiter& low = push(2, queue1_);
  low.overtaken = 2;
  Waiter& high = push(0);
  take(1);
  EXPECT_EQ(next(), &high);
}

TEST_F(TakeNext, PassesOverALevelThatIsLeftNoSlot) {
  // One slot is kept for the highest level.
  const Admission keeping(options(AllocationStrategy::priority, {1, 0, 0}), {1.0F, 1.0F});
  take(0);
  Waiter& low = push(2);
  low.overtaken = 2;
  EXPECT_FALSE(queue_.take_next(keeping, table_));
  Waiter& high = push(0);
  const auto grant = queue_.take_next(keeping, table_);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->waiter, &high);
  EXPECT_EQ(low.overtaken, 2U) << "it could not have had that slot";
}

/// Without levels, arrival is all that counts.
class TakeNextInTurn : public TakeNext {
 protected:
  Waiter* next() {
    const auto grant = queue_.take_next(in_turn_, table_);
    return grant ? grant->waiter : nullptr;
  }
  Admission in_turn_{options(AllocationStrategy::round_robin, {}), {1.0F, 1.0F}};
};

TEST_F(TakeNextInTurn, IsTheFirstWhateverItsLevel) {
  std::array<Waiter*, 4> waiters{&push(2), &push(0, queue1_), &push(1, queue0_), &push(0)};
  for (Waiter* waiter : waiters) EXPECT_EQ(next(), waiter);
  EXPECT_EQ(waiters[0]->overtaken, 0U);
}

TEST_F(TakeNextInTurn, AQueuesSlotGoesToTheFirstThatMayHaveIt) {
  Waiter& other = push(0, queue1_);
  Waiter& this_one = push(0, queue0_);
  Waiter& any = push(0);
  take(1);
  const auto grant = queue_.take_next(in_turn_, table_);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->waiter, &this_one);
  EXPECT_EQ(grant->slot, SlotIndex{0});
  EXPECT_EQ(next(), &any);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(queue_.front(), &other);
  EXPECT_EQ(other.overtaken, 0U);
}

TEST_F(TakeNextInTurn, OneThatGaveUpIsNotServed) {
  Waiter& first = push(0);
  Waiter& second = push(0);
  queue_.remove(first);
  EXPECT_EQ(next(), &second);
  EXPECT_EQ(next(), nullptr);
}

}  // namespace
}  // namespace cbr::detail
