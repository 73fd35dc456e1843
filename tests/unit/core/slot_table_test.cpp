#include "core/slot_table.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

constexpr SlotIndex slot(std::uint32_t index) {
  return SlotIndex{index};
}

TEST(SlotTable, LeasesSlotsInTurn) {
  SlotTable table(3, 1);
  EXPECT_EQ(table.lease_next(), slot(0));
  EXPECT_EQ(table.lease_next(), slot(1));
  table.free(slot(0));
  EXPECT_EQ(table.cursor(), slot(2));
  EXPECT_EQ(table.lease_next(), slot(2));
  EXPECT_EQ(table.cursor(), slot(0));
  EXPECT_EQ(table.lease_next(), slot(0));
  EXPECT_EQ(table.lease_next(), std::nullopt);
  EXPECT_FALSE(table.has_free());
  EXPECT_EQ(table.leased(), 3U);
}

TEST(SlotTable, PassesOverASlotThatIsBusy) {
  SlotTable table(3, 1);
  for (int i = 0; i < 3; ++i) table.lease_next();
  table.free(slot(2));
  EXPECT_EQ(table.lease_next(), slot(2));
}

TEST(SlotTable, FollowsASlotThroughItsLife) {
  SlotTable table(1, 1);
  table.lease_next();
  table.submit(slot(0), Serial(1));
  EXPECT_EQ(table[slot(0)].state, SlotState::in_flight);
  EXPECT_EQ(table.in_flight(), 1U);
  EXPECT_EQ(table.leased(), 0U);
  table.retire(slot(0));
  EXPECT_EQ(table.retiring(), 1U);
  EXPECT_EQ(table.in_flight(), 1U) << "to the outside, a retiring slot is still in flight";
  EXPECT_EQ(table.lease_next(), std::nullopt);
  table.free(slot(0));
  EXPECT_EQ(table.in_flight(), 0U);
  EXPECT_EQ(table.lease_next(), slot(0));
}

TEST(SlotTable, RefusesEveryOtherMove) {
  SlotTable table(2, 1);
  EXPECT_THROW(table.submit(slot(0), Serial(1)), std::logic_error);
  EXPECT_THROW(table.free(slot(0)), std::logic_error);
  EXPECT_THROW(table.retire(slot(0)), std::logic_error);
  table.lease_next();
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
  for (int i = 0; i < 4; ++i) table.lease_next();
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
  for (int i = 0; i < 3; ++i) table.lease_next();
  EXPECT_EQ(table.in_the_way(), slot(0)) << "all leased: the next in turn";
  table.submit(slot(2), Serial(1));
  table.submit(slot(1), Serial(2));
  EXPECT_EQ(table.in_the_way(), slot(2)) << "the one longest in flight";
}

}  // namespace
}  // namespace cbr::detail
