#include "core/slot_table.h"

#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/submission.h"

namespace cbr::detail {
namespace {

constexpr SlotIndex slot(std::uint32_t index) {
  return SlotIndex{index};
}

class SlotTableTest : public testing::Test {
 protected:
  std::optional<SlotIndex> take_next(SlotTable& table) {
    const auto next = table.next_free();
    if (next) table.take(*next, 0, submission_);
    return next;
  }
  Submission submission_;
};

TEST_F(SlotTableTest, TakesSlotsInTurn) {
  SlotTable table(3, 1);
  EXPECT_EQ(take_next(table), slot(0));
  EXPECT_EQ(take_next(table), slot(1));
  table.free(slot(0));
  EXPECT_EQ(table.cursor(), slot(2));
  EXPECT_EQ(take_next(table), slot(2)) << "not the first that is free";
  EXPECT_EQ(table.cursor(), slot(0));
  EXPECT_EQ(take_next(table), slot(0));
  EXPECT_EQ(take_next(table), std::nullopt);
  EXPECT_FALSE(table.has_free());
  EXPECT_EQ(table.free_count(), 0U);
}

TEST_F(SlotTableTest, PassesOverASlotThatIsBusy) {
  SlotTable table(3, 1);
  for (int i = 0; i < 3; ++i) take_next(table);
  table.free(slot(2));
  EXPECT_EQ(take_next(table), slot(2));
}

TEST_F(SlotTableTest, ASlotKnowsWhoHasItAsLongAsItIsTaken) {
  SlotTable table(2, 1);
  EXPECT_EQ(table[slot(0)].submission, nullptr);
  table.take(slot(0), 2, submission_);
  EXPECT_EQ(table[slot(0)].state, SlotState::taken);
  EXPECT_EQ(table[slot(0)].submission, &submission_);
  EXPECT_EQ(table[slot(0)].level, 2U);
  table.free(slot(0));
  EXPECT_EQ(table[slot(0)].state, SlotState::free);
  EXPECT_EQ(table[slot(0)].submission, nullptr);
}

TEST_F(SlotTableTest, ALostSlotIsNobodysAndNeverFree) {
  SlotTable table(2, 2);
  take_next(table);
  table.lose(slot(0));
  EXPECT_EQ(table[slot(0)].state, SlotState::lost);
  EXPECT_EQ(table[slot(0)].submission, nullptr);
  EXPECT_EQ(table.free_count(), 1U);
  EXPECT_EQ(table.next_free(QueueIndex{0}), std::nullopt);
  EXPECT_EQ(take_next(table), slot(1));
  EXPECT_EQ(take_next(table), std::nullopt);
  table.resize(1);
  EXPECT_FALSE(table.has_outside());
  EXPECT_EQ(table.missing(), std::nullopt) << "it is there, only of no use";
}

TEST_F(SlotTableTest, RefusesEveryOtherMove) {
  SlotTable table(2, 1);
  EXPECT_THROW(table.free(slot(0)), std::logic_error);
  EXPECT_THROW(table.lose(slot(0)), std::logic_error);
  EXPECT_THROW(table.add(slot(0)), std::logic_error);
  take_next(table);
  EXPECT_THROW(table.take(slot(0), 0, submission_), std::logic_error) << "two would have it";
  EXPECT_THROW(table.add(slot(0)), std::logic_error);
  table.free(slot(0));
  EXPECT_THROW(table.free(slot(0)), std::logic_error);
  table.take(slot(0), 0, submission_);
  table.lose(slot(0));
  EXPECT_THROW(table.free(slot(0)), std::logic_error);
  EXPECT_THROW(table.lose(slot(0)), std::logic_error);
  EXPECT_THROW(table.take(slot(0), 0, submission_), std::logic_error);
  EXPECT_EQ(table.free_count(), 1U) << "what is refused changes nothing";
}

TEST_F(SlotTableTest, FindsFreeSlotsOfOneQueue) {
  SlotTable table(4, 2);
  const QueueIndex odd{1};
  EXPECT_EQ(table.next_free(odd), slot(1));
  table.take(slot(1), 0, submission_);
  EXPECT_EQ(table.next_free(odd), slot(3));
  table.take(slot(3), 0, submission_);
  EXPECT_EQ(table.next_free(odd), std::nullopt);
  EXPECT_EQ(table.next_free(), slot(0));
  table.free(slot(1));
  EXPECT_EQ(table.next_free(odd), slot(1));
  EXPECT_EQ(table[slot(2)].queue, QueueIndex{0});
  EXPECT_EQ(table[slot(3)].queue, odd);
}

TEST_F(SlotTableTest, ShrinksByFreeSlotsAtOnceAndByBusyOnesLater) {
  SlotTable table(4, 1);
  take_next(table);
  table.take(slot(3), 0, submission_);
  table.resize(2);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.extent(), 4U);
  EXPECT_EQ(table.free_count(), 1U);
  EXPECT_EQ(table[slot(2)].state, SlotState::outside);
  EXPECT_TRUE(table.has_outside());
  EXPECT_EQ(table.take_outside(), slot(2));
  EXPECT_EQ(table[slot(2)].state, SlotState::absent);
  EXPECT_FALSE(table.has_outside());
  EXPECT_EQ(table.take_outside(), std::nullopt) << "slot 3 is taken";
  table.free(slot(3));
  EXPECT_EQ(table.free_count(), 1U) << "slot 3 has left the ring";
  EXPECT_TRUE(table.has_outside());
  EXPECT_EQ(table.take_outside(), slot(3));
  EXPECT_EQ(take_next(table), slot(1));
  EXPECT_EQ(take_next(table), std::nullopt);
}

TEST_F(SlotTableTest, TheCursorStaysInTheRing) {
  SlotTable table(4, 1);
  for (int i = 0; i < 3; ++i) take_next(table);
  EXPECT_EQ(table.cursor(), slot(3));
  table.resize(3);
  EXPECT_EQ(table.cursor(), slot(0));
  table.free(slot(2));
  EXPECT_EQ(take_next(table), slot(2));
  EXPECT_EQ(table.cursor(), slot(0));
}

TEST_F(SlotTableTest, GrowsByTakingBackAndByAdding) {
  SlotTable table(2, 2);
  table.resize(1);
  table.resize(4);
  EXPECT_EQ(table.free_count(), 2U) << "slot 1 was still there";
  EXPECT_EQ(table.missing(), slot(2));
  EXPECT_EQ(table.next_free(QueueIndex{0}), slot(0)) << "what is absent isn't free";
  table.add(slot(2));
  EXPECT_EQ(table.missing(), slot(3));
  table.add(slot(3));
  EXPECT_EQ(table.missing(), std::nullopt);
  EXPECT_EQ(table.free_count(), 4U);
  EXPECT_EQ(table[slot(3)].queue, QueueIndex{1});
}

TEST_F(SlotTableTest, ATakenSlotMayLeaveTheRingAndComeBack) {
  SlotTable table(2, 1);
  table.take(slot(1), 0, submission_);
  table.resize(1);
  table.resize(2);
  EXPECT_EQ(table.missing(), std::nullopt);
  table.free(slot(1));
  EXPECT_EQ(table[slot(1)].state, SlotState::free);
  EXPECT_EQ(table.free_count(), 2U);
}

TEST_F(SlotTableTest, WhatWasMadeForARingThatShrankMeanwhileIsOutside) {
  SlotTable table(1, 1);
  table.resize(3);
  EXPECT_EQ(table.missing(), slot(1));
  table.resize(1);
  table.add(slot(1));
  EXPECT_EQ(table[slot(1)].state, SlotState::outside);
  EXPECT_EQ(table.free_count(), 1U);
  EXPECT_EQ(table.take_outside(), slot(1));
  EXPECT_EQ(table.missing(), std::nullopt);
}

TEST(SlotSetTest, FindsTheNextGoingRound) {
  SlotSet set;
  EXPECT_EQ(set.next(0), std::nullopt);
  EXPECT_EQ(set.next(max_ring_size - 1), std::nullopt);
  // At both ends of a word, and of all.
  const std::set<std::uint32_t> members{0, 63, 64, 500, max_ring_size - 1};
  for (const std::uint32_t member : members) set.insert(member);
  for (std::uint32_t start = 0; start < max_ring_size; ++start) {
    const auto at_or_after = members.lower_bound(start);
    ASSERT_EQ(set.next(start), at_or_after == members.end() ? *members.begin() : *at_or_after)
        << start;
  }
}

TEST(SlotSetTest, FindsTheOnlyOneFromEverywhere) {
  for (const std::uint32_t member : {0U, 5U, 63U, 64U, 700U, max_ring_size - 1}) {
    SlotSet set;
    set.insert(member);
    for (std::uint32_t start = 0; start < max_ring_size; ++start) {
      ASSERT_EQ(set.next(start), member) << start;
    }
    set.erase(member);
    EXPECT_EQ(set.next(member), std::nullopt);
  }
}

TEST(SlotSetTest, ErasesOneAndNoOther) {
  SlotSet set;
  for (const std::uint32_t member : {62U, 63U, 64U}) set.insert(member);
  set.erase(63);
  set.erase(63);
  EXPECT_EQ(set.next(62), 62U);
  EXPECT_EQ(set.next(63), 64U);
}

TEST_F(SlotTableTest, ASlotThatComesBackWasNotFreeBefore) {
  SlotTable table(2, 1);
  for (const bool removed : {false, true}) {
    ASSERT_EQ(take_next(table), slot(0));
    ASSERT_EQ(take_next(table), slot(1));
    table.free(slot(1), TimePoint(std::chrono::nanoseconds(5)));
    EXPECT_EQ(table[slot(1)].free_since, TimePoint(std::chrono::nanoseconds(5)));
    table.free(slot(0));
    table.resize(1);
    if (removed) {
      ASSERT_EQ(table.take_outside(), slot(1));
    }
    table.resize(2);
    if (removed) table.add(slot(1));
    EXPECT_EQ(table[slot(1)].free_since, TimePoint{}) << removed;
  }
}

}  // namespace
}  // namespace cbr::detail
