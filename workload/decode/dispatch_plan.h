// What a step dispatches: a plain list, made without a GPU.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include <cbr/vulkan.h>

#include "compute/kernel.h"
#include "decode/gpu_weights.h"
#include "decode/model_config.h"
#include "decode/workspace.h"

namespace cbr::decode {

/// The kernels of decoding, one for each file in kernels/.
enum class KernelKind : std::uint8_t {
  embed,
  rms_norm,
  matvec,
  rope_store,
  attention,
  silu_multiply,
  find_best,
  advance,
};

/// A kernel and the values of its specialization constants 0, 1, 2 and so on; what it has none of
/// stays 0.
struct KernelKey {
  KernelKind kind{};
  std::array<std::uint32_t, 5> constants{};
  friend bool operator==(const KernelKey&, const KernelKey&) = default;
  /// For maps. Not by <=>: LLVM 16's libc++ and Apple's of that time have none for arrays.
  friend bool operator<(const KernelKey& left, const KernelKey& right) {
    return std::tie(left.kind, left.constants) < std::tie(right.kind, right.constants);
  }
};

/// The bytes of one dispatch's push constants.
class PushConstants {
 public:
  /// None.
  PushConstants() = default;
  template <typename Push>
  explicit PushConstants(const Push& push) : size_(sizeof(Push)) {
    static_assert(std::is_trivially_copyable_v<Push> && sizeof(Push) <= sizeof(storage_));
    std::memcpy(storage_.data(), &push, sizeof(Push));
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {storage_.data(), size_}; }
  /// Reads them back. `Push` must be what they were made from.
  template <typename Push>
  [[nodiscard]] Push as() const {
    Push push{};
    std::memcpy(&push, storage_.data(), sizeof(Push));
    return push;
  }

 private:
  // What every device takes.
  std::array<std::byte, 128> storage_{};
  std::size_t size_ = 0;
};

/// One dispatch of a step.
struct PlannedDispatch {
  KernelKey kernel;
  compute::GroupCount groups;
  /// It reads or overwrites what dispatches since the last barrier use, so a barrier comes first.
  bool barrier_before = true;
  PushConstants push;
};

/// What a step is for.
enum class StepKind : std::uint8_t {
  /// Takes in a token of the prompt that is not the last: fills the caches, chooses nothing.
  prompt,
  /// Chooses the next token.
  choose,
};

using DispatchPlan = std::vector<PlannedDispatch>;

/// What of a plan depends on the device.
struct PlanTuning {
  /// Threads that share a row of a matrix at most; a power of two, up to 64. Many suit a GPU, whose
  /// threads read memory together. A CPU as Vulkan device gains nothing from that, and pays for the
  /// summing up.
  std::uint32_t max_lanes = 32;
};

/// The tuning for a device.
[[nodiscard]] PlanTuning tuning_for(const vulkan::DeviceInfo& device);

/// The dispatches of a step in order. The first has a barrier before it: it depends on the step
/// before. The same plan serves every position, which is read from GPU memory.
/// Throws InputError if the model's head_dim exceeds 256, the limit of the attention kernel.
[[nodiscard]] DispatchPlan make_dispatch_plan(const ModelConfig& config, const GpuWeights& weights,
                                              const WorkspaceAddresses& workspace, StepKind kind,
                                              const PlanTuning& tuning = {});

/// Threads that share a row of a matrix with that many columns: a power of two up to `max_lanes`,
/// and no more than there are pieces of 16 bytes.
[[nodiscard]] std::uint32_t lanes_per_row(std::uint32_t columns, const QuantFormat& format,
                                          std::uint32_t max_lanes);

/// Work groups of the first stage of the choice among `vocab_size` tokens.
[[nodiscard]] std::uint32_t find_best_groups(std::uint32_t vocab_size);

}  // namespace cbr::decode
