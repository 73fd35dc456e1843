#include "decode/added_tokens.h"

#include <string>

#include <gtest/gtest.h>

namespace cbr::decode {
namespace {

// "text|<7>|text" for a readable comparison.
std::string split(const AddedTokens& tokens, std::string_view text) {
  std::string result;
  for (const TextSpan& span : tokens.split(text)) {
    if (!result.empty()) result += '|';
    result += span.token ? "<" + std::to_string(*span.token) + ">" : std::string(span.text);
  }
  return result;
}

TEST(AddedTokens, CutsTextAtTokens) {
  AddedTokens tokens;
  tokens.add("<end>", 7);
  EXPECT_EQ(split(tokens, "a<end>b"), "a|<7>|b");
  EXPECT_EQ(split(tokens, "<end><end>"), "<7>|<7>");
  EXPECT_EQ(split(tokens, "<en<end>d>"), "<en|<7>|d>");
  EXPECT_EQ(split(tokens, "<end"), "<end");
  EXPECT_EQ(split(tokens, ""), "");
}

TEST(AddedTokens, PrefersTheLongest) {
  AddedTokens tokens;
  tokens.add("ab", 1);
  tokens.add("abcd", 2);
  EXPECT_EQ(split(tokens, "abcd"), "<2>");
  EXPECT_EQ(split(tokens, "abcabcd"), "<1>|c|<2>");
}

TEST(AddedTokens, LeavesTextAloneWithoutTokens) {
  EXPECT_EQ(split(AddedTokens(), "abc"), "abc");
}

}  // namespace
}  // namespace cbr::decode
