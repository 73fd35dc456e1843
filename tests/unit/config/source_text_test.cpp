#include "config/source_text.h"

#include <string>

#include <gtest/gtest.h>

namespace cbr::config {
namespace {

std::string text_of(Place place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column);
}

/// "LINE:COLUMN TEXT" of the error.
std::string error_of(std::string_view text) {
  try {
    const SourceText source(text);
  } catch (const YamlError& error) {
    return text_of(error.where()) + " " + error.what();
  }
  return "no error";
}

TEST(SourceText, CountsCharactersFromOne) {
  const SourceText source("a\nöö: x\n");
  EXPECT_EQ(text_of(source.place_of(0, 0)), "1:1");
  EXPECT_EQ(text_of(source.place_of(1, 0)), "2:1");
  EXPECT_EQ(text_of(source.place_of(1, 4)), "2:3");
  EXPECT_EQ(text_of(source.place_of(1, 6)), "2:5");
  // The end, and beyond it.
  EXPECT_EQ(text_of(source.place_of(2, 0)), "3:1");
  EXPECT_EQ(text_of(source.place_of(9, 9)), "3:1");
}

TEST(SourceText, LeavesOutTheMarkOfByteOrder) {
  const SourceText source(
      "\xEF\xBB\xBF"
      "a: 1");
  EXPECT_EQ(source.text(), "a: 1");
  EXPECT_EQ(text_of(source.place_of(0, 3)), "1:4");
}

TEST(SourceText, HasItsLines) {
  const SourceText source("a\n\nc");
  EXPECT_EQ(source.line(0), "");
  EXPECT_EQ(source.line(1), "a");
  EXPECT_EQ(source.line(2), "");
  EXPECT_EQ(source.line(3), "c");
  EXPECT_EQ(source.line(4), "");
}

TEST(SourceText, RefusesWhatIsNoText) {
  using namespace std::string_literals;
  EXPECT_EQ(error_of("a\tb\r\nö\xC2\x85\xE2\x80\xA8"), "no error");
  EXPECT_EQ(error_of("ä: \xFF"), "1:4 the byte 0xFF is not UTF-8; expected text in UTF-8");
  EXPECT_EQ(error_of("a\nb\xC3"), "2:2 the byte 0xC3 is not UTF-8; expected text in UTF-8");
  // As some editors save.
  EXPECT_EQ(error_of("\xFF\xFE"
                     "a\0:\0"s),
            "1:1 the file is in UTF-16; expected text in UTF-8");
  EXPECT_EQ(error_of("\xFE\xFF\0a"s), "1:1 the file is in UTF-16; expected text in UTF-8");
  EXPECT_EQ(error_of("a\0:\0"s), "1:1 the file is in UTF-16; expected text in UTF-8");
  EXPECT_EQ(error_of("a:\0"s), "1:3 the control character U+0000 stands here; expected text");
  // The YAML library takes it for the end.
  EXPECT_EQ(error_of("a: 1\n\x04\nb: 2\n"),
            "2:1 the control character U+0004 stands here; expected text");
  EXPECT_EQ(error_of("a\x7F"), "1:2 the control character U+007F stands here; expected text");
  EXPECT_EQ(error_of("a\xC2\x9B"), "1:2 the control character U+009B stands here; expected text");
}

}  // namespace
}  // namespace cbr::config
