#include <compare>
#include <type_traits>

#include <gtest/gtest.h>

#include <cbr/types.h>

namespace cbr {
namespace {

template <typename T>
concept Ordered = requires(T a, T b) { a < b; };
template <typename T>
concept EqualityComparable = requires(T a, T b) { a == b; };

// Serials of two queues must not be compared, and a bare serial doesn't know its queue.
static_assert(!Ordered<Serial>);
static_assert(!EqualityComparable<Serial>);
static_assert(Ordered<SyncPoint>);
static_assert(!std::is_convertible_v<std::uint64_t, Serial>);

TEST(Serial, CoversItselfAndWhatCameBefore) {
  static_assert(Serial().value() == 0);
  static_assert(Serial(4).next().value() == 5);
  static_assert(Serial(4).covers(Serial(4)));
  static_assert(Serial(4).covers(Serial(3)));
  static_assert(!Serial(4).covers(Serial(5)));
  static_assert(Serial().covers(Serial()), "before the first submission, all is complete");
}

TEST(SyncPoint, IsOrderedWithinItsQueueOnly) {
  const SyncPoint first{QueueIndex{0}, Serial(1)};
  const SyncPoint second{QueueIndex{0}, Serial(2)};
  const SyncPoint elsewhere{QueueIndex{1}, Serial(1)};
  EXPECT_TRUE(first < second);
  EXPECT_TRUE(second > first);
  EXPECT_TRUE(first == (SyncPoint{QueueIndex{0}, Serial(1)}));
  EXPECT_EQ(first <=> elsewhere, std::partial_ordering::unordered);
  EXPECT_FALSE(first == elsewhere);
  EXPECT_FALSE(elsewhere < second);
}

}  // namespace
}  // namespace cbr
