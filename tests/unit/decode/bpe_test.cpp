#include "decode/bpe.h"

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include <gmock/gmock.h>

#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using testing::ElementsAre;

ByteTokens identity() {
  ByteTokens tokens;
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens.at(i) = static_cast<TokenId>(i);
  return tokens;
}

std::vector<TokenId> encode(const Bpe& bpe, std::string_view word) {
  std::vector<TokenId> tokens;
  bpe.encode(word, tokens);
  return tokens;
}

TEST(Bpe, AppliesTheEarliestMergeFirst) {
  const Bpe bpe(identity(), {{'b', 'c', 300}, {'a', 'b', 301}, {'a', 300, 302}});
  EXPECT_THAT(encode(bpe, "abc"), ElementsAre(302));
  EXPECT_THAT(encode(bpe, "ab"), ElementsAre(301));
  EXPECT_THAT(encode(bpe, "abab"), ElementsAre(301, 301));
  EXPECT_THAT(encode(bpe, ""), ElementsAre());
}

TEST(Bpe, MergesTheLeftmostOfEqualPairs) {
  const Bpe bpe(identity(), {{'a', 'a', 300}});
  EXPECT_THAT(encode(bpe, "aaa"), ElementsAre(300, 'a'));
  EXPECT_THAT(encode(bpe, "aaaaa"), ElementsAre(300, 300, 'a'));
}

TEST(Bpe, LetsTheLaterOfTwoRulesForOnePairCount) {
  const Bpe bpe(identity(), {{'a', 'b', 300}, {'b', 'c', 301}, {'a', 'b', 302}});
  EXPECT_THAT(encode(bpe, "abc"), ElementsAre('a', 301));
}

// "a b" is possible at first; by its turn the "a" is part of a longer token and another "b"
// follows.
TEST(Bpe, ForgetsAPairWhoseLeftTokenHasGrown) {
  const Bpe bpe(identity(), {{'b', 'c', 300}, {'a', 300, 301}, {'a', 'b', 302}});
  EXPECT_THAT(encode(bpe, "abcb"), ElementsAre(301, 'b'));
}

TEST(Bpe, NamesAByteWithoutAToken) {
  ByteTokens tokens = identity();
  tokens[0xE9].reset();
  const Bpe bpe(tokens, {});
  EXPECT_EQ(test::input_error_of([&] { static_cast<void>(encode(bpe, "a\xE9")); }),
            "text: byte 0xe9 has no token in the vocabulary");
}

// Ids such that all pairs fall into one bucket of a hash table: it would take minutes.
TEST(Bpe, TakesIdsThatWouldDefeatAHashTableInItsStride) {
  constexpr std::size_t count = 600'000;
  std::unordered_map<std::uint64_t, int> table;
  table.reserve(count);
  std::vector<Merge> merges;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::uint64_t pair = i * table.bucket_count();
    merges.push_back({static_cast<TokenId>(pair >> 32U), static_cast<TokenId>(pair), 300});
  }
  merges.push_back({'a', 'b', 301});
  EXPECT_THAT(encode(Bpe(identity(), merges), "ab"), ElementsAre(301));
}

// A word of a megabyte: quadratic work would take minutes.
TEST(Bpe, TakesALongWordInItsStride) {
  std::vector<Merge> merges{{'a', 'a', 300}};
  for (TokenId i = 300; i < 310; ++i) merges.push_back({i, i, i + 1});
  const Bpe bpe(identity(), merges);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(encode(bpe, std::string(std::size_t{1} << 20U, 'a')).size(), 512);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace cbr::decode
