#include "support/model_builder.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <utility>

#include <nlohmann/json.hpp>

#include "decode/byte_alphabet.h"
#include "decode/half.h"

namespace cbr::test {
namespace {

using decode::Dtype;
using nlohmann::json;

template <typename Value>
void append(std::vector<std::byte>& bytes, Value value) {
  const std::size_t size = bytes.size();
  bytes.resize(size + sizeof(Value));
  std::memcpy(bytes.data() + size, &value, sizeof(Value));
}

void append_float(std::vector<std::byte>& bytes, Dtype dtype, float value) {
  if (dtype == Dtype::f16) {
    append(bytes, decode::half_from_float(value));
  } else if (dtype == Dtype::bf16) {
    append(bytes, decode::bfloat16_from_float(value));
  } else {
    append(bytes, value);
  }
}

class TensorMaker {
 public:
  explicit TensorMaker(const ModelSpec& spec) : spec_(spec), random_(spec.seed) {}

  // Values evenly spread within `spread` of `centre`.
  void add_vector(const std::string& name, std::uint32_t size, float centre, float spread) {
    TensorData tensor{name, spec_.vector_dtype, {size}, {}};
    for (std::uint32_t i = 0; i < size; ++i) {
      append_float(tensor.bytes, tensor.dtype, centre + spread * unit());
    }
    tensors_.push_back(std::move(tensor));
  }

  // Elements evenly spread with variance 1 / cols, so that products keep their input's size.
  void add_matrix(const std::string& name, std::uint32_t rows, std::uint32_t cols) {
    const std::uint64_t words = std::uint64_t{cols} * spec_.bits / 32;
    const std::uint64_t groups = cols / spec_.group_size;
    TensorData weight{name + ".weight", Dtype::u32, {rows, words}, {}};
    for (std::uint64_t i = 0; i < rows * words; ++i) {
      append(weight.bytes, static_cast<std::uint32_t>(random_()));
    }
    TensorData scales{name + ".scales", spec_.scale_dtype, {rows, groups}, {}};
    TensorData biases{name + ".biases", spec_.scale_dtype, {rows, groups}, {}};
    const float reach = std::sqrt(3.0F / static_cast<float>(cols));
    const auto most = static_cast<float>((1U << spec_.bits) - 1);
    for (std::uint64_t i = 0; i < rows * groups; ++i) {
      const float range = reach * (1.0F + 0.2F * unit());
      append_float(scales.bytes, scales.dtype, 2.0F * range / most);
      append_float(biases.bytes, biases.dtype, -range);
    }
    tensors_.push_back(std::move(weight));
    tensors_.push_back(std::move(scales));
    tensors_.push_back(std::move(biases));
  }

  [[nodiscard]] std::vector<TensorData> take() { return std::move(tensors_); }

 private:
  // From -1 to 1. The standard distributions differ between libraries; this does not.
  float unit() { return static_cast<float>(random_() >> 8U) * 0x1p-23F - 1.0F; }

  const ModelSpec& spec_;
  std::mt19937 random_;
  std::vector<TensorData> tensors_;
};

json make_config(const ModelSpec& spec) {
  return {{"architectures", {"Qwen2ForCausalLM"}},
          {"model_type", "qwen2"},
          {"hidden_act", "silu"},
          {"hidden_size", spec.hidden_size},
          {"intermediate_size", spec.intermediate_size},
          {"num_hidden_layers", spec.num_hidden_layers},
          {"num_attention_heads", spec.num_attention_heads},
          {"num_key_value_heads", spec.num_key_value_heads},
          {"head_dim", spec.head_dim},
          {"vocab_size", spec.vocab_size},
          {"max_position_embeddings", spec.max_position_embeddings},
          {"rms_norm_eps", spec.rms_norm_eps},
          {"rope_theta", spec.rope_theta},
          {"tie_word_embeddings", spec.tie_word_embeddings},
          {"eos_token_id", spec.eos_token_ids},
          {"quantization", {{"bits", spec.bits}, {"group_size", spec.group_size}}}};
}

json make_tokenizer() {
  json vocabulary = {{"<|endoftext|>", 0}};
  for (unsigned int byte = 0; byte < 256; ++byte) {
    vocabulary[decode::entry_of_byte(static_cast<unsigned char>(byte))] = byte + 1;
  }
  const json special = {
      {"id", 0},         {"content", "<|endoftext|>"}, {"single_word", false}, {"lstrip", false},
      {"rstrip", false}, {"normalized", false},        {"special", true}};
  const json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"added_tokens", json::array({special})},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"decoder", byte_level},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}}};
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorData>& tensors) {
  json header = json::object();
  std::uint64_t offset = 0;
  for (const TensorData& tensor : tensors) {
    header[tensor.name] = {{"dtype", decode::name_of(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  const std::string text = header.dump();
  const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{text.size()});
  std::ofstream file(path, std::ios::binary);
  file.write(length.data(), length.size());
  file << text;
  for (const TensorData& tensor : tensors) {
    file.write(reinterpret_cast<const char*>(tensor.bytes.data()),
               static_cast<std::streamsize>(tensor.bytes.size()));
  }
}

std::vector<TensorData> random_tensors(const ModelSpec& spec) {
  TensorMaker maker(spec);
  const std::uint32_t query = spec.num_attention_heads * spec.head_dim;
  const std::uint32_t key_value = spec.num_key_value_heads * spec.head_dim;
  maker.add_matrix("model.embed_tokens", spec.vocab_size, spec.hidden_size);
  for (std::uint32_t i = 0; i < spec.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    maker.add_vector(layer + ".input_layernorm.weight", spec.hidden_size, 1.0F, 0.2F);
    maker.add_matrix(layer + ".self_attn.q_proj", query, spec.hidden_size);
    maker.add_matrix(layer + ".self_attn.k_proj", key_value, spec.hidden_size);
    maker.add_matrix(layer + ".self_attn.v_proj", key_value, spec.hidden_size);
    maker.add_vector(layer + ".self_attn.q_proj.bias", query, 0.0F, 0.2F);
    maker.add_vector(layer + ".self_attn.k_proj.bias", key_value, 0.0F, 0.2F);
    maker.add_vector(layer + ".self_attn.v_proj.bias", key_value, 0.0F, 0.2F);
    maker.add_matrix(layer + ".self_attn.o_proj", spec.hidden_size, query);
    maker.add_vector(layer + ".post_attention_layernorm.weight", spec.hidden_size, 1.0F, 0.2F);
    maker.add_matrix(layer + ".mlp.gate_proj", spec.intermediate_size, spec.hidden_size);
    maker.add_matrix(layer + ".mlp.up_proj", spec.intermediate_size, spec.hidden_size);
    maker.add_matrix(layer + ".mlp.down_proj", spec.hidden_size, spec.intermediate_size);
  }
  maker.add_vector("model.norm.weight", spec.hidden_size, 1.0F, 0.2F);
  if (!spec.tie_word_embeddings) maker.add_matrix("lm_head", spec.vocab_size, spec.hidden_size);
  return maker.take();
}

void build_model(const std::filesystem::path& directory, const ModelSpec& spec) {
  std::ofstream(directory / "config.json") << make_config(spec).dump(2);
  std::ofstream(directory / "tokenizer.json") << make_tokenizer().dump();
  write_safetensors(directory / "model.safetensors", random_tensors(spec));
}

}  // namespace cbr::test
