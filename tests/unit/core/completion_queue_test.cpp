#include "core/completion_queue.h"

#include <array>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CompletionQueueTest : public testing::Test {
 protected:
  void push(std::uint64_t serial) {
    submissions_.at(serial).serial = serial;
    queue_.push(submissions_.at(serial));
  }
  std::uint64_t pop() {
    const std::uint64_t serial = queue_.front()->serial;
    queue_.pop();
    return serial;
  }
  std::vector<std::uint64_t> pop_all() {
    std::vector<std::uint64_t> serials;
    while (queue_.front() != nullptr) serials.push_back(pop());
    return serials;
  }

  std::array<Submission, 8> submissions_;
  CompletionQueue queue_;
};

TEST_F(CompletionQueueTest, GivesThemInTheOrderOfSerials) {
  EXPECT_THAT(pop_all(), IsEmpty());
  push(1);
  push(4);
  push(2);  // in the middle
  push(5);  // at the end
  push(3);
  EXPECT_THAT(pop_all(), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(CompletionQueueTest, AnOlderOneGoesToTheFront) {
  push(4);
  push(1);
  push(5);
  EXPECT_THAT(pop_all(), ElementsAre(1, 4, 5));
}

TEST_F(CompletionQueueTest, StartsAgainAfterItWasEmpty) {
  push(6);
  EXPECT_EQ(pop(), 6U);
  push(2);
  push(7);
  EXPECT_EQ(pop(), 2U);
  push(3);
  EXPECT_THAT(pop_all(), ElementsAre(3, 7));
}

}  // namespace
}  // namespace cbr::detail
