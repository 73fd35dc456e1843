// The shipped model against recorded tokens.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "decode/decoder.h"
#include "support/model_fixture.h"
#include "support/vulkan_fixture.h"

namespace cbr::decode {
namespace {

using test::validated_device;

// Below this distance between the best logit and the next, the order of summing may decide.
constexpr double smallest_margin = 0.005;

class GoldenTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  static Decoder& decoder() {
    static Decoder instance(validated_device(), ModelDirectory::open(test::shipped_model()), 128);
    return instance;
  }
};

TEST_P(GoldenTest, TokensMatch) {
  CommandBufferRing ring(vulkan::make_backend(validated_device()), {.ring_size = GetParam()});
  const auto golden = test::read_json(test::shipped_model() / "golden.json");
  int compared = 0;
  for (const auto& golden_case : golden.at("cases")) {
    if (golden_case.at("min_margin").get<double>() < smallest_margin) continue;
    SCOPED_TRACE(golden_case.at("prompt").get<std::string>());
    const auto prompt = golden_case.at("prompt_tokens").get<std::vector<TokenId>>();
    const auto expected = golden_case.at("greedy_tokens").get<std::vector<TokenId>>();
    ASSERT_EQ(expected.size(), 64U);
    const DecodeResult result =
        decoder().decode(ring, prompt, {.max_tokens = 64, .stop_at_end_of_text = false});
    EXPECT_EQ(result.tokens, expected);
    ++compared;
  }
  EXPECT_GE(compared, 8);
}

INSTANTIATE_TEST_SUITE_P(RingSizes, GoldenTest, testing::Values(1U, 3U, 5U));

TEST(GoldenLogitsTest, TheFirstLogitsMatch) {
  Decoder decoder(validated_device(), ModelDirectory::open(test::shipped_model()), 64);
  CommandBufferRing ring(vulkan::make_backend(validated_device()), {.ring_size = 2});
  const auto golden = test::read_json(test::shipped_model() / "golden.json");
  for (const auto& golden_case : golden.at("cases")) {
    const auto prompt = golden_case.at("prompt_tokens").get<std::vector<TokenId>>();
    const auto expected = golden_case.at("first_logits_0_64").get<std::vector<float>>();
    (void)decoder.decode(ring, prompt, {.max_tokens = 1});
    const std::vector<float> logits = decoder.last_logits();
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 2e-3F);
  }
}

}  // namespace
}  // namespace cbr::decode
