#include "core/ring_sizing.h"

#include <chrono>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/recording.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

/// Steps that the host submits one after the other, and that the GPU runs far apart for a reason
/// that no time tells: work between them is not recorded.
Recording unexplained() {
  Recording recording;
  for (std::uint32_t i = 0; i < 64; ++i) {
    RecordedSubmission& step = recording.submissions.emplace_back();
    step.serial = Serial(1 + 2 * i);
    const TimePoint begin = TimePoint(1s) + i * 10us;
    const TimePoint start = TimePoint(1s) + i * 5ms + 1ms;
    step.times.acquire_begin = step.times.acquire_end = begin;
    step.times.submit_begin = step.times.submit_end = begin + 10us;
    step.times.gpu = HostInterval{start, start + 10us, 0ns};
  }
  return recording;
}

TEST(RingSizing, LooksEverLessOftenAtWhatItDoesNotUnderstand) {
  RingSizing sizing({}, 1);
  const Recording window = unexplained();
  std::uint32_t size = 2;
  std::chrono::nanoseconds last{0};
  for (int look = 1; look <= 20; ++look) {
    const RingSizing::Choice choice = sizing.look(window, size);
    EXPECT_FALSE(choice.is_final);
    // It says so once, with the size that it takes then.
    EXPECT_EQ(choice.reason.empty(), look != 4) << look << ": " << choice.reason;
    EXPECT_EQ(choice.ring_size, look < 4 ? 2U : 3U) << look;
    if (look > 3 && last < 64s) {
      EXPECT_GT(choice.pause, last) << look;
    }
    EXPECT_LE(choice.pause, 64s);
    last = choice.pause;
    size = choice.ring_size;
  }
  EXPECT_EQ(last, 64s);
}

}  // namespace
}  // namespace cbr::detail
