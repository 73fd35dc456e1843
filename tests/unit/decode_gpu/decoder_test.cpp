// Whole decodes of small random models, against a plain forward pass on the CPU.
#include "decode/decoder.h"

#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "support/model_builder.h"
#include "support/model_fixture.h"
#include "support/reference_qwen2.h"
#include "support/vulkan_fixture.h"

namespace cbr::decode {
namespace {

using test::ModelSpec;
using test::validated_device;

struct NamedSpec {
  std::string name;
  ModelSpec spec;
};

std::vector<NamedSpec> specs() {
  std::vector<NamedSpec> all;
  const auto add = [&all](const char* name) -> ModelSpec& {
    all.push_back({name, {}});
    all.back().spec.vocab_size = 321;
    return all.back().spec;
  };
  add("defaults");
  ModelSpec& eight = add("eight_bits_bf16");
  eight.bits = 8;
  eight.scale_dtype = eight.vector_dtype = Dtype::bf16;
  ModelSpec& one_kv = add("one_kv_head_f32_vectors");
  one_kv.num_attention_heads = 8;
  one_kv.num_key_value_heads = 1;
  one_kv.head_dim = 24;
  one_kv.vector_dtype = Dtype::f32;
  one_kv.tie_word_embeddings = false;
  ModelSpec& odd = add("odd_head_dim");
  odd.num_attention_heads = 16;
  odd.num_key_value_heads = 4;
  odd.head_dim = 22;
  odd.hidden_size = 96;
  odd.intermediate_size = 160;
  ModelSpec& wide = add("groups_of_128");
  wide.group_size = 128;
  wide.head_dim = 128;
  wide.num_attention_heads = 2;
  wide.num_key_value_heads = 2;
  ModelSpec& medium = add("groups_of_64");
  medium.group_size = 64;
  medium.num_hidden_layers = 3;
  return all;
}

class DecoderTest : public testing::TestWithParam<NamedSpec> {
 protected:
  void SetUp() override { test::build_model(directory.path(), GetParam().spec); }

  test::TemporaryDirectory directory;
};

// The device's own choice is fed on, so that one close call doesn't upset all that follows.
TEST_P(DecoderTest, LogitsMatchTheReference) {
  const ModelDirectory model = ModelDirectory::open(directory.path());
  Decoder decoder(validated_device(), model, 100);
  CommandBufferRing ring(vulkan::make_backend(validated_device()), {.ring_size = 3});
  const std::vector<TokenId> prompt = {5, 17, 300, 2, 99, 17, 17};
  for (const std::uint32_t count : {1U, 4U, 70U}) {
    const DecodeResult result =
        decoder.decode(ring, prompt, {.max_tokens = count, .stop_at_end_of_text = false});
    ASSERT_EQ(result.tokens.size(), count);
    test::ReferenceQwen2 reference(model);
    std::vector<float> expected;
    for (const TokenId token : prompt) expected = reference.step(token);
    for (std::size_t i = 0; i < count; ++i) {
      const float best = expected[test::find_best(expected)];
      ASSERT_LT(best - expected[result.tokens[i]], 2e-3F) << "token " << i;
      if (i + 1 < count) expected = reference.step(result.tokens[i]);
    }
    EXPECT_THAT(decoder.last_logits(), testing::Pointwise(testing::FloatNear(2e-3F), expected));
  }
}

TEST_P(DecoderTest, TokensDoNotDependOnTheRing) {
  const ModelDirectory model = ModelDirectory::open(directory.path());
  Decoder decoder(validated_device(), model, 64);
  std::vector<TokenId> serial;
  for (const std::uint32_t ring_size : {1U, 2U, 3U, 8U}) {
    CommandBufferRing ring(vulkan::make_backend(validated_device()), {.ring_size = ring_size});
    const DecodeResult result = decoder.decode(ring, std::vector<TokenId>{7, 8},
                                               {.max_tokens = 40, .stop_at_end_of_text = false});
    if (ring_size == 1) serial = result.tokens;
    EXPECT_EQ(result.tokens, serial) << "ring size " << ring_size;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderTest, testing::ValuesIn(specs()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace cbr::decode
