#include "decode/split_pattern.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string_view> words(const SplitPattern& pattern, std::string_view text) {
  SplitBudget budget(text.size());
  std::vector<std::string_view> words;
  for (const TextSpan& span : pattern.split({{text, std::nullopt}}, budget)) {
    words.push_back(span.text);
  }
  return words;
}

std::string split_error(const SplitPattern& pattern, std::string_view text) {
  return test::input_error_of([&] { static_cast<void>(words(pattern, text)); });
}

std::string compile_error(const char* pattern) {
  return test::input_error_of([&] { const SplitPattern split(pattern, false, "a.json: place"); });
}

TEST(SplitPattern, MakesPiecesOfMatchesAndOfWhatLiesBetween) {
  const SplitPattern pattern("[a-z]+", false, "p");
  EXPECT_THAT(words(pattern, "ab12cd!"), ElementsAre("ab", "12", "cd", "!"));
  EXPECT_THAT(words(pattern, ""), ElementsAre());
  EXPECT_THAT(words(pattern, "12"), ElementsAre("12"));
}

TEST(SplitPattern, KnowsUnicodeClasses) {
  const SplitPattern letters(R"(\p{L}+|\s+)", false, "p");
  EXPECT_THAT(words(letters, "été\u00A0Ωш漢字"), ElementsAre("été", "\u00A0", "Ωш漢字"));
}

// Without Unicode properties \S would take a no-break space for part of the word.
TEST(SplitPattern, KnowsUnicodeWhitespace) {
  const SplitPattern pattern(R"(\S+)", false, "p");
  EXPECT_THAT(words(pattern, "a\u00A0b\u3000c"), ElementsAre("a", "\u00A0", "b", "\u3000", "c"));
}

TEST(SplitPattern, TakesALiteralAsItStands) {
  EXPECT_THAT(words(SplitPattern(".", true, "p"), "a.b"), ElementsAre("a", ".", "b"));
}

TEST(SplitPattern, EndsOnEmptyMatches) {
  EXPECT_THAT(words(SplitPattern("b*", false, "p"), "abé"), ElementsAre("a", "b", "é"));
}

TEST(SplitPattern, NamesPlaceAndOffsetOfABadPattern) {
  EXPECT_THAT(compile_error("a(b"), AllOf(HasSubstr("a.json: place: is \"a(b\", a bad pattern at "
                                                    "offset 3: "),
                                          HasSubstr("parenthes")));
  EXPECT_THAT(compile_error("\\C"), HasSubstr("a bad pattern"));
  EXPECT_THAT(compile_error(std::string(70'000, 'a').c_str()), HasSubstr("a bad pattern"));
  EXPECT_THAT(compile_error(std::string(60'000, '(').c_str()), HasSubstr("a bad pattern"));
}

TEST(SplitPattern, LeavesTokensAlone) {
  const SplitPattern pattern("[a-z]+", false, "p");
  SplitBudget budget(10);
  const std::vector<TextSpan> spans =
      pattern.split({{"a1", std::nullopt}, {"<s>", 7}, {"b", std::nullopt}}, budget);
  ASSERT_EQ(spans.size(), 4);
  EXPECT_EQ(spans[1].text, "1");
  EXPECT_EQ(spans[2].token, 7);
  EXPECT_EQ(spans[3].text, "b");
}

// How long a comparison with what a group matched takes no count of steps would tell.
TEST(SplitPattern, RefusesABackReference) {
  EXPECT_EQ(compile_error(R"((a+)\1)"),
            R"(a.json: place: is "(a+)\1", which refers back to a group; that is unsupported)");
}

TEST(SplitPattern, StopsAPatternThatTakesTooLong) {
  const std::string expected =
      "a.json: place: splitting the text takes more than the 2280000 steps that are allowed for "
      "its "
      "length";
  const std::string text = std::string(4999, 'a') + "b";
  for (const char* pattern : {
           // Backtracks without end, in one match; with JIT, without it, and with large frames.
           "(a+)+(a+)+$",
           "(*NO_JIT)(?:a+)+$",
           // Looks at the whole rest of the text, in few steps, at each of its places.
           "(?:(?=a*+b.)|(?=.*+x)|a)+?[^a]",
       }) {
    EXPECT_EQ(split_error(SplitPattern(pattern, false, "a.json: place"), text), expected)
        << pattern;
  }
}

// Each match is quick; it is the text as a whole that takes too long.
TEST(SplitPattern, HasOneBudgetForAllMatchesOfAText) {
  const SplitPattern pattern("a+b|.", false, "a.json: place");
  EXPECT_EQ(words(pattern, std::string(1000, 'a')).size(), 1000);
  EXPECT_THAT(split_error(pattern, std::string(200'000, 'a')),
              HasSubstr("splitting the text takes more than the 52200000 steps"));
  SplitBudget budget(0);
  const std::string text(10'000, 'a');
  const SplitPattern plain("a", false, "a.json: place");
  EXPECT_NO_THROW(static_cast<void>(plain.split({{text, std::nullopt}}, budget)));
  EXPECT_THAT(test::input_error_of([&] {
                for (int i = 0; i < 1000; ++i) {
                  static_cast<void>(plain.split({{text, std::nullopt}}, budget));
                }
              }),
              HasSubstr("more than the 1000000 steps"));
}

TEST(SplitPattern, SplitsLongRuns) {
  const SplitPattern pattern(R"(\s*[\r\n]+|\s+(?!\S)|\s+|\S+)", false, "p");
  const std::string spaces(1'000'000, ' ');
  EXPECT_EQ(words(pattern, spaces + "x").size(), 3);
  EXPECT_EQ(words(pattern, spaces).size(), 1);
}

}  // namespace
}  // namespace cbr::decode
