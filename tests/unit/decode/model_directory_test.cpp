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
