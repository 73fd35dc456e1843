#include "text/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace cbr::utf8 {
namespace {

TEST(Utf8, ReadsCharactersOfEveryLength) {
  for (const auto& [text, code] : {std::pair<std::string_view, char32_t>{"a", U'a'},
                                   {"\x7F", 0x7F},
                                   {"\xC2\x80", 0x80},
                                   {"ö", U'ö'},
                                   {"\xE0\xA0\x80", 0x800},
                                   {"€", U'€'},
                                   {"\xEE\x80\x80", 0xE000},
                                   {"\xF0\x90\x80\x80", 0x10000},
                                   {"✅", U'✅'},
                                   {"\xF4\x8F\xBF\xBF", 0x10FFFF}}) {
    const auto character = first_character(std::string(text) + "x");
    ASSERT_TRUE(character) << text;
    EXPECT_EQ(character->code, code) << text;
    EXPECT_EQ(character->bytes, text.size()) << text;
  }
}

TEST(Utf8, RefusesEverythingElse) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "\x80"sv, "\xFF"sv, "\xC3"sv, "\xC3x"sv, "\xE2\x82"sv, "\xE2\x82x"sv,
        "\xF0\x9F\x98"sv,
        // Longer than need be.
        "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x9F\xBF"sv, "\xF0\x8F\xBF\xBF"sv,
        // Half of a pair of UTF-16, and what Unicode doesn't have.
        "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv, "\xF4\x90\x80\x80"sv, "\xF8\x88\x80\x80\x80"sv}) {
    EXPECT_FALSE(first_character(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8, CountsCharactersNotBytes) {
  EXPECT_EQ(count_characters(""), 0U);
  EXPECT_EQ(count_characters("größe ✅"), 7U);
  EXPECT_EQ(count_characters("gr\xC3"), std::nullopt);
}

TEST(Utf8, KnowsWhatBreaksALine) {
  for (const char32_t code : {0x00, 0x1F, 0x7F, 0x85, 0x9F}) {
    EXPECT_TRUE(is_control(code) && breaks_line(code)) << static_cast<unsigned>(code);
  }
  for (const char32_t code : {0x20, 0x7E, 0xA0, 0x2027, 0x202A}) {
    EXPECT_FALSE(is_control(code) || breaks_line(code)) << static_cast<unsigned>(code);
  }
  EXPECT_TRUE(breaks_line(0x2028) && breaks_line(0x2029) && !is_control(0x2028));
}

}  // namespace
}  // namespace cbr::utf8
