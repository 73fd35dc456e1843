#include "decode/nfc.h"

#include <string>

#include <gtest/gtest.h>

#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

TEST(ToNfc, ComposesWhatStandsApart) {
  EXPECT_EQ(to_nfc("caf\u0065\u0301"), "caf\u00E9");
  EXPECT_EQ(to_nfc("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(to_nfc("\u212B"), "\u00C5");
}

TEST(ToNfc, OrdersMarks) {
  EXPECT_EQ(to_nfc("q\u0307\u0323"), "q\u0323\u0307");
}

// Marks of one class keep their order, and starters part the runs.
TEST(ToNfc, OrdersEachRunOfMarksForItself) {
  EXPECT_EQ(to_nfc("q\u0307\u0301\u0323q\u0323\u0307"), "q\u0323\u0307\u0301q\u0323\u0307");
}

// Exchanging neighbours would take hours.
TEST(ToNfc, TakesALongRunOfMarksInItsStride) {
  std::string marks = "q";
  std::string ordered = "q";
  for (int i = 0; i < 1'000'000; ++i) {
    marks += "\u0307\u0323";
    ordered += "\u0323";
  }
  for (int i = 0; i < 1'000'000; ++i) ordered += "\u0307";
  EXPECT_TRUE(to_nfc(marks) == ordered);
}

TEST(ToNfc, LeavesComposedTextCompatibilityFormsAndNulAlone) {
  const std::string text("a\0\u00E9\uFB01\u00B2", 9);
  EXPECT_EQ(to_nfc(text), text);
  EXPECT_EQ(to_nfc(""), "");
}

TEST(ToNfc, RefusesBrokenText) {
  EXPECT_EQ(test::input_error_of([] { static_cast<void>(to_nfc("a\xFF")); }),
            "text: cannot be normalized: Invalid UTF-8 string");
}

}  // namespace
}  // namespace cbr::decode
