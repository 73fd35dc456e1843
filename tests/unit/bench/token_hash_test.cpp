#include "bench/token_hash.h"

#include <vector>

#include <gtest/gtest.h>

namespace cbr::bench {
namespace {

std::string hash_of(const std::vector<std::uint32_t>& tokens) {
  TokenHash hash;
  hash.add(tokens);
  return hash.finish();
}

TEST(TokenHash, IsTheSha256OfLittleEndianTokens) {
  EXPECT_EQ(hash_of({1, 2, 0xdeadbeef}),
            "901863406394c0791303fda1bae0e78733375a7c7dbe7db1ea450c6145a0f8d7");
}

TEST(TokenHash, OfNothingIsTheSha256OfNothing) {
  EXPECT_EQ(hash_of({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(TokenHash, ChecksumsAreEightLittleEndianBytes) {
  TokenHash hash;
  hash.add(std::uint64_t{0x0102030405060708});
  EXPECT_EQ(hash.finish(), "380b980886b7a3e726b5c2776160d7842b8f139eaea1e6acf7442cdf890e6287");
}

TEST(TokenHash, PartsJoinUp) {
  TokenHash hash;
  hash.add(std::vector<std::uint32_t>{1});
  hash.add(std::vector<std::uint32_t>{2, 0xdeadbeef});
  EXPECT_EQ(hash.finish(), hash_of({1, 2, 0xdeadbeef}));
}

TEST(TokenHash, TheOrderMatters) {
  EXPECT_NE(hash_of({1, 2}), hash_of({2, 1}));
}

}  // namespace
}  // namespace cbr::bench
