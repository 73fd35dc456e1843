#include "soak/growth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cbr::soak {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t mib = 1 << 20;

/// A run of 400 samples, each as `usage(i)` says.
template <typename Usage>
std::string complaint(const Usage& usage) {
  Growth growth;
  for (std::uint64_t i = 0; i < 400; ++i) growth.add(usage(i));
  return growth.complaint();
}

TEST(Growth, WhatStaysIsFine) {
  EXPECT_THAT(complaint([](std::uint64_t) {
                return ProcessUsage{.memory = 50 * mib, .files = 10, .threads = 4};
              }),
              IsEmpty());
}

TEST(Growth, WarmUpIsNoGrowth) {
  EXPECT_THAT(complaint([](std::uint64_t i) {
                const bool warm = i >= 100;
                return ProcessUsage{
                    .memory = warm ? 500 * mib : i, .files = warm ? 10U : 3U, .threads = 4};
              }),
              IsEmpty());
}

TEST(Growth, ASpikeIsNoGrowth) {
  EXPECT_THAT(complaint([](std::uint64_t i) {
                return ProcessUsage{
                    .memory = i > 390 ? 90 * mib : mib, .files = i > 390 ? 9U : 1U, .threads = 1};
              }),
              IsEmpty());
}

TEST(Growth, MemoryThatGrowsByMoreThanItsToleranceIs) {
  // From the middle of the second quarter to that of the last: 200 samples.
  const auto growing_by = [](std::uint64_t each) {
    return complaint([each](std::uint64_t i) {
      return ProcessUsage{.memory = 50 * mib + i * each, .files = 1, .threads = 1};
    });
  };
  EXPECT_THAT(growing_by(Growth::memory_tolerance / 200 - 1), IsEmpty());
  EXPECT_THAT(growing_by(Growth::memory_tolerance / 200 + 1), HasSubstr("memory grew"));
}

TEST(Growth, OneFileOrThreadMoreIs) {
  EXPECT_THAT(complaint([](std::uint64_t i) {
                return ProcessUsage{.memory = mib, .files = 5 + i / 200, .threads = 1};
              }),
              HasSubstr("open files grew from 5 to 6"));
  EXPECT_THAT(complaint([](std::uint64_t i) {
                return ProcessUsage{.memory = mib, .files = 5, .threads = 1 + i / 200};
              }),
              HasSubstr("threads grew from 1 to 2"));
}

TEST(Growth, FewSamplesTellNothing) {
  Growth growth;
  for (std::size_t i = 1; i < Growth::least_samples; ++i) {
    growth.add({.memory = i * 100 * mib, .files = i, .threads = i});
    EXPECT_FALSE(growth.enough());
  }
  EXPECT_THAT(growth.complaint(), IsEmpty());
  growth.add({.memory = 9000 * mib, .files = 99, .threads = 99});
  EXPECT_TRUE(growth.enough());
  EXPECT_THAT(growth.complaint(), HasSubstr("grew"));
}

}  // namespace
}  // namespace cbr::soak
