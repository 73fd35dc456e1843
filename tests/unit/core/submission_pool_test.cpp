#include "core/submission_pool.h"

#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

TEST(SubmissionPool, ReusesRecordsAndBlanksThem) {
  SubmissionPool pool(1);
  Submission* first = pool.take();
  first->done = true;
  first->completion.error = std::make_exception_ptr(std::runtime_error("x"));
  first->completion.interval = GpuInterval{};
  pool.give_back(first);
  Submission* again = pool.take();
  EXPECT_EQ(again, first);
  EXPECT_FALSE(again->done);
  EXPECT_EQ(again->completion.error, nullptr);
  EXPECT_FALSE(again->completion.interval.has_value());
}

TEST(SubmissionPool, GrowsWhenAllAreHeld) {
  SubmissionPool pool(2);
  std::set<Submission*> held;
  for (int i = 0; i < 100; ++i) held.insert(pool.take());
  EXPECT_EQ(held.size(), 100U);
  for (Submission* submission : held) pool.give_back(submission);
}

}  // namespace
}  // namespace cbr::detail
