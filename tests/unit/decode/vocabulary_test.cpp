#include "decode/vocabulary.h"

#include <gmock/gmock.h>

namespace cbr::decode {
namespace {

TEST(Vocabulary, FindsEntriesByTextAndById) {
  const Vocabulary vocabulary({{"b", 7}, {"", 3}, {"ab", 2147483647}, {"\xC4\xA0", 0}});
  EXPECT_EQ(vocabulary.size(), 4);
  EXPECT_EQ(vocabulary.id_of("b"), 7);
  EXPECT_EQ(vocabulary.id_of(""), 3);
  EXPECT_EQ(vocabulary.id_of("ab"), 2147483647);
  EXPECT_EQ(vocabulary.id_of("a"), std::nullopt);
  EXPECT_EQ(vocabulary.id_of("z"), std::nullopt);
  ASSERT_NE(vocabulary.text_of(0), nullptr);
  EXPECT_EQ(*vocabulary.text_of(0), "\xC4\xA0");
  EXPECT_EQ(*vocabulary.text_of(2147483647), "ab");
  EXPECT_EQ(vocabulary.text_of(4), nullptr);
  EXPECT_EQ(Vocabulary().id_of(""), std::nullopt);
  EXPECT_EQ(Vocabulary().text_of(0), nullptr);
}

}  // namespace
}  // namespace cbr::decode
