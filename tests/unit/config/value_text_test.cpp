#include "config/value_text.h"

#include <gtest/gtest.h>

namespace cbr::config {
namespace {

std::string parsed(std::string_view option, std::string_view text) {
  const auto value = parse_value(*find_option(option), text);
  return value ? to_string(*value) : "refused";
}

TEST(ParseValue, Booleans) {
  for (const auto* text : {"true", "True", "TRUE"}) EXPECT_EQ(parsed("enabled", text), "true");
  for (const auto* text : {"false", "False", "FALSE"}) EXPECT_EQ(parsed("enabled", text), "false");
  for (const auto* text : {"yes", "on", "1", "", "tRUE", "true "}) {
    EXPECT_EQ(parsed("enabled", text), "refused") << text;
  }
}

TEST(ParseValue, NumbersWithinTheirLimits) {
  EXPECT_EQ(parsed("priority_levels", "1"), "1");
  EXPECT_EQ(parsed("priority_levels", "16"), "16");
  EXPECT_EQ(parsed("timeout_ms", "0"), "0");
  for (const auto* text : {"0", "17", "-1", "+1", "1.0", "1e1", "0x2", "02", "", " 1", "1 ", "auto",
                           "18446744073709551617"}) {
    EXPECT_EQ(parsed("priority_levels", text), "refused") << text;
  }
}

TEST(ParseValue, Auto) {
  EXPECT_EQ(parsed("ring_size", "auto"), "auto");
  EXPECT_EQ(parsed("ring_size", "1024"), "1024");
  EXPECT_EQ(parsed("ring_size", "1025"), "refused");
  EXPECT_EQ(parsed("ring_size", "Auto"), "refused");
}

TEST(ParseValue, Lists) {
  EXPECT_EQ(parsed("reserved_slots", ""), "");
  EXPECT_EQ(parsed("reserved_slots", "1,0,1024"), "1,0,1024");
  EXPECT_EQ(parsed("reserved_slots", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1").size(), 31U);
  for (const auto* text :
       {",", "1,", ",1", "1,,2", "1, 2", "1025", "x", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"}) {
    EXPECT_EQ(parsed("reserved_slots", text), "refused") << text;
  }
}

TEST(ParseValue, TextsOnOneLine) {
  EXPECT_EQ(parsed("device", ""), "");
  EXPECT_EQ(parsed("name", "größe"), "größe");
  EXPECT_EQ(parsed("name", std::string(100, 'x')).size(), 100U);
  EXPECT_EQ(parsed("name", ""), "refused");
  EXPECT_EQ(parsed("name", std::string(101, 'x')), "refused");
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "ö";
  EXPECT_EQ(parsed("name", wide), wide);
  EXPECT_EQ(parsed("name", wide + "ö"), "refused");
  for (const auto* text : {"a\nb", "a\x7f", "a\xC2\x85", "a\xE2\x80\xA8", "a\xFF", "a\xC3"}) {
    EXPECT_EQ(parsed("name", text), "refused") << text;
  }
}

TEST(OddCharacter, NamesTheFirstThatIsNotAscii) {
  EXPECT_EQ(odd_character("ring_size"), "");
  EXPECT_EQ(odd_character("ring_siz\u0435\u00e9"), " (U+0435 in it is not ASCII)");
  EXPECT_EQ(odd_character("a\xFF"), "");
}

TEST(Unexpected, SaysWhatIsAllowedAndWhatWasMeant) {
  EXPECT_EQ(unexpected_text(*find_option("ring_size"), "0"),
            "found \"0\"; expected a whole number from 1 to 1024, or auto");
  EXPECT_EQ(unexpected_text(*find_option("allocation_strategy"), "leastbusy"),
            "found \"leastbusy\"; expected round-robin, least-busy or priority; did you mean "
            "least-busy?");
  EXPECT_EQ(unexpected_text(*find_option("queues"), "\u22121"),
            "found \"\u22121\" (U+2212 in it is not ASCII); expected a whole number from 1 to 64");
  EXPECT_EQ(unexpected_text(*find_option("name"), "\u2212\n").find("ASCII"), std::string::npos);
}

}  // namespace
}  // namespace cbr::config
