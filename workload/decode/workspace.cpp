#include "decode/workspace.h"

#include <cmath>
#include <cstddef>

#include "compute/transfer.h"
#include "decode/dispatch_plan.h"

namespace cbr::decode {
namespace {

using compute::Buffer;
using compute::Placement;

constexpr std::uint64_t part_alignment = 256;

// Hands out parts of one buffer: first their offsets, then, with the buffer's address, the
// addresses.
class Layout {
 public:
  void add(GpuAddress& address, std::uint64_t elements) {
    address = size_;
    addresses_.push_back(&address);
    size_ += (elements * sizeof(float) + part_alignment - 1) / part_alignment * part_alignment;
  }
  void move_to(GpuAddress base) {
    for (GpuAddress* address : addresses_) *address += base;
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  std::vector<GpuAddress*> addresses_;
  std::uint64_t size_ = 0;
};

}  // namespace

std::vector<float> make_rotations(const ModelConfig& config, std::uint32_t capacity) {
  const std::uint32_t pairs = config.head_dim / 2;
  std::vector<float> table;
  table.reserve(std::size_t{capacity} * pairs * 2);
  for (std::uint32_t position = 0; position < capacity; ++position) {
    for (std::uint32_t pair = 0; pair < pairs; ++pair) {
      const double exponent = 2.0 * pair / config.head_dim;
      const double angle = position / std::pow(static_cast<double>(config.rope_theta), exponent);
      table.push_back(static_cast<float>(std::cos(angle)));
      table.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return table;
}

Workspace::Workspace(const std::shared_ptr<vulkan::Device>& device, const ModelConfig& config,
                     std::uint32_t capacity) {
  addresses_.capacity = capacity;
  const std::uint64_t tokens_size = std::uint64_t{capacity} * sizeof(TokenId);
  state_ = Buffer(device, sizeof(StepState), Placement::device_local);
  prompt_ = Buffer(device, tokens_size, Placement::host_visible);
  outputs_ = Buffer(device, tokens_size, Placement::host_visible);
  logits_ = Buffer(device, config.vocab_size * sizeof(float), Placement::device_local);
  addresses_.state = state_.address();
  addresses_.prompt = prompt_.address();
  addresses_.outputs = outputs_.address();
  addresses_.logits = logits_.address();

  Layout layout;
  layout.add(addresses_.hidden, config.hidden_size);
  layout.add(addresses_.normed, config.hidden_size);
  layout.add(addresses_.query, config.query_size());
  layout.add(addresses_.key, config.key_value_size());
  layout.add(addresses_.value, config.key_value_size());
  layout.add(addresses_.attended, config.query_size());
  layout.add(addresses_.gate, config.intermediate_size);
  layout.add(addresses_.up, config.intermediate_size);
  layout.add(addresses_.partials, std::uint64_t{2} * find_best_groups(config.vocab_size));
  activations_ = Buffer(device, layout.size(), Placement::device_local);
  layout.move_to(activations_.address());

  const std::uint64_t cache_size =
      std::uint64_t{capacity} * config.key_value_size() * sizeof(float);
  for (std::uint32_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const Buffer& keys = key_caches_.emplace_back(device, cache_size, Placement::device_local);
    const Buffer& values = value_caches_.emplace_back(device, cache_size, Placement::device_local);
    addresses_.key_caches.push_back(keys.address());
    addresses_.value_caches.push_back(values.address());
  }
  upload_rotations(device, config);
}

void Workspace::upload_rotations(const std::shared_ptr<vulkan::Device>& device,
                                 const ModelConfig& config) {
  const std::vector<float> table = make_rotations(config, addresses_.capacity);
  const auto bytes = std::as_bytes(std::span(table));
  rotations_ = Buffer(device, bytes.size(), Placement::device_local);
  addresses_.rotations = rotations_.address();
  compute::Uploader uploader(device);
  uploader.write(rotations_, 0, bytes);
  uploader.finish();
}

std::span<TokenId> Workspace::prompt() const noexcept {
  return {reinterpret_cast<TokenId*>(prompt_.bytes().data()), addresses_.capacity};
}

std::span<const TokenId> Workspace::outputs() const noexcept {
  return {reinterpret_cast<const TokenId*>(outputs_.bytes().data()), addresses_.capacity};
}

std::uint64_t Workspace::byte_size() const noexcept {
  std::uint64_t size = state_.size() + prompt_.size() + outputs_.size() + rotations_.size() +
                       activations_.size() + logits_.size();
  for (const Buffer& cache : key_caches_) size += cache.size();
  for (const Buffer& cache : value_caches_) size += cache.size();
  return size;
}

}  // namespace cbr::decode
