#include "config/nearest.h"

#include <gtest/gtest.h>

namespace cbr::config {
namespace {

TEST(EditDistance, CountsEachKindOfSlipOnce) {
  EXPECT_EQ(edit_distance("ring", "ring"), 0U);
  EXPECT_EQ(edit_distance("ring", "rings"), 1U);
  EXPECT_EQ(edit_distance("ring", "rng"), 1U);
  EXPECT_EQ(edit_distance("ring", "rong"), 1U);
  EXPECT_EQ(edit_distance("ring", "rnig"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(EditDistance, IgnoresCaseAndJoints) {
  EXPECT_EQ(edit_distance("ringSize", "ring_size"), 0U);
  EXPECT_EQ(edit_distance("round_robin", "round-robin"), 0U);
}

TEST(EditDistance, IsSymmetric) {
  EXPECT_EQ(edit_distance("timeout", "tmieuot_ms"), edit_distance("tmieuot_ms", "timeout"));
}

TEST(Nearest, FindsTheClosestAndTheFirstOfEquals) {
  EXPECT_EQ(nearest("rign_size", {"name", "ring_size", "queues"}), "ring_size");
  EXPECT_EQ(nearest("ab", {"ac", "aa"}), "ac");
}

TEST(Nearest, LeavesAThirdOfTheLettersAtMost) {
  EXPECT_EQ(nearest("abcdef", {"abcdxy"}), "abcdxy");
  EXPECT_EQ(nearest("abcdef", {"abcxyz"}), std::nullopt);
  EXPECT_EQ(nearest("a", {"b"}), "b");
  EXPECT_EQ(nearest("ring", {}), std::nullopt);
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), {"ring_size"}), std::nullopt);
}

TEST(Relatives, HaveTheFragmentOrAreInIt) {
  const std::vector<std::string_view> words = {"ring_size", "wait_strategy", "name"};
  EXPECT_EQ(relatives("size", words), std::vector<std::string_view>{"ring_size"});
  EXPECT_EQ(relatives("my-ringSize", words), std::vector<std::string_view>{"ring_size"});
  EXPECT_EQ(relatives("filename", words), std::vector<std::string_view>{"name"});
  EXPECT_TRUE(relatives("siz", words).empty());
  EXPECT_TRUE(relatives("xyzzy", words).empty());
}

TEST(Suggestion, NamesRelativesIfTheyAreFew) {
  EXPECT_EQ(suggestion("strategy", {"allocation_strategy", "name", "wait_strategy"}),
            "; did you mean allocation_strategy or wait_strategy?");
  EXPECT_EQ(suggestion("size", {"my_size", "no_size", "to_size", "up_size"}), "");
  // The nearest comes first.
  EXPECT_EQ(suggestion("sizes", {"ring_size", "size"}), "; did you mean size?");
}

TEST(Suggestion, IsEmptyWithoutANearWord) {
  EXPECT_EQ(suggestion("rign", {"ring"}), "; did you mean ring?");
  EXPECT_EQ(suggestion("xyz", {"ring"}), "");
}

}  // namespace
}  // namespace cbr::config
