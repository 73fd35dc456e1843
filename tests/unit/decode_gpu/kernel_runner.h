// Runs one kernel on arrays of the test's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>

#include "compute/buffer.h"
#include "compute/kernel.h"
#include "compute/transfer.h"
#include "decode/dispatch_plan.h"
#include "decode/gpu_weights.h"
#include "decode/kernel_set.h"
#include "support/vulkan_fixture.h"

namespace cbr::decode {

/// A device-local array that lives as long as the test.
template <typename Element>
class GpuArray {
 public:
  explicit GpuArray(const std::vector<Element>& elements)
      : count_(elements.size()),
        // Kernels read 16-bit elements in pairs, so the end is padded.
        buffer_(test::validated_device(), elements.size() * sizeof(Element) + 16,
                compute::Placement::device_local) {
    compute::Uploader uploader(test::validated_device());
    uploader.write(buffer_, 0, std::as_bytes(std::span(elements)));
    uploader.finish();
  }
  [[nodiscard]] GpuAddress address() const { return buffer_.address(); }
  [[nodiscard]] std::vector<Element> read() const {
    const auto bytes =
        compute::download(test::validated_device(), buffer_, 0, count_ * sizeof(Element));
    std::vector<Element> elements(count_);
    std::memcpy(elements.data(), bytes.data(), bytes.size());
    return elements;
  }

 private:
  std::size_t count_;
  compute::Buffer buffer_;
};

using GpuFloats = GpuArray<float>;
using GpuUints = GpuArray<std::uint32_t>;
using GpuHalves = GpuArray<std::uint16_t>;

/// A step's state as an array: token, position, prompt length.
[[nodiscard]] GpuUints make_state(std::uint32_t token, std::uint32_t position,
                                  std::uint32_t prompt_length);

/// Dispatches a kernel and waits for it.
void run_dispatch(const PlannedDispatch& dispatch);

template <typename Push>
void run_kernel(const KernelKey& key, const compute::GroupCount& groups, const Push& push) {
  run_dispatch({.kernel = key, .groups = groups, .push = PushConstants(push)});
}

/// Pseudo-random floats between -1 and 1, the same for the same seed.
[[nodiscard]] std::vector<float> random_floats(std::size_t count, std::uint32_t seed);

/// A random quantised matrix on the CPU and what it means in floats.
struct TestMatrix {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  QuantFormat format;
  std::vector<std::uint32_t> words;
  std::vector<std::uint16_t> scales;
  std::vector<std::uint16_t> biases;
  std::vector<float> values;  ///< [rows][columns]
};

[[nodiscard]] TestMatrix make_matrix(std::uint32_t rows, std::uint32_t columns,
                                     const QuantFormat& format);

/// Every format that a model may have.
[[nodiscard]] std::vector<QuantFormat> all_formats();

/// "4 bits, group 32, f16".
[[nodiscard]] std::string describe(const QuantFormat& format);

}  // namespace cbr::decode
