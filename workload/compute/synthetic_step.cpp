#include "compute/synthetic_step.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <shaders/synthetic.h>

#include <cbr/errors.h>

#include "compute/recorder.h"
#include "compute/transfer.h"

namespace cbr::compute {
namespace {

constexpr std::uint32_t threads_per_group = 256;
constexpr std::uint64_t element_size = 16;

// Mirrors the block `Push` of synthetic.comp.
struct Push {
  std::uint64_t elements;
  std::uint32_t element_count;
  std::uint32_t iterations;
};

SyntheticShape checked(const SyntheticShape& shape) {
  const auto require = [](const char* name, std::uint32_t value) {
    if (value == 0) throw InvalidOption(fmt::format("{} is 0; it must be at least 1", name));
  };
  require("dispatches", shape.dispatches);
  require("elements", shape.elements);
  require("iterations", shape.iterations);
  return shape;
}

// Pseudo-random floats between -1 and 1, the same each time.
std::vector<float> initial_data(std::uint64_t count) {
  std::vector<float> data(count);
  std::uint32_t state = 0x9E3779B9U;
  for (float& value : data) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) / 8388608.0F - 1.0F;
  }
  return data;
}

}  // namespace

SyntheticStep::SyntheticStep(std::shared_ptr<vulkan::Device> device, const SyntheticShape& shape)
    : device_(std::move(device)),
      shape_(checked(shape)),
      data_(device_, shape_.elements * element_size, Placement::device_local),
      kernel_(device_, synthetic_spv,
              {.name = "synthetic",
               .push_constant_size = sizeof(Push),
               .constants = std::array{threads_per_group}}),
      groups_(spread_groups((shape_.elements + std::uint64_t{threads_per_group} - 1) /
                            threads_per_group)) {
  kernel_.require_dispatchable(groups_);
  reset();
}

void SyntheticStep::record(VkCommandBuffer commands) const {
  const Push push{data_.address(), shape_.elements, shape_.iterations};
  Recorder recorder(*device_, commands);
  for (std::uint32_t i = 0; i < shape_.dispatches; ++i) {
    recorder.barrier();
    recorder.dispatch(kernel_, std::as_bytes(std::span(&push, 1)), groups_);
  }
}

void SyntheticStep::reset() {
  const std::vector<float> data = initial_data(std::uint64_t{shape_.elements} * 4);
  Uploader uploader(device_);
  uploader.write(data_, 0, std::as_bytes(std::span(data)));
  uploader.finish();
}

std::uint64_t SyntheticStep::checksum() const {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const std::byte byte : download(device_, data_, 0, data_.size())) {
    hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3U;
  }
  return hash;
}

bool SyntheticStep::is_finite() const {
  const std::vector<std::byte> bytes = download(device_, data_, 0, data_.size());
  for (std::size_t offset = 0; offset < bytes.size(); offset += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    if (!std::isfinite(value)) return false;
  }
  return true;
}

}  // namespace cbr::compute
