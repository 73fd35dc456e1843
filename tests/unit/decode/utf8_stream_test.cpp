#include "decode/utf8_stream.h"

#include <gtest/gtest.h>

namespace cbr::decode {
namespace {

constexpr const char* replacement = "\xEF\xBF\xBD";

TEST(FindInvalidUtf8, NamesTheFirstBadByte) {
  EXPECT_EQ(find_invalid_utf8("plain é 😀"), std::nullopt);
  EXPECT_EQ(find_invalid_utf8(std::string_view("a\0b", 3)), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("ab\xFFz"), 2);
  EXPECT_EQ(find_invalid_utf8("\xC0\xAF"), 0);          // overlong
  EXPECT_EQ(find_invalid_utf8("a\xED\xA0\x80"), 1);     // half of a surrogate pair
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0);  // past U+10FFFF
  EXPECT_EQ(find_invalid_utf8("a\xF0\x9F\x98"), 1);     // cut short
}

TEST(Utf8Stream, HoldsBackAnIncompleteCharacter) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0"), "a");
  EXPECT_EQ(stream.push("\x9F"), "");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "😀z");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, ReplacesWhatCanNeverBeComplete) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\x80z"), std::string("a") + replacement + "z");
  EXPECT_EQ(stream.push("\xF0\x9Fz"), std::string(replacement) + "z");
  EXPECT_EQ(stream.push("\xE2\x82"), "");
  EXPECT_EQ(stream.push("\xE2\x82\xAC"), std::string(replacement) + "€");
  // One replacement for each byte: none begins a longer sequence with its successor.
  EXPECT_EQ(stream.push("\xE0\x80"), std::string(replacement) + replacement);
  EXPECT_EQ(stream.push("\xED\xA0\x80"), std::string(replacement) + replacement + replacement);
  EXPECT_EQ(stream.push("\xF4\x90"), std::string(replacement) + replacement);
}

TEST(Utf8Stream, ReplacesAnUnfinishedEnd) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F\x98"), "a");
  EXPECT_EQ(stream.finish(), replacement);
  EXPECT_EQ(stream.finish(), "");
}

// Whatever the pieces, the text is valid and the same.
TEST(Utf8Stream, GivesTheSameTextHoweverTheBytesAreCut) {
  std::string bytes;
  for (unsigned int i = 0; i < 5000; ++i) bytes += static_cast<char>((i * i * 31U + i * 7U) >> 3U);
  bytes += "é€😀";
  Utf8Stream whole;
  const std::string expected = whole.push(bytes) + whole.finish();
  EXPECT_EQ(find_invalid_utf8(expected), std::nullopt);
  for (const std::size_t size : {1U, 2U, 3U, 7U}) {
    Utf8Stream stream;
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += size) {
      const std::string part = stream.push(std::string_view(bytes).substr(i, size));
      ASSERT_EQ(find_invalid_utf8(part), std::nullopt);
      text += part;
    }
    EXPECT_EQ(text + stream.finish(), expected);
  }
}

}  // namespace
}  // namespace cbr::decode
