#include "text/printable.h"

#include <string>

#include <gtest/gtest.h>

namespace cbr::text {
namespace {

TEST(Printable, KeepsOrdinaryText) {
  EXPECT_EQ(printable("a b é 😀 ❤\ufe0f 世界"), "a b é 😀 ❤\ufe0f 世界");
  EXPECT_EQ(printable("a \"b\" \\x1b"), "a \"b\" \\x1b");
}

TEST(Printable, EscapesWhatMovesACursorOrBreaksALine) {
  EXPECT_EQ(printable("a\nb\r\t\x1b\x7f"), "a\\nb\\r\\t\\x1b\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "\\u009b2J");
  EXPECT_EQ(printable("\u2028\u2029"), "\\u2028\\u2029");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a\\x00b");
}

TEST(Printable, EscapesWhatNobodySees) {
  // A no-break space, an ideographic one, a zero-width one, the mark of byte order, what turns the
  // direction of writing, a filler of Hangul, a tag.
  EXPECT_EQ(printable("\u00a0\u3000\u200b\ufeff\u202e\u3164\U000e0041"),
            "\\u00a0\\u3000\\u200b\\ufeff\\u202e\\u3164\\U000e0041");
}

TEST(Printable, EscapesBrokenUtf8) {
  EXPECT_EQ(printable("a\xFFz\xC3"), "a\\xffz\\xc3");
}

TEST(Printable, ShortensLongText) {
  EXPECT_EQ(printable(std::string(500, 'x')), std::string(120, 'x') + "...");
  EXPECT_EQ(printable("xxxx", 2), "xx...");
}

TEST(Printable, ChangesNothingASecondTime) {
  const std::string once = printable("\x1b[2J\u202e\n\xFF");
  EXPECT_EQ(printable(once), once);
  EXPECT_EQ(printable_lines(once), once);
}

TEST(Printable, NeverShortensAPath) {
  EXPECT_EQ(printable_path(std::string(500, 'x')), std::string(500, 'x'));
  EXPECT_EQ(printable_path("a\nb"), "a\\nb");
  EXPECT_EQ(printable_path(""), "\"\"");
}

TEST(InQuotes, AddsThem) {
  EXPECT_EQ(in_quotes("a"), "\"a\"");
  EXPECT_EQ(in_quotes("a\"b\n"), "\"a\\\"b\\n\"");
}

TEST(PrintableLines, KeepsLinesAndLetters) {
  EXPECT_EQ(printable_lines("a\tb\nc\u00a0\u202e\r\x1b[2J\xFF"),
            "a\tb\nc\u00a0\u202e\\r\\x1b[2J\\xff");
}

}  // namespace
}  // namespace cbr::text
