#include "backends/vulkan/queue_choice.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

namespace cbr::vulkan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Two queues in the main family 2, three in family 0.
DeviceInfo two_families() {
  DeviceInfo info;
  info.name = "Two";
  info.compute_families = {{.family = 0, .queue_count = 3}, {.family = 2, .queue_count = 2}};
  return info;
}

std::vector<QueueChoice> choose(const std::vector<QueueRequest>& requests) {
  return choose_queues(two_families(), 2, requests);
}

TEST(ChooseQueues, ByDefaultOneOfTheMainFamily) {
  EXPECT_THAT(choose({}), ElementsAre(QueueChoice{2, 0, 1.0F}));
}

TEST(ChooseQueues, TheMainFamilyFirstThenTheOthers) {
  EXPECT_THAT(choose(std::vector<QueueRequest>(4)),
              ElementsAre(QueueChoice{2, 0, 1.0F}, QueueChoice{2, 1, 1.0F}, QueueChoice{0, 0, 1.0F},
                          QueueChoice{0, 1, 1.0F}));
}

TEST(ChooseQueues, ANamedFamilyIsServedBeforeAnUnnamedOneTakesItsQueue) {
  EXPECT_THAT(
      choose({{}, {}, {.family = 2, .priority = 0.5F}}),
      ElementsAre(QueueChoice{2, 1, 1.0F}, QueueChoice{0, 0, 1.0F}, QueueChoice{2, 0, 0.5F}));
}

TEST(ChooseQueues, TooFewQueuesNamesDeviceAskedAndAvailable) {
  EXPECT_THAT([] { choose(std::vector<QueueRequest>(6)); },
              ThrowsMessage<BackendError>(AllOf(HasSubstr("Two"), HasSubstr("6 queues"),
                                                HasSubstr("3 in family 0, 2 in family 2"))));
  EXPECT_THAT(
      [] {
        choose({{.family = 2}, {.family = 2}, {.family = 2}});
      },
      ThrowsMessage<BackendError>(HasSubstr("family 2, family 2, family 2")));
  EXPECT_THAT([] { choose({{.family = 1}}); },
              ThrowsMessage<BackendError>(HasSubstr("1 queue (of family 1)")));
}

TEST(ChooseQueues, ValuesOutOfRangeAreNamed) {
  EXPECT_THAT(
      [] {
        choose({{}, {.priority = 1.5F}});
      },
      ThrowsMessage<InvalidOption>(
          AllOf(HasSubstr("queue 1 is 1.5"), HasSubstr("allowed are 0 to 1"))));
  EXPECT_THROW(choose({{.priority = std::nanf("")}}), InvalidOption);
  EXPECT_THAT([] { choose(std::vector<QueueRequest>(65)); },
              ThrowsMessage<InvalidOption>(AllOf(HasSubstr("65"), HasSubstr("1 to 64"))));
}

}  // namespace
}  // namespace cbr::vulkan
