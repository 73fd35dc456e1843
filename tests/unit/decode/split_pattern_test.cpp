#include "decode/split_pattern.h"

#include <gmock/gmock.h>

#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string compile_error(const char* pattern) {
  return test::input_error_of([&] { const SplitPattern split(pattern, false, "a.json: place"); });
}

TEST(SplitPattern, MakesPiecesOfMatchesAndOfWhatLiesBetween) {
  const SplitPattern words("[a-z]+", false, "p");
  EXPECT_THAT(words.split("ab12cd!"), ElementsAre("ab", "12", "cd", "!"));
  EXPECT_THAT(words.split(""), ElementsAre());
  EXPECT_THAT(words.split("12"), ElementsAre("12"));
}

TEST(SplitPattern, KnowsUnicodeClasses) {
  const SplitPattern letters(R"(\p{L}+|\s+)", false, "p");
  EXPECT_THAT(letters.split("été\u00A0Ωш漢字"), ElementsAre("été", "\u00A0", "Ωш漢字"));
}

// Without Unicode properties \S would take a no-break space for part of the word.
TEST(SplitPattern, KnowsUnicodeWhitespace) {
  const SplitPattern words(R"(\S+)", false, "p");
  EXPECT_THAT(words.split("a\u00A0b\u3000c"), ElementsAre("a", "\u00A0", "b", "\u3000", "c"));
}

TEST(SplitPattern, TakesALiteralAsItStands) {
  EXPECT_THAT(SplitPattern(".", true, "p").split("a.b"), ElementsAre("a", ".", "b"));
}

TEST(SplitPattern, EndsOnEmptyMatches) {
  EXPECT_THAT(SplitPattern("b*", false, "p").split("abé"), ElementsAre("a", "b", "é"));
}

TEST(SplitPattern, NamesPlaceAndOffsetOfABadPattern) {
  EXPECT_THAT(compile_error("a(b"), AllOf(HasSubstr("a.json: place: is \"a(b\", a bad pattern at "
                                                    "offset 3: "),
                                          HasSubstr("parenthes")));
  EXPECT_THAT(compile_error("\\C"), HasSubstr("a bad pattern"));
  EXPECT_THAT(compile_error(std::string(70'000, 'a').c_str()), HasSubstr("a bad pattern"));
  EXPECT_THAT(compile_error(std::string(60'000, '(').c_str()), HasSubstr("a bad pattern"));
}

TEST(SplitPattern, StopsAPatternThatBacktracksWithoutEnd) {
  const SplitPattern slow("(a+)+(a+)+$", false, "a.json: place");
  const std::string text = std::string(5000, 'a') + "b";
  EXPECT_THAT(test::input_error_of([&] { static_cast<void>(slow.split(text)); }),
              HasSubstr("a.json: place: splitting the text at byte 0 fails: "));
}

TEST(SplitPattern, SplitsLongRuns) {
  const SplitPattern pattern(R"(\s*[\r\n]+|\s+(?!\S)|\s+|\S+)", false, "p");
  const std::string spaces(1'000'000, ' ');
  EXPECT_EQ(pattern.split(spaces + "x").size(), 3);
  EXPECT_EQ(pattern.split(spaces).size(), 1);
}

}  // namespace
}  // namespace cbr::decode
