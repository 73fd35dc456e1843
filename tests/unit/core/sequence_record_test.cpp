#include "core/sequence_record.h"

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

TEST(SequenceRecord, TheFirstIsWhoeverReservedFirst) {
  SequenceRecord record(QueueIndex{3});
  EXPECT_EQ(record.queue, QueueIndex{3});
  EXPECT_FALSE(record.first(SlotIndex{0}));
  record.reserve(SlotIndex{5});
  record.reserve(SlotIndex{2});
  record.reserve(SlotIndex{7});
  EXPECT_TRUE(record.first(SlotIndex{5}));
  EXPECT_FALSE(record.first(SlotIndex{2}));
  record.give_up(SlotIndex{2});
  EXPECT_TRUE(record.first(SlotIndex{5}));
  record.give_up(SlotIndex{5});
  EXPECT_TRUE(record.first(SlotIndex{7}));
  record.give_up(SlotIndex{5});
  record.give_up(SlotIndex{7});
  EXPECT_TRUE(record.places.empty());
}

TEST(SequenceRecord, ASlotMayReserveAgain) {
  SequenceRecord record(QueueIndex{0});
  record.reserve(SlotIndex{0});
  record.reserve(SlotIndex{1});
  record.give_up(SlotIndex{0});
  record.reserve(SlotIndex{0});
  EXPECT_TRUE(record.first(SlotIndex{1}));
  record.give_up(SlotIndex{1});
  EXPECT_TRUE(record.first(SlotIndex{0}));
}

}  // namespace
}  // namespace cbr::detail
