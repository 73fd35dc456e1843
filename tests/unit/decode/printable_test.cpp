#include "decode/printable.h"

#include <gtest/gtest.h>

namespace cbr::decode {
namespace {

TEST(Printable, KeepsOrdinaryText) {
  EXPECT_EQ(printable("a b é 😀"), "a b é 😀");
}

TEST(Printable, EscapesWhatBreaksALine) {
  EXPECT_EQ(printable("a\nb\r\x1b"), "a\\x0ab\\x0d\\x1b");
  EXPECT_EQ(printable("\xE2\x80\xA8"), "\\xe2\\x80\\xa8");
}

TEST(Printable, EscapesBrokenUtf8) {
  EXPECT_EQ(printable("a\xFFz"), "a\\xffz");
}

TEST(Printable, ShortensLongText) {
  EXPECT_EQ(printable(std::string(500, 'x')), std::string(120, 'x') + "...");
}

TEST(Printable, NeverShortensAPath) {
  EXPECT_EQ(printable_path(std::string(500, 'x')), std::string(500, 'x'));
}

TEST(InQuotes, AddsThem) {
  EXPECT_EQ(in_quotes("a"), "\"a\"");
}

}  // namespace
}  // namespace cbr::decode
