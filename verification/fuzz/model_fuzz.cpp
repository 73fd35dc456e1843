// The JSON files of a model: config.json, generation_config.json, tokenizer_config.json and the
// index of the weights, with zero bytes between them.
#include <string_view>

#include <cbr/errors.h>

#include "decode/end_tokens.h"
#include "decode/model_config.h"
#include "decode/tensor_shards.h"
#include "decode/tokenizer_config.h"
#include "fuzz/foreign_file.h"
#include "fuzz/harness.h"

namespace cbr::fuzz {
namespace {

// Runs `read` and takes a refusal.
template <typename Read>
void allow_refusal(const Read& read) {
  try {
    read();
  } catch (const InputError&) {
  }
}

}  // namespace

void check(std::string_view input) {
  static const ForeignDirectory directory;
  const auto [config, rest] = cut_at_zero(input);
  const auto [generation, others] = cut_at_zero(rest);
  const auto [tokenizer, index] = cut_at_zero(others);
  const auto config_path = directory.write("config.json", config);
  const auto generation_path = directory.write("generation_config.json", generation);
  static_cast<void>(directory.write("tokenizer_config.json", tokenizer));
  static_cast<void>(directory.write("model.safetensors.index.json", index));
  allow_refusal([&] {
    const decode::ModelConfig model = decode::ModelConfig::load(config_path);
    require(model.query_size() % model.group_size == 0, "sizes fit together");
  });
  allow_refusal([&] {
    for (const decode::TokenId token : decode::read_generation_config(generation_path, 4096)) {
      require(token < 4096, "an end token is in the vocabulary");
    }
  });
  allow_refusal([&] {
    const auto facts = decode::TokenizerConfig::read(directory.path());
    require(!facts.adds_begin_token || facts.begin_token, "a token to add has a name");
  });
  allow_refusal([&] {
    const decode::TensorShards shards(directory.path());
    static_cast<void>(shards.at("lm_head.weight"));
  });
}

}  // namespace cbr::fuzz
