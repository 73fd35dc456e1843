// A warning that is noted under a lock and told later, once.
#include "backends/metal/commit_warning.h"

#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cbr::metal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

TEST(MetalCommitWarning, IsToldOnceAndNotWhenItIsNoted) {
  std::vector<std::string> lines;
  CommitWarning warning("Ring", [&](const std::string& line) { lines.push_back(line); });
  warning.tell();
  EXPECT_THAT(lines, IsEmpty());
  warning.note(SlotIndex{2});
  EXPECT_THAT(lines, IsEmpty());
  warning.tell();
  warning.note(SlotIndex{3});
  warning.tell();
  EXPECT_THAT(lines, ElementsAre(StartsWith("Ring #2: the program committed")));
}

TEST(MetalCommitWarning, WhatTheSinkThrowsIsDropped) {
  int calls = 0;
  CommitWarning warning("Ring", [&](const std::string&) {
    ++calls;
    throw std::runtime_error("no room for it");
  });
  warning.note(SlotIndex{0});
  warning.tell();
  warning.tell();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace cbr::metal
