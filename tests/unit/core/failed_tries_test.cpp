#include "core/failed_tries.h"

#include <deque>
#include <thread>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

/// Ids of threads that are all there at one time, so that they differ.
std::deque<Thread::id> ids_of(std::size_t count) {
  std::deque<Thread> threads;
  std::deque<Thread::id> ids;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([] {});
  for (Thread& thread : threads) ids.push_back(thread.get_id());
  for (Thread& thread : threads) thread.join();
  return ids;
}

TEST(FailedTries, CountFromTheFirst) {
  const auto ids = ids_of(2);
  FailedTries tries;
  EXPECT_TRUE(tries.empty());
  tries.add(ids[0], TimePoint(10us));
  tries.add(ids[0], TimePoint(20us));
  EXPECT_FALSE(tries.take(ids[1])) << "of another thread";
  EXPECT_EQ(tries.take(ids[0]), TimePoint(10us));
  EXPECT_TRUE(tries.empty());
  EXPECT_FALSE(tries.take(ids[0])) << "it has its slot";
}

TEST(FailedTries, WithoutATimeAreNone) {
  FailedTries tries;
  tries.add(this_thread_id(), {});
  EXPECT_TRUE(tries.empty());
}

TEST(FailedTries, OfTooManyThreadsTheOldestIsForgotten) {
  const auto ids = ids_of(FailedTries::size + 1);
  FailedTries tries;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    tries.add(ids[i], TimePoint(std::chrono::microseconds(i + 1)));
  }
  EXPECT_FALSE(tries.take(ids[0]));
  EXPECT_EQ(tries.take(ids.back()), TimePoint(std::chrono::microseconds(ids.size())));
  EXPECT_EQ(tries.take(ids[1]), TimePoint(2us));
}

}  // namespace
}  // namespace cbr::detail
