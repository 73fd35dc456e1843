#include "decode/model_config.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using nlohmann::json;
using test::input_error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ModelConfigTest : public testing::Test {
 protected:
  ModelConfig load() { return ModelConfig::load(directory.write("config.json", document.dump())); }

  // The error for the shipped configuration with some keys set anew (null removes one), without
  // the file's name at its front.
  std::string error_of(const json& changes) {
    document.merge_patch(changes);
    const std::string text = input_error_of([&] { static_cast<void>(load()); });
    document = test::read_json(test::shipped_model() / "config.json");
    const std::string front = (directory.path() / "config.json").string() + ": ";
    EXPECT_THAT(text, testing::StartsWith(front));
    return text.substr(std::min(front.size(), text.size()));
  }

  test::TemporaryDirectory directory;
  json document = test::read_json(test::shipped_model() / "config.json");
};

TEST_F(ModelConfigTest, ReadsTheShippedModel) {
  const ModelConfig config = load();
  EXPECT_EQ(config.hidden_size, 256);
  EXPECT_EQ(config.intermediate_size, 768);
  EXPECT_EQ(config.num_hidden_layers, 6);
  EXPECT_EQ(config.num_attention_heads, 4);
  EXPECT_EQ(config.num_key_value_heads, 2);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.query_size(), 256);
  EXPECT_EQ(config.key_value_size(), 128);
  EXPECT_EQ(config.vocab_size, 4096);
  EXPECT_EQ(config.max_position_embeddings, 1024);
  EXPECT_FLOAT_EQ(config.rms_norm_eps, 1e-6F);
  EXPECT_FLOAT_EQ(config.rope_theta, 1e6F);
  EXPECT_EQ(config.tie_word_embeddings, true);
  EXPECT_THAT(config.eos_token_ids, ElementsAre(0));
  EXPECT_EQ(config.bits, 4);
  EXPECT_EQ(config.group_size, 64);
}

TEST_F(ModelConfigTest, HasDefaultsForOptionalKeys) {
  for (const char* key :
       {"architectures", "num_key_value_heads", "max_position_embeddings", "rms_norm_eps",
        "rope_theta", "tie_word_embeddings", "eos_token_id", "hidden_act", "quantization"}) {
    document.erase(key);
  }
  document["rope_scaling"] = nullptr;
  document["use_sliding_window"] = false;
  const ModelConfig config = load();
  EXPECT_EQ(config.num_key_value_heads, 4);
  EXPECT_EQ(config.max_position_embeddings, 32768);
  EXPECT_FLOAT_EQ(config.rms_norm_eps, 1e-6F);
  EXPECT_FLOAT_EQ(config.rope_theta, 1e6F);
  EXPECT_EQ(config.tie_word_embeddings, std::nullopt);
  EXPECT_THAT(config.eos_token_ids, IsEmpty());
  EXPECT_EQ(config.group_size, 64);
}

TEST_F(ModelConfigTest, ReadsAListOfEosTokensAndANewerRopeDescription) {
  document["eos_token_id"] = {2, 4095};
  document.erase("rope_theta");
  document["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  const ModelConfig config = load();
  EXPECT_THAT(config.eos_token_ids, ElementsAre(2, 4095));
  EXPECT_FLOAT_EQ(config.rope_theta, 5e5F);
}

TEST_F(ModelConfigTest, RefusesAnotherArchitecture) {
  EXPECT_EQ(error_of({{"model_type", "llama"}}),
            "model_type: is \"llama\", which is unsupported; expected \"qwen2\"");
  EXPECT_EQ(error_of({{"model_type", nullptr}}), "model_type: is missing");
  EXPECT_THAT(
      error_of({{"architectures", {"Qwen2ForTokenClassification"}}}),
      HasSubstr("architectures: holds \"Qwen2ForTokenClassification\", which is unsupported"));
}

TEST_F(ModelConfigTest, RefusesUnsupportedFeatures) {
  EXPECT_EQ(error_of({{"hidden_act", "gelu"}}),
            "hidden_act: is \"gelu\", which is unsupported; expected \"silu\"");
  EXPECT_EQ(error_of({{"use_sliding_window", true}}),
            "use_sliding_window: is true, which is unsupported; expected false");
  EXPECT_EQ(error_of({{"rope_traditional", true}}),
            "rope_traditional: is true, which is unsupported; expected false");
  EXPECT_EQ(error_of({{"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}}}}),
            "rope_scaling.type: is \"yarn\", which is unsupported; expected \"default\"");
  EXPECT_THAT(error_of({{"rope_parameters", {{"rope_type", "linear"}}}}),
              HasSubstr("rope_parameters.rope_type: is \"linear\""));
  EXPECT_THAT(error_of({{"layer_types", {"full_attention", "sliding_attention"}}}),
              HasSubstr("layer_types: holds \"sliding_attention\""));
}

TEST_F(ModelConfigTest, RefusesMissingOrUnsupportedQuantization) {
  EXPECT_THAT(error_of({{"quantization", nullptr}, {"quantization_config", nullptr}}),
              HasSubstr("quantization: is missing; a model without quantization is unsupported"));
  EXPECT_EQ(error_of({{"quantization", {{"bits", 3}}}}),
            "quantization.bits: is 3, which is unsupported; expected 4 or 8");
  EXPECT_EQ(error_of({{"quantization", {{"group_size", 16}}}}),
            "quantization.group_size: is 16, which is unsupported; expected 32, 64 or 128");
  EXPECT_EQ(error_of({{"quantization", {{"mode", "mxfp4"}}}}),
            "quantization.mode: is \"mxfp4\", which is unsupported; expected \"affine\"");
  EXPECT_THAT(error_of({{"quantization_config", {{"quant_method", "gptq"}}}}),
              HasSubstr("quantization_config.quant_method: is \"gptq\", which is unsupported"));
  EXPECT_EQ(error_of({{"quantization_config", {{"bits", 8}}}}),
            "quantization_config: says 8 bits in groups of 64, but quantization says 4 in 64");
}

TEST_F(ModelConfigTest, TakesAMatrixQuantizedAsAllTheOthers) {
  for (const char* section : {"quantization", "quantization_config"}) {
    document[section] = {{"bits", 4},
                         {"group_size", 64},
                         {"mode", "affine"},
                         {"lm_head", true},
                         {"model.embed_tokens", {{"bits", 4}, {"group_size", 64}}},
                         // What is left out has mlx-lm's values.
                         {"model.layers.0.mlp.up_proj", {{"bits", 4}}},
                         {"model.layers.1.mlp.up_proj", {{"mode", "affine"}}}};
  }
  EXPECT_THAT(load().own_quantization, IsEmpty());
}

TEST_F(ModelConfigTest, TellsOfMatricesQuantizedOtherwise) {
  json& section = document["quantization"];
  section["a"] = {{"bits", 6}, {"group_size", 64}};
  section["b"] = {{"bits", 4}, {"group_size", 32}};
  section["c"] = false;
  section["d"] = {{"bits", 4}, {"group_size", 64}, {"mode", "mxfp4"}};
  section["e"] = {{"bits", "four"}};
  document["quantization_config"] = {{"bits", 4}, {"group_size", 64}, {"f", false}};
  const auto own = load().own_quantization;
  ASSERT_EQ(own.size(), 6);
  EXPECT_THAT(own.at("a"), HasSubstr("config.json: quantization.a: is 6 bits in groups of 64; a "
                                     "matrix with its own quantization is unsupported"));
  EXPECT_THAT(own.at("b"), HasSubstr("quantization.b: is 4 bits in groups of 32"));
  EXPECT_THAT(own.at("c"), HasSubstr("quantization.c: is false; a matrix without quantization"));
  EXPECT_THAT(own.at("d"), HasSubstr("quantization.d.mode: is \"mxfp4\""));
  EXPECT_THAT(own.at("e"), HasSubstr("quantization.e.bits: is \"four\""));
  EXPECT_THAT(own.at("f"), HasSubstr("quantization_config.f: is false"));
  // Against the model's own values, not against mlx-lm's.
  document["quantization_config"] =
      document["quantization"] = {{"bits", 4}, {"group_size", 32}, {"a", {{"bits", 4}}}};
  EXPECT_THAT(load().own_quantization.at("a"), HasSubstr("4 bits in groups of 64"));
}

TEST_F(ModelConfigTest, RefusesAForcedFirstToken) {
  EXPECT_EQ(error_of({{"forced_bos_token_id", 7}}),
            "forced_bos_token_id: is 7, which is unsupported; expected null");
}

TEST_F(ModelConfigTest, LooksAtNoNumberThatItDoesNotRead) {
  std::string text = document.dump();
  text.insert(1, R"("time_step_limit": [0.0, Infinity], "x": NaN,)");
  EXPECT_EQ(ModelConfig::load(directory.write("config.json", text)).hidden_size, 256);
  text.insert(1, R"("rope_theta2": -Infinity, )");
  text.replace(text.find("\"rope_theta\":1000000.0"), 22, "\"rope_theta\":Infinity");
  EXPECT_THAT(input_error_of([&] {
                static_cast<void>(ModelConfig::load(directory.write("config.json", text)));
              }),
              HasSubstr("config.json: rope_theta: is Infinity; expected a number from 1 to"));
}

TEST_F(ModelConfigTest, RefusesSizesOutOfRange) {
  EXPECT_EQ(error_of({{"hidden_size", 0}}),
            "hidden_size: is 0; expected an integer from 1 to 65536");
  EXPECT_THAT(error_of({{"hidden_size", "256"}}), HasSubstr("hidden_size: is \"256\"; expected"));
  EXPECT_THAT(error_of({{"hidden_size", nullptr}}), HasSubstr("hidden_size: is missing"));
  EXPECT_THAT(error_of({{"num_hidden_layers", -1}}), HasSubstr("num_hidden_layers: is -1"));
  EXPECT_THAT(error_of({{"num_hidden_layers", 1'000'000}}), HasSubstr("from 1 to 1024"));
  EXPECT_THAT(error_of({{"vocab_size", 1e30}}), HasSubstr("vocab_size: is 1e+30"));
  EXPECT_THAT(error_of({{"rms_norm_eps", -1}}),
              HasSubstr("rms_norm_eps: is -1; expected a number"));
  EXPECT_THAT(error_of({{"rope_theta", "big"}}), HasSubstr("rope_theta: is \"big\""));
  EXPECT_THAT(error_of({{"tie_word_embeddings", 1}}),
              HasSubstr("tie_word_embeddings: is 1; expected true or false"));
  EXPECT_THAT(error_of({{"eos_token_id", 4096}}),
              HasSubstr("eos_token_id: is 4096; expected an integer from 0 to 4095"));
  EXPECT_THAT(error_of({{"eos_token_id", {0, -3}}}), HasSubstr("eos_token_id: holds -3"));
}

TEST_F(ModelConfigTest, RefusesSizesThatDoNotFitTogether) {
  EXPECT_EQ(error_of({{"num_key_value_heads", 3}}),
            "num_attention_heads: is 4; expected a multiple of num_key_value_heads, which is 3");
  EXPECT_EQ(error_of({{"num_attention_heads", 3}}),
            "hidden_size: is 256; expected a multiple of num_attention_heads, which is 3");
  EXPECT_EQ(error_of({{"head_dim", 63}}),
            "head_dim: is 63; expected an even number of at most 1024");
  EXPECT_EQ(error_of({{"hidden_size", 288}}),
            "hidden_size: is 288; expected a multiple of group_size, which is 64");
  EXPECT_EQ(error_of({{"intermediate_size", 800}}),
            "intermediate_size: is 800; expected a multiple of group_size, which is 64");
  EXPECT_EQ(error_of({{"head_dim", 40}}),
            "num_attention_heads x head_dim: is 160; expected a multiple of group_size, which is "
            "64");
}

}  // namespace
}  // namespace cbr::decode
