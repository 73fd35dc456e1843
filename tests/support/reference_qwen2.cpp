#include "support/reference_qwen2.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <cbr/errors.h>

#include "decode/quantization.h"

namespace cbr::test {
namespace {

FloatMatrix to_matrix(const decode::QuantizedMatrix& matrix) {
  FloatMatrix result{matrix.rows, matrix.cols, {}};
  result.values.resize(std::size_t{matrix.rows} * matrix.cols);
  for (std::uint32_t row = 0; row < matrix.rows; ++row) {
    decode::dequantize_row(
        matrix, row, std::span(result.values).subspan(std::size_t{row} * matrix.cols, matrix.cols));
  }
  return result;
}

std::vector<float> multiply(const FloatMatrix& matrix, const std::vector<float>& input) {
  std::vector<float> output(matrix.rows);
  for (std::uint32_t row = 0; row < matrix.rows; ++row) {
    const float* values = matrix.values.data() + std::size_t{row} * matrix.cols;
    float sum = 0;
    for (std::uint32_t col = 0; col < matrix.cols; ++col) sum += values[col] * input[col];
    output[row] = sum;
  }
  return output;
}

void add(std::vector<float>& sum, const std::vector<float>& other) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
}

std::vector<float> project(const FloatMatrix& matrix, const std::vector<float>& bias,
                           const std::vector<float>& input) {
  std::vector<float> output = multiply(matrix, input);
  add(output, bias);
  return output;
}

void softmax(std::vector<float>& scores) {
  const float most = *std::max_element(scores.begin(), scores.end());
  float sum = 0;
  for (float& score : scores) {
    score = std::exp(score - most);
    sum += score;
  }
  for (float& score : scores) score /= sum;
}

float silu(float value) {
  return value / (1.0F + std::exp(-value));
}

}  // namespace

ReferenceQwen2::ReferenceQwen2(const decode::ModelDirectory& model) : config_(model.config()) {
  const decode::QwenWeights& weights = model.weights();
  embedding_ = to_matrix(weights.embedding);
  head_ = to_matrix(weights.head);
  norm_ = decode::to_floats(weights.norm);
  for (const decode::QwenLayer& source : weights.layers) {
    Layer layer;
    layer.input_layernorm = decode::to_floats(source.input_layernorm);
    layer.q = to_matrix(source.q);
    layer.k = to_matrix(source.k);
    layer.v = to_matrix(source.v);
    layer.o = to_matrix(source.o);
    layer.q_bias = decode::to_floats(source.q_bias);
    layer.k_bias = decode::to_floats(source.k_bias);
    layer.v_bias = decode::to_floats(source.v_bias);
    layer.post_attention_layernorm = decode::to_floats(source.post_attention_layernorm);
    layer.gate = to_matrix(source.gate);
    layer.up = to_matrix(source.up);
    layer.down = to_matrix(source.down);
    layers_.push_back(std::move(layer));
  }
}

std::vector<float> ReferenceQwen2::normalize(const std::vector<float>& input,
                                             const std::vector<float>& weight) const {
  float squares = 0;
  for (const float value : input) squares += value * value;
  const float mean = squares / static_cast<float>(input.size());
  const float scale = 1.0F / std::sqrt(mean + config_.rms_norm_eps);
  std::vector<float> output(input.size());
  for (std::size_t i = 0; i < input.size(); ++i) output[i] = input[i] * scale * weight[i];
  return output;
}

// Turns each pair (i, i + head_dim / 2) of each head by the angle of the current position.
void ReferenceQwen2::rotate(std::vector<float>& heads) const {
  const std::uint32_t half = config_.head_dim / 2;
  for (std::uint32_t i = 0; i < half; ++i) {
    const float exponent = 2.0F * static_cast<float>(i) / static_cast<float>(config_.head_dim);
    const float angle =
        static_cast<float>(position_) * (1.0F / std::pow(config_.rope_theta, exponent));
    const float cosine = std::cos(angle);
    const float sine = std::sin(angle);
    for (std::size_t head = 0; head < heads.size(); head += config_.head_dim) {
      const float first = heads[head + i];
      const float second = heads[head + i + half];
      heads[head + i] = first * cosine - second * sine;
      heads[head + i + half] = second * cosine + first * sine;
    }
  }
}

std::vector<float> ReferenceQwen2::attention(Layer& layer, const std::vector<float>& input) const {
  std::vector<float> query = project(layer.q, layer.q_bias, input);
  std::vector<float> key = project(layer.k, layer.k_bias, input);
  const std::vector<float> value = project(layer.v, layer.v_bias, input);
  rotate(query);
  rotate(key);
  layer.keys.insert(layer.keys.end(), key.begin(), key.end());
  layer.values.insert(layer.values.end(), value.begin(), value.end());

  const std::uint32_t heads_per_kv = config_.num_attention_heads / config_.num_key_value_heads;
  const std::size_t stride = config_.key_value_size();
  const float scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim));
  std::vector<float> mixed(query.size(), 0.0F);
  std::vector<float> scores(position_ + 1);
  for (std::uint32_t head = 0; head < config_.num_attention_heads; ++head) {
    const std::size_t own = std::size_t{head} * config_.head_dim;
    const std::size_t shared = std::size_t{head / heads_per_kv} * config_.head_dim;
    for (std::size_t t = 0; t < scores.size(); ++t) {
      float sum = 0;
      for (std::uint32_t i = 0; i < config_.head_dim; ++i) {
        sum += query[own + i] * layer.keys[t * stride + shared + i];
      }
      scores[t] = sum * scale;
    }
    softmax(scores);
    for (std::size_t t = 0; t < scores.size(); ++t) {
      for (std::uint32_t i = 0; i < config_.head_dim; ++i) {
        mixed[own + i] += scores[t] * layer.values[t * stride + shared + i];
      }
    }
  }
  return multiply(layer.o, mixed);
}

std::vector<float> ReferenceQwen2::feed_forward(const Layer& layer,
                                                const std::vector<float>& input) const {
  std::vector<float> gate = multiply(layer.gate, input);
  const std::vector<float> up = multiply(layer.up, input);
  for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = silu(gate[i]) * up[i];
  return multiply(layer.down, gate);
}

std::vector<float> ReferenceQwen2::step(decode::TokenId token) {
  if (token >= config_.vocab_size) {
    throw InvalidUsage("token " + std::to_string(token) + "; the vocabulary has " +
                       std::to_string(config_.vocab_size));
  }
  const auto row = embedding_.values.begin() +
                   static_cast<std::ptrdiff_t>(std::size_t{token} * config_.hidden_size);
  std::vector<float> state(row, row + config_.hidden_size);
  for (Layer& layer : layers_) {
    add(state, attention(layer, normalize(state, layer.input_layernorm)));
    add(state, feed_forward(layer, normalize(state, layer.post_attention_layernorm)));
  }
  ++position_;
  return multiply(head_, normalize(state, norm_));
}

decode::TokenId find_best(std::span<const float> logits) {
  const auto best = std::max_element(logits.begin(), logits.end());
  return static_cast<decode::TokenId>(best - logits.begin());
}

}  // namespace cbr::test
