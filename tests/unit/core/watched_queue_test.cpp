#include "core/watched_queue.h"

#include <array>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WatchedQueueTest : public testing::Test {
 protected:
  Submission& with(std::uint64_t serial) {
    submissions_.at(serial).serial = serial;
    return submissions_.at(serial);
  }
  void watch(std::uint64_t serial) { queue_.watch(with(serial)); }
  std::optional<std::uint64_t> oldest() {
    const auto serial = queue_.oldest();
    return serial ? std::optional(serial->value()) : std::nullopt;
  }
  /// Takes out those in flight, oldest first.
  std::vector<std::uint64_t> forget_all() {
    std::vector<std::uint64_t> serials;
    while (const auto serial = oldest()) {
      serials.push_back(*serial);
      queue_.forget(with(*serial));
    }
    return serials;
  }
  std::vector<std::uint64_t> pop_all() {
    std::vector<std::uint64_t> serials;
    while (const Submission* const submission = queue_.pop_ended()) {
      serials.push_back(submission->serial);
    }
    return serials;
  }

  std::array<Submission, 8> submissions_;
  WatchedQueue queue_;
};

TEST_F(WatchedQueueTest, KeepsThemInTheOrderOfSerials) {
  EXPECT_EQ(oldest(), std::nullopt);
  EXPECT_EQ(queue_.pop_ended(), nullptr);
  for (const std::uint64_t serial : {3U, 6U, 4U, 7U, 1U, 5U, 2U}) watch(serial);
  EXPECT_THAT(forget_all(), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(oldest(), std::nullopt);
}

TEST_F(WatchedQueueTest, OneIsWatchedOnce) {
  watch(2);
  watch(1);
  watch(2);
  EXPECT_TRUE(with(2).in_watched);
  EXPECT_THAT(forget_all(), ElementsAre(1, 2));
  EXPECT_FALSE(with(2).in_watched);
}

TEST_F(WatchedQueueTest, ForgetsOneWhereverItStands) {
  for (const std::uint64_t forgotten : {1U, 2U, 3U}) {
    for (const std::uint64_t serial : {1U, 2U, 3U}) watch(serial);
    queue_.forget(with(forgotten));
    queue_.forget(with(forgotten));
    EXPECT_EQ(oldest(), forgotten == 1 ? 2U : 1U);
    EXPECT_EQ(forget_all().size(), 2U);
  }
}

TEST_F(WatchedQueueTest, ForgettingOneThatIsNotWatchedDoesNothing) {
  watch(2);
  queue_.forget(with(1));
  EXPECT_EQ(oldest(), 2U);
}

TEST_F(WatchedQueueTest, WhatHasEndedComesInThatOrderAndIsNotWaitedForAnyMore) {
  for (const std::uint64_t serial : {1U, 2U, 3U, 4U}) watch(serial);
  EXPECT_FALSE(queue_.has_ended());
  queue_.ended(with(1));
  EXPECT_EQ(oldest(), 2U);
  queue_.ended(with(2));
  EXPECT_EQ(oldest(), 3U);
  EXPECT_TRUE(queue_.has_ended());
  EXPECT_EQ(queue_.pop_ended(), &with(1));
  queue_.ended(with(3));
  EXPECT_THAT(pop_all(), ElementsAre(2, 3));
  EXPECT_FALSE(queue_.has_ended());
  EXPECT_THAT(forget_all(), ElementsAre(4));
}

TEST_F(WatchedQueueTest, WhatWasNeverWatchedCanEnd) {
  // Lost with the device while a sequence held it back: it never had a serial.
  submissions_[0].serial = 0;
  watch(1);
  queue_.ended(submissions_[0]);
  EXPECT_EQ(queue_.pop_ended(), submissions_.data());
  EXPECT_EQ(oldest(), 1U);
}

TEST_F(WatchedQueueTest, WhatHasEndedWaitsForWhatIsOlder) {
  // As the loss of the device leaves it, while another thread reads the outcome of the first two.
  for (const std::uint64_t serial : {1U, 2U, 3U, 4U}) watch(serial);
  queue_.ended(with(3));
  queue_.ended(with(4));
  EXPECT_TRUE(queue_.has_ended());
  EXPECT_EQ(queue_.pop_ended(), nullptr);
  queue_.ended(with(1));
  EXPECT_EQ(queue_.pop_ended(), &with(1));
  EXPECT_EQ(queue_.pop_ended(), nullptr);
  queue_.forget(with(2));
  EXPECT_THAT(pop_all(), ElementsAre(3, 4));
}

TEST_F(WatchedQueueTest, WhatHasEndedIsSeenToInTheOrderOfSerials) {
  for (const std::uint64_t serial : {1U, 2U, 3U}) watch(serial);
  queue_.ended(with(3));
  queue_.ended(with(1));
  queue_.ended(with(2));
  EXPECT_THAT(pop_all(), ElementsAre(1, 2, 3));
}

TEST_F(WatchedQueueTest, ForgettingOneThatHasEndedLeavesItToBeSeenTo) {
  watch(1);
  queue_.ended(with(1));
  queue_.forget(with(1));
  EXPECT_THAT(pop_all(), ElementsAre(1));
}

TEST_F(WatchedQueueTest, StartsAgainAfterItWasEmpty) {
  watch(6);
  queue_.ended(with(6));
  EXPECT_THAT(pop_all(), ElementsAre(6));
  EXPECT_THAT(pop_all(), IsEmpty());
  watch(2);
  watch(7);
  watch(6);
  EXPECT_THAT(forget_all(), ElementsAre(2, 6, 7));
}

}  // namespace
}  // namespace cbr::detail
