#include "core/timeline.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

constexpr SlotIndex slot(std::uint32_t index) {
  return SlotIndex{index};
}

TEST(Timeline, StartsEmptyBeforeSerialOne) {
  Timeline timeline(2);
  EXPECT_EQ(timeline.last_submitted().value(), 0U);
  EXPECT_EQ(timeline.oldest(), std::nullopt);
  EXPECT_EQ(timeline.pop(Serial(100)), std::nullopt);
}

TEST(Timeline, PopsWhatIsCompletedAndNothingMore) {
  Timeline timeline(3);
  timeline.push(slot(2));
  timeline.push(slot(0));
  timeline.push(slot(1));
  EXPECT_EQ(timeline.last_submitted().value(), 3U);
  EXPECT_EQ(timeline.oldest()->value(), 1U);
  EXPECT_EQ(timeline.pop(Serial(0)), std::nullopt);
  EXPECT_EQ(timeline.pop(Serial(2)), slot(2));
  EXPECT_EQ(timeline.pop(Serial(2)), slot(0));
  EXPECT_EQ(timeline.pop(Serial(2)), std::nullopt) << "serial 3 is still in flight";
  EXPECT_EQ(timeline.oldest()->value(), 3U);
}

TEST(Timeline, GoesRoundItsStorageManyTimes) {
  Timeline timeline(2);
  timeline.push(slot(1));
  for (std::uint32_t serial = 2; serial < 20; ++serial) {
    // Slot numbers stand for serials here, so that a mix-up shows.
    timeline.push(slot(serial));
    EXPECT_EQ(timeline.pop(Serial(serial - 1)), slot(serial - 1));
    EXPECT_EQ(timeline.oldest()->value(), serial);
  }
}

TEST(Timeline, RefusesMoreThanItsCapacity) {
  Timeline timeline(1);
  timeline.push(slot(0));
  EXPECT_THROW(timeline.push(slot(0)), std::logic_error);
  EXPECT_EQ(timeline.last_submitted().value(), 1U);
}

}  // namespace
}  // namespace cbr::detail
