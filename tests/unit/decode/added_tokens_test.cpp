#include "decode/added_tokens.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

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
  const AddedTokens tokens({{"<end>", 7}});
  EXPECT_EQ(split(tokens, "a<end>b"), "a|<7>|b");
  EXPECT_EQ(split(tokens, "<end><end>"), "<7>|<7>");
  EXPECT_EQ(split(tokens, "<en<end>d>"), "<en|<7>|d>");
  EXPECT_EQ(split(tokens, "<end"), "<end");
  EXPECT_EQ(split(tokens, ""), "");
}

TEST(AddedTokens, PrefersTheLongest) {
  const AddedTokens tokens({{"abcd", 2}, {"ab", 1}});
  EXPECT_EQ(split(tokens, "abcd"), "<2>");
  EXPECT_EQ(split(tokens, "abcabcd"), "<1>|c|<2>");
}

TEST(AddedTokens, PrefersTheFirst) {
  const AddedTokens tokens({{"ab", 1}, {"bcd", 2}, {"d", 3}, {"\xFF", 4}});
  EXPECT_EQ(split(tokens, "abcd"), "<1>|c|<3>");
  EXPECT_EQ(split(tokens, "bcd"), "<2>");
  EXPECT_EQ(split(tokens, "a\xFF"), "a|<4>");
}

TEST(AddedTokens, LetsTheLastOfEqualTokensCount) {
  EXPECT_EQ(split(AddedTokens({{"a", 1}, {"a", 2}}), "a"), "<2>");
}

TEST(AddedTokens, LeavesTextAloneWithoutTokens) {
  EXPECT_EQ(split(AddedTokens(), "abc"), "abc");
}

// Against the obvious search.
TEST(AddedTokens, FindsWhatASearchFromEachPlaceFinds) {
  std::mt19937 random(1);
  const auto draw = [&random](std::size_t longest) {
    std::string text(1 + random() % longest, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<Literal> literals(1 + random() % 6);
    for (TokenId id = 0; id < literals.size(); ++id) literals[id] = {draw(5), id};
    const std::string text = draw(30);
    std::string expected;
    std::string between;
    const auto add = [&](const std::string& piece) {
      if (!piece.empty()) expected += (expected.empty() ? "" : "|") + piece;
    };
    for (std::size_t i = 0; i < text.size();) {
      const Literal* longest = nullptr;
      for (const Literal& literal : literals) {
        if (text.compare(i, literal.content.size(), literal.content) == 0 &&
            (longest == nullptr || literal.content.size() >= longest->content.size())) {
          longest = &literal;
        }
      }
      if (longest == nullptr) {
        between += text[i++];
        continue;
      }
      add(std::exchange(between, ""));
      add("<" + std::to_string(longest->token) + ">");
      i += longest->content.size();
    }
    add(between);
    ASSERT_EQ(split(AddedTokens(literals), text), expected) << text;
  }
}

// Tokens that nearly match everywhere: work in proportion to both would not end for hours.
TEST(AddedTokens, TakesLongTokensThatBreakOffInItsStride) {
  const std::string run(1'000'000, 'a');
  const AddedTokens tokens({{"a", 1}, {run + "b", 2}, {"b" + run, 3}});
  EXPECT_EQ(tokens.split(run).size(), run.size());
}

}  // namespace
}  // namespace cbr::decode
