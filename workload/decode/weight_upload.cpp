#include "decode/weight_upload.h"

#include <utility>

#include "compute/transfer.h"

namespace cbr::decode {
namespace {

// As large as any alignment that a device or a wide load asks for. It also pads the end of each
// tensor, since kernels read 16-bit values in pairs.
constexpr std::uint64_t weight_alignment = 256;

}  // namespace

void WeightUpload::add(std::span<const std::byte> bytes, GpuAddress& address) {
  items_.push_back({.bytes = bytes, .address = &address});
}

void WeightUpload::add(const DenseVector& vector, GpuAddress& address) {
  widened_.push_back(to_floats(vector));
  add(std::as_bytes(std::span(widened_.back())), address);
}

void WeightUpload::add(const QuantizedMatrix& matrix, GpuMatrix& target) {
  target.rows = matrix.rows;
  target.columns = matrix.cols;
  target.format = {.bits = matrix.bits,
                   .group_size = matrix.group_size,
                   .bfloat16 = matrix.scale_dtype == Dtype::bf16};
  add(matrix.weight, target.weights);
  add(matrix.scales, target.scales);
  add(matrix.biases, target.biases);
}

std::vector<std::uint64_t> WeightUpload::place_items() {
  std::vector<std::uint64_t> sizes;
  for (Item& item : items_) {
    const std::uint64_t size =
        (item.bytes.size() + weight_alignment - 1) / weight_alignment * weight_alignment;
    if (sizes.empty() || sizes.back() + size > block_size_) sizes.push_back(0);
    item.block = sizes.size() - 1;
    item.offset = sizes.back();
    sizes.back() += size;
  }
  return sizes;
}

std::vector<compute::Buffer> WeightUpload::run(std::shared_ptr<vulkan::Device> device,
                                               const std::function<void()>& check) {
  std::vector<compute::Buffer> blocks;
  for (const std::uint64_t size : place_items()) {
    blocks.emplace_back(device, size, compute::Placement::device_local);
  }
  compute::Uploader uploader(std::move(device));
  for (const Item& item : items_) {
    if (check) check();
    const compute::Buffer& block = blocks[item.block];
    uploader.write(block, item.offset, item.bytes);
    *item.address = block.address() + item.offset;
  }
  uploader.finish();
  return blocks;
}

}  // namespace cbr::decode
