#include "decode/gpu_model.h"

#include <cstddef>
#include <utility>

#include "decode/weight_upload.h"

namespace cbr::decode {
namespace {

void add_layer(WeightUpload& upload, const QwenLayer& layer, GpuLayer& target) {
  upload.add(layer.input_layernorm, target.input_norm);
  upload.add(layer.q, target.q);
  upload.add(layer.k, target.k);
  upload.add(layer.v, target.v);
  upload.add(layer.q_bias, target.q_bias);
  upload.add(layer.k_bias, target.k_bias);
  upload.add(layer.v_bias, target.v_bias);
  upload.add(layer.o, target.o);
  upload.add(layer.post_attention_layernorm, target.post_attention_norm);
  upload.add(layer.gate, target.gate);
  upload.add(layer.up, target.up);
  upload.add(layer.down, target.down);
}

}  // namespace

GpuModel::GpuModel(std::shared_ptr<vulkan::Device> device, ModelConfig config,
                   const QwenWeights& weights, const std::function<void()>& check)
    : config_(std::move(config)) {
  WeightUpload upload;
  upload.add(weights.embedding, weights_.embedding);
  weights_.layers.resize(weights.layers.size());
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    add_layer(upload, weights.layers[i], weights_.layers[i]);
  }
  upload.add(weights.norm, weights_.norm);
  const bool tied = weights.head.weight.data() == weights.embedding.weight.data();
  if (!tied) upload.add(weights.head, weights_.head);
  blocks_ = upload.run(std::move(device), check);
  if (tied) weights_.head = weights_.embedding;
  for (const compute::Buffer& block : blocks_) byte_size_ += block.size();
}

}  // namespace cbr::decode
