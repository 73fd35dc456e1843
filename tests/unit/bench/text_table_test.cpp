#include "bench/text_table.h"

#include <gtest/gtest.h>

namespace cbr::bench {
namespace {

TEST(DisplayWidth, CountsCharactersNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("1.04×"), 5U);
  EXPECT_EQ(display_width("µs – ±"), 6U);
}

TEST(TextTable, AlignsColumnsWithUnicode) {
  TextTable table({"ring", "gap µs", "x"});
  table.add_row({"1", "9.9", "1.04×"});
  table.add_row({"16", "–", "2"});
  EXPECT_EQ(table.text(),
            "ring  gap µs      x\n"
            "───────────────────\n"
            "1        9.9  1.04×\n"
            "16         –      2\n");
}

TEST(TextTable, LeavesNoBlanksAtTheEnd) {
  TextTable table({"a", "b"});
  table.add_row({"1"});
  EXPECT_EQ(table.text(), "a  b\n────\n1\n");
}

}  // namespace
}  // namespace cbr::bench
