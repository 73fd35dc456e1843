#include "core/slot_table.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

constexpr SlotIndex slot(std::uint32_t index) {
  return SlotIndex{index};
}

std::optional<SlotIndex> lease_next(SlotTable& table) {
  const auto next = table.next_free();
  if (next) table.lease(*next, 0);
  return next;
}

TEST(SlotTable, LeasesSlotsInTurn) {
  SlotTable table(3, 1);
  EXPECT_EQ(lease_next(table), slot(0));
  EXPECT_EQ(lease_next(table), slot(1));
  table.free(slot(0));
  EXPECT_EQ(table.cursor(), slot(2));
  EXPECT_EQ(lease_next(table), slot(2));
  EXPECT_EQ(table.cursor(), slot(0));
  EXPECT_EQ(lease_next(table), slot(0));
  EXPECT_EQ(lease_next(table), std::nullopt);
  EXPECT_FALSE(table.has_free());
  EXPECT_EQ(table.leased(), 3U);
}

TEST(SlotTable, PassesOverASlotThatIsBusy) {
  SlotTable table(3, 1);
  for (int i = 0; i < 3; ++i) lease_next(table);
  table.free(slot(2));
  EXPECT_EQ(lease_next(table), slot(2));
}

TEST(SlotTable, FollowsASlotThroughItsLife) {
  SlotTable table(1, 1);
  lease_next(table);
  table.submit(slot(0), Serial(1));
  EXPECT_EQ(table[slot(0)].state, SlotState::in_flight);
  EXPECT_EQ(table.in_flight(), 1U);
  EXPECT_EQ(table.leased(), 0U);
  table.retire(slot(0));
  EXPECT_EQ(table[slot(0)].state, SlotState::retiring);
  EXPECT_EQ(table.in_flight(), 1U) << "to the outside, a retiring slot is still in flight";
  EXPECT_EQ(lease_next(table), std::nullopt);
  table.free(slot(0));
  EXPECT_EQ(table.in_flight(), 0U);
  EXPECT_EQ(lease_next(table), slot(0));
}

TEST(SlotTable, RefusesEveryOtherMove) {
  SlotTable table(2, 1);
  EXPECT_THROW(table.submit(slot(0), Serial(1)), std::logic_error);
  EXPECT_THROW(table.free(slot(0)), std::logic_error);
  EXPECT_THROW(table.retire(slot(0)), std::logic_error);
  lease_next(table);
  EXPECT_THROW(table.retire(slot(0)), std::logic_error);
  EXPECT_THROW(table.lose(slot(0)), std::logic_error);
  table.submit(slot(0), Serial(1));
  EXPECT_THROW(table.submit(slot(0), Serial(2)), std::logic_error);
  EXPECT_THROW(table.free(slot(0)), std::logic_error) << "in flight is not free";
  table.lose(slot(0));
  EXPECT_THROW(table.free(slot(0)), std::logic_error);
  EXPECT_EQ(table.in_flight(), 0U);
}

TEST(SlotTable, KnowsWhatIsPending) {
  SlotTable table(4, 2);
  for (int i = 0; i < 4; ++i) lease_next(table);
  const QueueIndex even = table[slot(0)].queue;
  const QueueIndex odd = table[slot(1)].queue;
  EXPECT_NE(even, odd);
  EXPECT_EQ(table[slot(2)].queue, even);
  table.submit(slot(2), Serial(5));
  EXPECT_FALSE(table.pending(even, Serial(4)));
  EXPECT_TRUE(table.pending(even, Serial(5)));
  EXPECT_TRUE(table.pending(even, Serial(6)));
  EXPECT_FALSE(table.pending(odd, Serial(6)));
  table.retire(slot(2));
  EXPECT_TRUE(table.pending(even, Serial(5)));
  table.free(slot(2));
  EXPECT_FALSE(table.pending(even, Serial(5)));
}

TEST(SlotTable, NamesTheSlotInTheWay) {
  SlotTable table(3, 1);
  for (int i = 0; i < 3; ++i) lease_next(table);
  EXPECT_EQ(table.in_the_way(), slot(0)) << "all leased: the next in turn";
  table.submit(slot(2), Serial(1));
  table.submit(slot(1), Serial(2));
  EXPECT_EQ(table.in_the_way(), slot(2)) << "the one longest in flight";
}

TEST(SlotTable, FindsFreeSlotsOfOneQueue) {
  SlotTable table(4, 2);
  const QueueIndex odd{1};
  EXPECT_EQ(table.next_free(odd), slot(1));
  table.lease(slot(1), 0);
  EXPECT_EQ(table.next_free(odd), slot(3));
  table.lease(slot(3), 0);
  EXPECT_EQ(table.next_free(odd), std::nullopt);
  EXPECT_EQ(table.next_free(), slot(0));
}

TEST(SlotTable, AHeldSlotIsInFlightToTheOutside) {
  SlotTable table(2, 1);
  lease_next(table);
  table.hold(slot(0));
  EXPECT_EQ(table.in_flight(), 1U);
  EXPECT_FALSE(table.pending(QueueIndex{0}, Serial(100))) << "the driver has not got it";
  EXPECT_THROW(table.retire(slot(0)), std::logic_error);
  table.submit(slot(0), Serial(1));
  EXPECT_TRUE(table.pending(QueueIndex{0}, Serial(1)));
  lease_next(table);
  table.hold(slot(1));
  table.free(slot(1));
  EXPECT_EQ(table.next_free(), slot(1)) << "a held slot whose submission failed";
}

TEST(SlotTable, ShrinksByFreeSlotsAtOnceAndByBusyOnesLater) {
  SlotTable table(4, 1);
  lease_next(table);
  table.lease(slot(3), 0);
  table.resize(2);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.extent(), 4U);
  EXPECT_EQ(table.free_count(), 1U);
  EXPECT_EQ(table.take_outside(), slot(2));
  EXPECT_EQ(table.take_outside(), std::nullopt) << "slot 3 is leased";
  table.free(slot(3));
  EXPECT_EQ(table.free_count(), 1U) << "slot 3 has left the ring";
  EXPECT_TRUE(table.has_outside());
  EXPECT_EQ(lease_next(table), slot(1));
  EXPECT_EQ(lease_next(table), std::nullopt);
}

TEST(SlotTable, GrowsByTakingBackAndByAdding) {
  SlotTable table(2, 2);
  table.resize(1);
  table.resize(4);
  EXPECT_EQ(table.free_count(), 2U) << "slot 1 was still there";
  EXPECT_EQ(table.missing(), slot(2));
  table.add(slot(2));
  EXPECT_EQ(table.missing(), slot(3));
  table.add(slot(3));
  EXPECT_EQ(table.missing(), std::nullopt);
  EXPECT_EQ(table.free_count(), 4U);
  EXPECT_EQ(table[slot(3)].queue, QueueIndex{1});
}

}  // namespace
}  // namespace cbr::detail
