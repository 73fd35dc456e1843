#include "support/reference_qwen2.h"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "support/model_builder.h"
#include "support/model_fixture.h"

namespace cbr::test {
namespace {

using decode::TokenId;

// Three recorded cases whose best logit leads by enough that rounding cannot change it.
TEST(ReferenceQwen2, DecodesTheRecordedTokens) {
  const auto model = decode::ModelDirectory::open(shipped_model());
  const nlohmann::json golden = read_json(shipped_model() / "golden.json");
  for (const std::size_t number : {0U, 7U, 11U}) {
    const nlohmann::json& test_case = golden["cases"][number];
    ASSERT_GE(test_case["min_margin"].get<double>(), 0.005);
    ReferenceQwen2 reference(model);
    std::vector<float> logits;
    for (const TokenId token : test_case["prompt_tokens"]) logits = reference.step(token);
    const auto first = test_case["first_logits_0_64"].get<std::vector<float>>();
    ASSERT_EQ(first.size(), 64);
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_NEAR(logits[i], first[i], 1e-3F);
    std::vector<TokenId> tokens;
    const auto expected = test_case["greedy_tokens"].get<std::vector<TokenId>>();
    while (tokens.size() < expected.size()) {
      tokens.push_back(find_best(logits));
      logits = reference.step(tokens.back());
    }
    EXPECT_EQ(tokens, expected);
  }
}

TEST(ReferenceQwen2, RunsSyntheticModels) {
  ModelSpec spec;
  spec.bits = 8;
  spec.scale_dtype = decode::Dtype::bf16;
  spec.num_attention_heads = 6;
  spec.num_key_value_heads = 3;
  spec.head_dim = 64;
  spec.tie_word_embeddings = false;
  const TemporaryDirectory directory;
  build_model(directory.path(), spec);
  ReferenceQwen2 reference(decode::ModelDirectory::open(directory.path()));
  std::vector<float> logits;
  for (const TokenId token : {5U, 6U, 319U}) logits = reference.step(token);
  ASSERT_EQ(logits.size(), 320);
  EXPECT_EQ(reference.position(), 3);
  float squares = 0;
  for (const float logit : logits) squares += logit * logit;
  const float spread = std::sqrt(squares / 320.0F);
  EXPECT_GT(spread, 0.3F);
  EXPECT_LT(spread, 3.0F);
  EXPECT_THROW(static_cast<void>(reference.step(320)), InvalidUsage);
}

TEST(FindBest, TakesTheLowestOfEqualLogits) {
  const std::vector<float> logits{1.0F, 3.0F, 3.0F};
  EXPECT_EQ(find_best(logits), 1);
}

}  // namespace
}  // namespace cbr::test
