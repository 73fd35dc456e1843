#include "decode/model_config.h"

#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "decode/end_tokens.h"
#include "decode/json_file.h"
#include "text/printable.h"

namespace cbr::decode {
namespace {

using nlohmann::json;

// Far above any published model. A file that asks for more is broken or hostile.
constexpr std::uint64_t largest_config = 16U << 20U;
constexpr std::uint64_t largest_hidden = 1U << 16U;
constexpr std::uint64_t largest_intermediate = 1U << 20U;
constexpr std::uint64_t most_layers = 1024;
constexpr std::uint64_t most_heads = 1024;
constexpr std::uint64_t largest_head_dim = 1024;
constexpr std::uint64_t largest_vocabulary = 1U << 24U;
constexpr std::uint64_t most_positions = 1U << 24U;

struct Quantization {
  std::uint32_t bits = 0;
  std::uint32_t group_size = 0;
  bool operator==(const Quantization&) const = default;
};

std::uint32_t size(const JsonObject& config, std::string_view key, std::uint64_t most) {
  return static_cast<std::uint32_t>(config.integer(key, 1, most));
}

std::uint32_t size_or(const JsonObject& config, std::string_view key, std::uint64_t most,
                      std::uint32_t fallback) {
  return config.has(key) ? size(config, key, most) : fallback;
}

float number_or(const JsonObject& config, std::string_view key, double least, double most,
                double fallback) {
  return static_cast<float>(config.has(key) ? config.number(key, least, most) : fallback);
}

void check_string(const JsonObject& config, std::string_view key, std::string_view supported) {
  const std::string& value = config.string(key);
  if (value != supported) {
    config.fail(key, fmt::format("is {}, which is unsupported; expected \"{}\"",
                                 text::in_quotes(value), supported));
  }
}

void check_architecture(const JsonObject& config) {
  check_string(config, "model_type", "qwen2");
  if (!config.has("architectures")) return;
  for (const json& name : config.array("architectures")) {
    if (name != "Qwen2ForCausalLM") {
      config.fail("architectures", fmt::format("holds {}, which is unsupported; expected "
                                               "\"Qwen2ForCausalLM\"",
                                               describe(name)));
    }
  }
}

// A rope description that asks for plain rotation is fine; anything else would silently give
// wrong numbers.
void check_rope(const JsonObject& config, std::string_view key) {
  if (!config.has(key)) return;
  const JsonObject rope = config.object(key);
  const std::string_view kind = rope.has("rope_type") ? "rope_type" : "type";
  check_string(rope, kind, "default");
}

void check_features(const JsonObject& config) {
  if (config.has("hidden_act")) check_string(config, "hidden_act", "silu");
  if (config.boolean("use_sliding_window", false)) {
    config.fail("use_sliding_window", "is true, which is unsupported; expected false");
  }
  if (config.boolean("rope_traditional", false)) {
    config.fail("rope_traditional", "is true, which is unsupported; expected false");
  }
  refuse_forced_token(config);
  check_rope(config, "rope_scaling");
  check_rope(config, "rope_parameters");
  if (!config.has("layer_types")) return;
  for (const json& kind : config.array("layer_types")) {
    if (kind != "full_attention") {
      config.fail("layer_types", fmt::format("holds {}, which is unsupported; expected "
                                             "\"full_attention\"",
                                             describe(kind)));
    }
  }
}

// Newer files keep rope_theta inside rope_parameters.
float read_rope_theta(const JsonObject& config) {
  constexpr double published = 1e6;
  const double fallback =
      config.has("rope_parameters")
          ? number_or(config.object("rope_parameters"), "rope_theta", 1, 1e12, published)
          : published;
  return number_or(config, "rope_theta", 1, 1e12, fallback);
}

// The quantization of one matrix. What it leaves out has the values that mlx-lm gives it.
Quantization read_matrix_quantization(const JsonObject& entry) {
  if (entry.has("mode")) check_string(entry, "mode", "affine");
  const auto value_of = [&](std::string_view key, std::uint32_t fallback) {
    return entry.has(key) ? static_cast<std::uint32_t>(entry.integer(key, 1, 1U << 16U)) : fallback;
  };
  return {value_of("bits", 4), value_of("group_size", 64)};
}

// What the members that describe one matrix say otherwise than for all, by the matrix's name.
// Whether that matters is for those to say who need the matrix: a file may name matrices that the
// model has not, such as the head where it is tied.
std::map<std::string, std::string> read_exceptions(const JsonObject& entry,
                                                   const Quantization& common) {
  std::map<std::string, std::string> exceptions;
  const auto except = [&](const std::string& name, const std::string& problem) {
    exceptions.emplace(name,
                       fmt::format("{}: {}: {}", entry.file(), entry.place_of(name), problem));
  };
  for (const auto& [name, value] : entry.value().items()) {
    if (value.is_boolean()) {
      // true: as all the others.
      if (!value.get<bool>())
        except(name, "is false; a matrix without quantization is unsupported");
    } else if (value.is_object()) {
      const JsonObject matrix = entry.object(name);
      try {
        const Quantization own = read_matrix_quantization(matrix);
        if (own == common) continue;
        except(name,
               fmt::format("is {} bits in groups of {}; a matrix with its own quantization is "
                           "unsupported, expected {} in {} as for all",
                           own.bits, own.group_size, common.bits, common.group_size));
      } catch (const InputError& error) {
        exceptions.emplace(name, error.what());
      }
    }
  }
  return exceptions;
}

std::optional<Quantization> read_quantization(const JsonObject& config, std::string_view key) {
  if (!config.has(key)) return std::nullopt;
  const JsonObject entry = config.object(key);
  if (entry.has("quant_method")) {
    entry.fail("quant_method", fmt::format("is {}, which is unsupported; expected bits and "
                                           "group_size alone",
                                           describe(entry.at("quant_method"))));
  }
  if (entry.has("mode")) check_string(entry, "mode", "affine");
  const auto bits = static_cast<std::uint32_t>(entry.integer("bits", 1, 32));
  if (bits != 4 && bits != 8) {
    entry.fail("bits", fmt::format("is {}, which is unsupported; expected 4 or 8", bits));
  }
  const auto group = static_cast<std::uint32_t>(entry.integer("group_size", 1, 1U << 16U));
  if (group != 32 && group != 64 && group != 128) {
    entry.fail("group_size",
               fmt::format("is {}, which is unsupported; expected 32, 64 or 128", group));
  }
  return Quantization{bits, group};
}

void read_quantization(const JsonObject& config, ModelConfig& model) {
  const auto first = read_quantization(config, "quantization");
  const auto second = read_quantization(config, "quantization_config");
  if (!first && !second) {
    config.fail("quantization",
                "is missing; a model without quantization is unsupported, expected "
                "bits 4 or 8 and group_size 32, 64 or 128");
  }
  if (first && second && *first != *second) {
    config.fail("quantization_config",
                fmt::format("says {} bits in groups of {}, but quantization says {} in {}",
                            second->bits, second->group_size, first->bits, first->group_size));
  }
  const Quantization common = first ? *first : *second;
  model.bits = common.bits;
  model.group_size = common.group_size;
  for (const std::string_view key : {"quantization", "quantization_config"}) {
    if (config.has(key)) model.own_quantization.merge(read_exceptions(config.object(key), common));
  }
}

void check_divides(const JsonObject& config, std::string_view key, std::uint32_t value,
                   std::string_view divisor_name, std::uint32_t divisor) {
  if (divisor == 0 || value % divisor != 0) {
    config.fail(key, fmt::format("is {}; expected a multiple of {}, which is {}", value,
                                 divisor_name, divisor));
  }
}

std::uint32_t read_head_dim(const JsonObject& config, const ModelConfig& model) {
  std::uint32_t head_dim = 0;
  if (config.has("head_dim")) {
    head_dim = size(config, "head_dim", largest_head_dim);
  } else {
    check_divides(config, "hidden_size", model.hidden_size, "num_attention_heads",
                  model.num_attention_heads);
    head_dim = model.hidden_size / model.num_attention_heads;
  }
  if (head_dim % 2 != 0 || head_dim > largest_head_dim) {
    config.fail("head_dim", fmt::format("is {}; expected an even number of at most {}", head_dim,
                                        largest_head_dim));
  }
  return head_dim;
}

void check_sizes(const JsonObject& config, const ModelConfig& model) {
  check_divides(config, "num_attention_heads", model.num_attention_heads, "num_key_value_heads",
                model.num_key_value_heads);
  check_divides(config, "hidden_size", model.hidden_size, "group_size", model.group_size);
  check_divides(config, "intermediate_size", model.intermediate_size, "group_size",
                model.group_size);
  check_divides(config, "num_attention_heads x head_dim", model.query_size(), "group_size",
                model.group_size);
}

}  // namespace

ModelConfig ModelConfig::load(const std::filesystem::path& path) {
  const json document = read_json_file(path, largest_config);
  const JsonObject config(document, text::printable_path(path));
  check_architecture(config);
  check_features(config);

  ModelConfig model;
  read_quantization(config, model);
  model.hidden_size = size(config, "hidden_size", largest_hidden);
  model.intermediate_size = size(config, "intermediate_size", largest_intermediate);
  model.num_hidden_layers = size(config, "num_hidden_layers", most_layers);
  model.num_attention_heads = size(config, "num_attention_heads", most_heads);
  model.num_key_value_heads =
      size_or(config, "num_key_value_heads", most_heads, model.num_attention_heads);
  model.head_dim = read_head_dim(config, model);
  model.vocab_size = size(config, "vocab_size", largest_vocabulary);
  model.max_position_embeddings = size_or(config, "max_position_embeddings", most_positions, 32768);
  model.rms_norm_eps = number_or(config, "rms_norm_eps", 1e-12, 0.1, 1e-6);
  model.rope_theta = read_rope_theta(config);
  if (config.has("tie_word_embeddings")) {
    model.tie_word_embeddings = config.boolean("tie_word_embeddings", false);
  }
  model.eos_token_ids = read_end_tokens(config, model.vocab_size);
  check_sizes(config, model);
  return model;
}

}  // namespace cbr::decode
