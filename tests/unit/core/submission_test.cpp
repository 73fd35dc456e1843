#include "core/submission.h"

#include <memory>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/sequence_record.h"
#include "unit/core/core_for_records.h"

namespace cbr::detail {
namespace {

TEST(SubmissionPool, ReusesRecordsAndBlanksThem) {
  const CoreForRecords core;
  SubmissionPool pool(*core, 1);
  const auto sequence = std::make_shared<SequenceRecord>(QueueIndex{0});
  Submission& first = pool.take();
  EXPECT_EQ(first.core, &*core);
  first.serial = 7;
  first.phase = Phase::ended;
  first.done = true;
  first.looked_at = true;
  first.completion = {.interval = GpuInterval{},
                      .end = std::chrono::nanoseconds(1),
                      .error = std::make_exception_ptr(std::runtime_error("x"))};
  first.next_hang_warning = TimePoint{} + std::chrono::hours(1);
  first.sequence = sequence;
  pool.give_back(first);
  Submission& again = pool.take();
  EXPECT_EQ(&again, &first);
  EXPECT_EQ(again.core, &*core);
  EXPECT_EQ(again.serial, 0U);
  EXPECT_EQ(again.phase, Phase::leased);
  EXPECT_FALSE(again.done);
  EXPECT_FALSE(again.looked_at);
  EXPECT_FALSE(again.completion.interval.has_value());
  EXPECT_FALSE(again.completion.end.has_value());
  EXPECT_EQ(again.completion.error, nullptr);
  EXPECT_EQ(again.next_hang_warning, TimePoint{});
  EXPECT_EQ(again.sequence, nullptr);
  EXPECT_EQ(again.chain_next, nullptr);
  EXPECT_EQ(sequence.use_count(), 1);
}

TEST(SubmissionPool, GivesARecordToOneAtATime) {
  const CoreForRecords core;
  SubmissionPool pool(*core, 3);
  std::set<Submission*> taken;
  for (int i = 0; i < 100; ++i) {
    Submission& submission = pool.take();
    EXPECT_EQ(submission.core, &*core);
    taken.insert(&submission);
  }
  EXPECT_EQ(taken.size(), 100U) << "it grows when all are in use";
  EXPECT_EQ(pool.in_use(), 100U);
  for (Submission* submission : taken) pool.give_back(*submission);
  EXPECT_EQ(pool.in_use(), 0U);
  std::set<Submission*> again;
  for (int i = 0; i < 100; ++i) again.insert(&pool.take());
  EXPECT_EQ(again, taken) << "it doesn't grow when it need not";
}

TEST(Submission, IsWatchedForWhatHangsOnItOrWhatItKeeps) {
  Submission submission;
  EXPECT_FALSE(submission.watched());
  submission.kept_alive.push_back(nullptr);
  EXPECT_TRUE(submission.watched());
  submission.kept_alive.clear();
  CallbackNode node;
  submission.continuations.push_back(node);
  EXPECT_TRUE(submission.watched());
  submission.continuations.remove(node);
  EXPECT_FALSE(submission.watched());
}

TEST(SubmissionChain, GivesThemInTheOrderOfTheirComing) {
  Submission a;
  Submission b;
  Submission c;
  SubmissionChain chain;
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.pop(), nullptr);
  // Left over from another list.
  a.chain_next = &c;
  chain.push(a);
  EXPECT_FALSE(chain.empty());
  chain.push(b);
  EXPECT_EQ(chain.pop(), &a);
  EXPECT_EQ(a.chain_next, nullptr);
  chain.push(c);
  EXPECT_EQ(chain.pop(), &b);
  EXPECT_EQ(chain.pop(), &c);
  EXPECT_EQ(chain.pop(), nullptr);
  chain.push(a);
  EXPECT_EQ(chain.pop(), &a) << "it can be used on after it was empty";
  EXPECT_TRUE(chain.empty());
}

}  // namespace
}  // namespace cbr::detail
