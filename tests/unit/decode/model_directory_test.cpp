#include "decode/model_directory.h"

#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/model_builder.h"
#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using test::input_error_of;
using test::ModelSpec;
using test::TensorData;
using testing::ElementsAre;
using testing::HasSubstr;

float value_at(const QuantizedMatrix& matrix, std::uint32_t row, std::uint32_t col) {
  std::vector<float> values(matrix.cols);
  dequantize_row(matrix, row, values);
  return values.at(col);
}

// The values below were worked out from the file's bytes by other means.
TEST(ModelDirectory, OpensTheShippedModel) {
  ModelDirectory opened = ModelDirectory::open(test::shipped_model());
  const ModelDirectory model = std::move(opened);
  const QwenWeights& weights = model.weights();
  ASSERT_EQ(weights.layers.size(), 6);
  EXPECT_EQ(weights.embedding.rows, 4096);
  EXPECT_EQ(weights.embedding.cols, 256);
  EXPECT_EQ(weights.head.weight.data(), weights.embedding.weight.data());
  EXPECT_FLOAT_EQ(value_at(weights.embedding, 0, 0), 1.52587890625e-05F);
  EXPECT_FLOAT_EQ(value_at(weights.embedding, 299, 70), 0.15478515625F);
  EXPECT_FLOAT_EQ(value_at(weights.embedding, 4095, 255), 0.0244140625F);
  EXPECT_FLOAT_EQ(value_at(weights.layers[5].down, 255, 767), 0.039337158203125F);
  EXPECT_FLOAT_EQ(value_at(weights.layers[2].k, 17, 130), -0.03436279296875F);
  const std::vector<float> bias = to_floats(weights.layers[3].v_bias);
  ASSERT_EQ(bias.size(), 128);
  EXPECT_FLOAT_EQ(bias[1], -0.0268096923828125F);
  EXPECT_FLOAT_EQ(bias[127], 0.0079498291015625F);
  EXPECT_TRUE(std::filesystem::exists(model.tokenizer_path()));
}

TEST(ModelDirectory, OpensEveryKindOfSyntheticModel) {
  for (const std::uint32_t bits : {4U, 8U}) {
    for (const std::uint32_t group : {32U, 64U, 128U}) {
      for (const Dtype scale : {Dtype::f16, Dtype::bf16}) {
        const test::TemporaryDirectory directory;
        ModelSpec spec;
        spec.bits = bits;
        spec.group_size = group;
        spec.scale_dtype = scale;
        spec.vector_dtype = scale == Dtype::f16 ? Dtype::f32 : Dtype::bf16;
        spec.tie_word_embeddings = bits == 4;
        spec.num_key_value_heads = 1;
        build_model(directory.path(), spec);
        const ModelDirectory model = ModelDirectory::open(directory.path());
        EXPECT_EQ(model.weights().head.bits, bits);
        EXPECT_EQ(model.weights().head.group_size, group);
        EXPECT_EQ(model.weights().head.scale_dtype, scale);
        EXPECT_EQ(model.weights().norm.dtype, spec.vector_dtype);
        EXPECT_EQ(model.weights().layers[0].k.rows, 32);
        EXPECT_EQ(model.weights().head.weight.data() == model.weights().embedding.weight.data(),
                  spec.tie_word_embeddings);
      }
    }
  }
}

TEST(ModelDirectory, NamesWhatIsMissing) {
  const auto error = [](const std::filesystem::path& path) {
    return input_error_of([&] { static_cast<void>(ModelDirectory::open(path)); });
  };
  const test::TemporaryDirectory directory;
  const std::string path = directory.path().string();
  EXPECT_EQ(error(directory.path() / "none"), path + "/none: no such model directory");
  EXPECT_EQ(error(directory.path()), path + "/config.json: is missing");
  build_model(directory.path(), ModelSpec());
  EXPECT_EQ(error(directory.path() / "config.json"), path + "/config.json: is not a directory");
  std::filesystem::remove(directory.path() / "model.safetensors");
  EXPECT_EQ(error(directory.path()),
            path + ": has neither model.safetensors nor model.safetensors.index.json");
  std::filesystem::remove(directory.path() / "tokenizer.json");
  EXPECT_EQ(error(directory.path()), path + "/tokenizer.json: is missing");
}

TEST(ModelDirectory, NamesALinkToNothing) {
  const test::TemporaryDirectory directory;
  build_model(directory.path(), ModelSpec());
  std::filesystem::remove(directory.path() / "tokenizer.json");
  std::filesystem::create_symlink("../blobs/0123", directory.path() / "tokenizer.json");
  EXPECT_EQ(input_error_of([&] { static_cast<void>(ModelDirectory::open(directory.path())); }),
            (directory.path() / "tokenizer.json").string() +
                ": is a link to ../blobs/0123, which is missing");
}

TEST(ModelDirectory, AddsTheEndTokensOfTheGenerationConfiguration) {
  const test::TemporaryDirectory directory;
  build_model(directory.path(), ModelSpec());
  const auto end_tokens = [&](const char* generation_config) {
    static_cast<void>(directory.write("generation_config.json", generation_config));
    return ModelDirectory::open(directory.path()).config().eos_token_ids;
  };
  const auto error = [&](const char* generation_config) {
    return input_error_of([&] { static_cast<void>(end_tokens(generation_config)); });
  };
  EXPECT_THAT(end_tokens(R"({"eos_token_id": [7, 0, 9], "do_sample": true})"),
              ElementsAre(0, 7, 9));
  EXPECT_THAT(end_tokens(R"({"eos_token_id": 5, "bos_token_id": 3})"), ElementsAre(0, 5));
  EXPECT_THAT(end_tokens(R"({"eos_token_id": null})"), ElementsAre(0));
  EXPECT_THAT(end_tokens("{}"), ElementsAre(0));
  EXPECT_THAT(error(R"({"eos_token_id": 320})"),
              HasSubstr("generation_config.json: eos_token_id: is 320; expected an integer from 0 "
                        "to 319"));
  EXPECT_THAT(error(R"({"forced_bos_token_id": 1})"),
              HasSubstr("generation_config.json: forced_bos_token_id: is 1, which is unsupported"));
  EXPECT_THAT(error("{"), HasSubstr("generation_config.json: byte 2: is not valid JSON"));
}

// A clone without git-lfs.
TEST(ModelDirectory, NamesAPointerInPlaceOfAFile) {
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors"}) {
    const test::TemporaryDirectory directory;
    build_model(directory.path(), ModelSpec());
    static_cast<void>(directory.write(
        name, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3273560\n"));
    EXPECT_EQ(input_error_of([&] { static_cast<void>(ModelDirectory::open(directory.path())); }),
              (directory.path() / name).string() +
                  ": is a Git LFS pointer, not the file itself; `git lfs pull` fetches the file");
  }
}

// mlx-lm writes no head for a model whose embeddings are tied, nor that they are.
TEST(ModelDirectory, TakesTheEmbeddingForAHeadThatNothingSpeaksOf) {
  for (const bool has_head : {false, true}) {
    const test::TemporaryDirectory directory;
    ModelSpec spec;
    spec.tie_word_embeddings = !has_head;
    build_model(directory.path(), spec);
    nlohmann::json config = test::read_json(directory.path() / "config.json");
    const auto is_tied = [&] {
      static_cast<void>(directory.write("config.json", config.dump()));
      const ModelDirectory model = ModelDirectory::open(directory.path());
      return model.weights().head.weight.data() == model.weights().embedding.weight.data();
    };
    config.erase("tie_word_embeddings");
    EXPECT_EQ(is_tied(), !has_head);
    config["tie_word_embeddings"] = nullptr;
    EXPECT_EQ(is_tied(), !has_head);
    // What the file says counts.
    config["tie_word_embeddings"] = true;
    EXPECT_TRUE(is_tied());
    config["tie_word_embeddings"] = false;
    if (has_head) {
      EXPECT_FALSE(is_tied());
    } else {
      EXPECT_THAT(input_error_of([&] { static_cast<void>(is_tied()); }),
                  HasSubstr("tensor \"lm_head.weight\": is missing"));
    }
  }
}

TEST(ModelDirectory, RefusesAnotherQuantizationOnlyOfAMatrixThatItNeeds) {
  const test::TemporaryDirectory directory;
  build_model(directory.path(), ModelSpec());
  nlohmann::json config = test::read_json(directory.path() / "config.json");
  const auto open = [&] {
    static_cast<void>(directory.write("config.json", config.dump()));
    return input_error_of([&] { static_cast<void>(ModelDirectory::open(directory.path())); });
  };
  config["quantization"]["lm_head"] = false;
  config["quantization"]["model.layers.2.mlp.up_proj"] = {{"bits", 8}};
  EXPECT_EQ(open(), "(no InputError)");
  config["quantization"]["model.layers.1.mlp.up_proj"] = {{"bits", 8}, {"group_size", 32}};
  EXPECT_THAT(open(), HasSubstr("config.json: quantization.model.layers.1.mlp.up_proj: is 8 bits"));
}

class ModelDirectoryWeightsTest : public testing::Test {
 protected:
  void SetUp() override { build_model(directory.path(), spec); }

  // The error after `change` was made to the tensor of that name.
  std::string error_after(const std::string& name, const std::function<void(TensorData&)>& change) {
    std::vector<TensorData> tensors = random_tensors(spec);
    for (TensorData& tensor : tensors) {
      if (tensor.name == name) change(tensor);
    }
    write_safetensors(directory.path() / "model.safetensors", tensors);
    const std::string text =
        input_error_of([&] { static_cast<void>(ModelDirectory::open(directory.path())); });
    const std::string front = (directory.path() / "model.safetensors").string() + ": ";
    EXPECT_THAT(text, testing::StartsWith(front));
    return text.substr(std::min(front.size(), text.size()));
  }

  ModelSpec spec;
  test::TemporaryDirectory directory;
};

TEST_F(ModelDirectoryWeightsTest, NamesAMissingTensor) {
  const auto rename = [](TensorData& tensor) { tensor.name = "other"; };
  for (const char* name : {"model.embed_tokens.scales", "model.layers.1.self_attn.v_proj.bias",
                           "model.layers.0.mlp.down_proj.weight", "model.norm.weight"}) {
    EXPECT_EQ(error_after(name, rename), "tensor \"" + std::string(name) + "\": is missing");
  }
}

TEST_F(ModelDirectoryWeightsTest, NamesAShapeThatContradictsTheConfiguration) {
  const auto flatten = [](TensorData& tensor) { std::swap(tensor.shape[0], tensor.shape[1]); };
  EXPECT_EQ(error_after("model.layers.1.self_attn.k_proj.weight", flatten),
            "tensor \"model.layers.1.self_attn.k_proj.weight\": has shape [16, 64]; the "
            "configuration expects [64, 16]");
  EXPECT_EQ(error_after("model.layers.0.mlp.up_proj.scales", flatten),
            "tensor \"model.layers.0.mlp.up_proj.scales\": has shape [4, 256]; the configuration "
            "expects [256, 4]");
  EXPECT_EQ(error_after("model.norm.weight",
                        [](TensorData& tensor) {
                          tensor.shape = {2, 64};
                        }),
            "tensor \"model.norm.weight\": has shape [2, 64]; the configuration expects [128]");
}

TEST_F(ModelDirectoryWeightsTest, NamesADtypeThatIsNotSupported) {
  EXPECT_EQ(error_after("model.embed_tokens.weight",
                        [](TensorData& tensor) { tensor.dtype = Dtype::i32; }),
            "tensor \"model.embed_tokens.weight\": has dtype I32; a quantised weight is U32");
  EXPECT_EQ(error_after("model.norm.weight", [](TensorData& tensor) { tensor.dtype = Dtype::i16; }),
            "tensor \"model.norm.weight\": has dtype I16; expected F16, BF16 or F32");
  EXPECT_EQ(error_after("model.embed_tokens.scales",
                        [](TensorData& tensor) { tensor.dtype = Dtype::u16; }),
            "tensor \"model.embed_tokens.scales\": has dtype U16; expected F16 or BF16");
  EXPECT_EQ(error_after("model.embed_tokens.biases",
                        [](TensorData& tensor) { tensor.dtype = Dtype::bf16; }),
            "tensor \"model.embed_tokens.biases\": has dtype BF16; its scales have F16");
}

}  // namespace
}  // namespace cbr::decode
