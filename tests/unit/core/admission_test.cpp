#include "core/admission.h"

#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "core/submission.h"

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

constexpr QueueIndex queue0{0};
constexpr QueueIndex queue1{1};

/// An admission and its table, moved on together as the ring does it.
class Slots {
 public:
  Slots(std::uint32_t ring_size, std::vector<float> priorities, const RingOptions& options)
      : table(ring_size, static_cast<std::uint32_t>(priorities.size())),
        admission(options, std::move(priorities)) {}

  /// The slot that the request gets; leased.
  std::optional<SlotIndex> take(const SlotRequest& request = {}) {
    const auto slot = admission.choose(table, request);
    if (slot) {
      table.take(*slot, request.level, submission_);
      admission.leased(table[*slot].queue, request.level);
    }
    return slot;
  }
  std::optional<QueueIndex> take_queue(const SlotRequest& request = {}) {
    const auto slot = take(request);
    return slot ? std::optional(table[*slot].queue) : std::nullopt;
  }
  void free(std::uint32_t index, TimePoint since = {}) {
    const SlotIndex slot{index};
    admission.freed(table[slot].queue, table[slot].level);
    table.free(slot, since);
  }

  SlotTable table;
  Admission admission;

 private:
  Submission submission_;
};

RingOptions with(AllocationStrategy strategy) {
  return {.allocation_strategy = strategy};
}

SlotRequest at(std::uint32_t level) {
  return {.level = level, .queue = std::nullopt, .where = {}};
}
SlotRequest on(QueueIndex queue) {
  return {.level = 0, .queue = queue, .where = {}};
}

TEST(Admission, RoundRobinTakesSlotsInTurn) {
  Slots slots(3, {1, 1, 1}, with(AllocationStrategy::round_robin));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(slots.take(), SlotIndex{i});
  EXPECT_EQ(slots.take(), std::nullopt);
  slots.free(1);
  EXPECT_EQ(slots.take(), SlotIndex{1});
}

TEST(Admission, ARequestForAQueueGetsThatQueueOrNothing) {
  for (const auto strategy : {AllocationStrategy::round_robin, AllocationStrategy::least_busy,
                              AllocationStrategy::priority}) {
    Slots slots(4, {1, 1}, with(strategy));
    EXPECT_EQ(slots.take(on(queue1)), SlotIndex{1});
    EXPECT_EQ(slots.take(on(queue1)), SlotIndex{3});
    EXPECT_EQ(slots.take(on(queue1)), std::nullopt);
    EXPECT_EQ(slots.take(on(queue0)), SlotIndex{0});
  }
}

TEST(Admission, LeastBusyEqualsTakeTurns) {
  Slots slots(4, {1, 1}, with(AllocationStrategy::least_busy));
  EXPECT_EQ(slots.take_queue(), queue0);
  EXPECT_EQ(slots.take_queue(), queue1);
  slots.free(0);
  slots.free(1);
  EXPECT_EQ(slots.take(), SlotIndex{2}) << "not the first slot again";
}

TEST(Admission, LeastBusyWeighsByMeasuredTime) {
  Slots slots(8, {1, 1}, with(AllocationStrategy::least_busy));
  slots.admission.measured(queue0, 300us);
  slots.admission.measured(queue1, 100us);
  EXPECT_EQ(slots.take(on(queue0)), SlotIndex{0});
  // 0, 100, 200 against 300: three go to the fast queue.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(slots.take_queue(), queue1) << i;
  EXPECT_EQ(slots.admission.least_busy_queue(), queue0);
}

TEST(Admission, AQueueThatIsNotMeasuredCountsAsAUsualOne) {
  Slots slots(8, {1, 1, 1}, with(AllocationStrategy::least_busy));
  slots.admission.measured(queue0, 400us);
  slots.admission.measured(queue1, 100us);
  slots.take(on(queue0));
  slots.take(on(queue1));
  slots.take(on(QueueIndex{2}));
  // 400, 100, and 250 for the third.
  EXPECT_EQ(slots.take_queue(), queue1);
  EXPECT_EQ(slots.take_queue(), queue1);
  EXPECT_EQ(slots.take_queue(), QueueIndex{2}) << "300 against 250";
}

TEST(Admission, TheAverageFollowsNewMeasurements) {
  Slots slots(4, {1, 1}, with(AllocationStrategy::least_busy));
  slots.admission.measured(queue0, 1ms);
  slots.admission.measured(queue1, 500us);
  for (int i = 0; i < 100; ++i) slots.admission.measured(queue0, 1us);
  slots.take(on(queue0));
  slots.take(on(queue1));
  EXPECT_EQ(slots.take_queue(), queue0);
}

TEST(Admission, AnEmptySubmissionIsMeasuredToo) {
  Slots slots(4, {1, 1}, with(AllocationStrategy::least_busy));
  slots.admission.measured(queue0, 0ns);
  slots.admission.measured(queue1, 500us);
  slots.take(on(queue0));
  slots.take(on(queue1));
  EXPECT_EQ(slots.take_queue(), queue0);
}

TEST(Admission, KeepsReservedSlotsForTheirLevels) {
  RingOptions options = with(AllocationStrategy::priority);
  options.reserved_slots = {2, 0, 1};
  Slots slots(4, {1}, options);
  EXPECT_TRUE(slots.take(at(1)));
  EXPECT_FALSE(slots.take(at(1))) << "three are free and three are kept";
  EXPECT_TRUE(slots.take(at(2)));
  EXPECT_FALSE(slots.take(at(2))) << "it has what was kept for it";
  EXPECT_TRUE(slots.take(at(0)));
  EXPECT_FALSE(slots.take(at(1)));
  EXPECT_TRUE(slots.take(at(0)));
  // What a level gives back is kept for it again.
  slots.free(2);
  EXPECT_FALSE(slots.take(at(1)));
  EXPECT_TRUE(slots.take(at(0)));
}

TEST(Admission, ALevelMayTakeMoreThanIsKeptForIt) {
  RingOptions options = with(AllocationStrategy::priority);
  options.reserved_slots = {1, 0, 0};
  Slots slots(3, {1}, options);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(slots.take(at(0)));
}

TEST(Admission, ASlotThatIsKeptForOthersIsNotFreeForEveryone) {
  RingOptions options = with(AllocationStrategy::priority);
  options.reserved_slots = {1, 0, 0};
  Slots slots(3, {1.0F}, options);
  for (const std::uint32_t level : {0U, 1U, 1U}) ASSERT_TRUE(slots.take(at(level)));
  slots.free(0, TimePoint(10us));
  ASSERT_FALSE(slots.admission.choose(slots.table, at(1))) << "it is kept for level 0";
  EXPECT_EQ(slots.admission.free_since(slots.table, at(0), SlotIndex{0}), TimePoint(10us));
  slots.free(1, TimePoint(70us));
  slots.free(2, TimePoint(90us));
  ASSERT_EQ(slots.admission.choose(slots.table, at(1)), SlotIndex{0});
  EXPECT_EQ(slots.admission.free_since(slots.table, at(1), SlotIndex{0}), TimePoint(70us));
  EXPECT_EQ(slots.admission.free_since(slots.table, at(1), SlotIndex{2}), TimePoint(90us));
  // Nothing is kept for others from level 0.
  EXPECT_EQ(slots.admission.free_since(slots.table, at(0), SlotIndex{0}), TimePoint(10us));
}

TEST(Admission, LevelsGoToTheirClassOfQueuesOrALowerOne) {
  Slots slots(6, {0.5F, 1.0F, 0.0F}, with(AllocationStrategy::priority));
  EXPECT_EQ(slots.take_queue(at(1)), queue0);
  EXPECT_EQ(slots.take_queue(at(0)), queue1);
  EXPECT_EQ(slots.take_queue(at(2)), QueueIndex{2});
  EXPECT_EQ(slots.take_queue(at(2)), QueueIndex{2});
  EXPECT_EQ(slots.take_queue(at(2)), std::nullopt) << "never a higher one";
  EXPECT_EQ(slots.take_queue(at(0)), queue1);
  EXPECT_EQ(slots.take_queue(at(0)), queue0) << "the next lower";
}

TEST(Admission, PrioritiesOfQueuesMeanNothingToOtherStrategies) {
  Slots slots(2, {0.0F, 1.0F}, with(AllocationStrategy::least_busy));
  EXPECT_EQ(slots.take_queue(), queue0);
}

TEST(Admission, ChecksItsOptions) {
  const auto accepts = [](const RingOptions& options, std::uint32_t ring_size) {
    try {
      Admission::check(options, ring_size);
    } catch (const InvalidOption&) {
      return false;
    }
    return true;
  };
  EXPECT_TRUE(accepts({.priority_levels = 1}, 1));
  EXPECT_TRUE(accepts({.priority_levels = 16}, 1));
  EXPECT_FALSE(accepts({.priority_levels = 0}, 1));
  EXPECT_FALSE(accepts({.priority_levels = 17}, 1));
  const auto reserving = [](std::vector<std::uint32_t> slots) {
    return RingOptions{.allocation_strategy = AllocationStrategy::priority,
                       .reserved_slots = std::move(slots)};
  };
  EXPECT_TRUE(accepts(reserving({0, 0, 0}), 1));
  EXPECT_TRUE(accepts(reserving({1, 0, 0}), 2));
  EXPECT_FALSE(accepts(reserving({1, 0, 0}), 1)) << "nothing is left for the others";
  EXPECT_TRUE(accepts(reserving({1, 1, 1}), 3));
  EXPECT_FALSE(accepts(reserving({1, 1, 1}), 2));
  EXPECT_FALSE(accepts(reserving({1, 1}), 3));
  EXPECT_FALSE(accepts(reserving({4'000'000'000U, 4'000'000'000U, 1}), 8)) << "no overflow";
  EXPECT_FALSE(accepts({.reserved_slots = {0, 0, 0}}, 3)) << "without the strategy";
}

}  // namespace
}  // namespace cbr::detail
