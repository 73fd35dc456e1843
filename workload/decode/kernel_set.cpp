#include "decode/kernel_set.h"

#include <cstdint>
#include <span>
#include <utility>

#include <shaders/advance.h>
#include <shaders/attention.h>
#include <shaders/embed.h>
#include <shaders/find_best.h>
#include <shaders/matvec.h>
#include <shaders/rms_norm.h>
#include <shaders/rope_store.h>
#include <shaders/silu_multiply.h>

#include <cbr/errors.h>

#include "decode/kernel_parameters.h"

namespace cbr::decode {
namespace {

struct KernelSource {
  const char* name;
  std::span<const std::uint32_t> spirv;
  std::uint32_t push_constant_size;
  std::uint32_t constant_count;
};

KernelSource source_of(KernelKind kind) {
  switch (kind) {
    case KernelKind::embed:
      return {"embed", embed_spv, sizeof(EmbedPush), 4};
    case KernelKind::rms_norm:
      return {"rms_norm", rms_norm_spv, sizeof(RmsNormPush), 1};
    case KernelKind::matvec:
      return {"matvec", matvec_spv, sizeof(MatvecPush), 5};
    case KernelKind::rope_store:
      return {"rope_store", rope_store_spv, sizeof(RopeStorePush), 1};
    case KernelKind::attention:
      return {"attention", attention_spv, sizeof(AttentionPush), 2};
    case KernelKind::silu_multiply:
      return {"silu_multiply", silu_multiply_spv, sizeof(SiluMultiplyPush), 1};
    case KernelKind::find_best:
      return {"find_best", find_best_spv, sizeof(FindBestPush), 1};
    case KernelKind::advance:
      return {"advance", advance_spv, sizeof(AdvancePush), 1};
  }
  throw InvalidUsage("KernelSet::get: no such kernel");
}

}  // namespace

KernelSet::KernelSet(std::shared_ptr<vulkan::Device> device) : device_(std::move(device)) {}

const compute::Kernel& KernelSet::get(const KernelKey& key) {
  const auto found = kernels_.find(key);
  if (found != kernels_.end()) return found->second;
  const KernelSource source = source_of(key.kind);
  compute::Kernel kernel(device_, source.spirv,
                         {.name = source.name,
                          .push_constant_size = source.push_constant_size,
                          .constants = std::span(key.constants).first(source.constant_count)});
  return kernels_.emplace(key, std::move(kernel)).first->second;
}

}  // namespace cbr::decode
