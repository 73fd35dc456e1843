#include "compute/kernel.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/result.h"
#include "compute/limits.h"

namespace cbr::compute {

GroupCount spread_groups(std::uint64_t groups) {
  constexpr std::uint64_t limit = 65535;
  const std::uint64_t y = std::max<std::uint64_t>(1, (groups + limit - 1) / limit);
  const std::uint64_t x = std::max<std::uint64_t>(1, (groups + y - 1) / y);
  return {static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y)};
}

Kernel::Kernel(std::shared_ptr<vulkan::Device> device, std::span<const std::uint32_t> spirv,
               const KernelOptions& options)
    : device_(std::move(device)),
      name_(options.name),
      push_constant_size_(options.push_constant_size) {
  const DeviceLimits limits = read_limits(*device_);
  require_within(fmt::format("the size of kernel {}'s push constants in bytes", name_),
                 push_constant_size_, limits.max_push_constant_size);
  max_groups_ = {limits.max_groups_x, limits.max_groups_y};
  try {
    create(spirv, options.constants);
  } catch (...) {
    release();
    throw;
  }
}

void Kernel::create(std::span<const std::uint32_t> spirv,
                    std::span<const std::uint32_t> constants) {
  const vulkan::Functions& vk = vulkan::functions_of(*device_);
  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, push_constant_size_};
  VkPipelineLayoutCreateInfo layout{};
  layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout.pushConstantRangeCount = push_constant_size_ == 0 ? 0 : 1;
  layout.pPushConstantRanges = push_constant_size_ == 0 ? nullptr : &range;
  vulkan::check(vk.vkCreatePipelineLayout(device_->handle(), &layout, nullptr, &layout_),
                "vkCreatePipelineLayout");

  // Before the module, which nobody would destroy if this threw.
  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t id = 0; id < constants.size(); ++id) {
    entries.push_back({id, id * 4, 4});
  }
  VkShaderModuleCreateInfo module_info{};
  module_info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  module_info.codeSize = spirv.size_bytes();
  module_info.pCode = spirv.data();
  VkShaderModule module = VK_NULL_HANDLE;
  vulkan::check(vk.vkCreateShaderModule(device_->handle(), &module_info, nullptr, &module),
                "vkCreateShaderModule");

  const VkSpecializationInfo specialization{static_cast<std::uint32_t>(entries.size()),
                                            entries.data(), constants.size_bytes(),
                                            constants.data()};
  VkComputePipelineCreateInfo pipeline{};
  pipeline.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  pipeline.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  pipeline.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  pipeline.stage.module = module;
  pipeline.stage.pName = "main";
  pipeline.stage.pSpecializationInfo = &specialization;
  pipeline.layout = layout_;
  pipeline.basePipelineIndex = -1;
  const VkResult result = vk.vkCreateComputePipelines(device_->handle(), VK_NULL_HANDLE, 1,
                                                      &pipeline, nullptr, &pipeline_);
  vk.vkDestroyShaderModule(device_->handle(), module, nullptr);
  vulkan::check(result, "vkCreateComputePipelines");
}

void Kernel::require_dispatchable(const GroupCount& groups) const {
  if (groups.x <= max_groups_.x && groups.y <= max_groups_.y) return;
  require_within(fmt::format("kernel {}'s number of work groups along x", name_), groups.x,
                 max_groups_.x);
  require_within(fmt::format("kernel {}'s number of work groups along y", name_), groups.y,
                 max_groups_.y);
}

void Kernel::release() noexcept {
  if (device_ == nullptr) return;
  if (device_->same_process()) {
    const vulkan::Functions& vk = vulkan::functions_of(*device_);
    vk.vkDestroyPipeline(device_->handle(), pipeline_, nullptr);
    vk.vkDestroyPipelineLayout(device_->handle(), layout_, nullptr);
  }
  pipeline_ = VK_NULL_HANDLE;
  layout_ = VK_NULL_HANDLE;
  device_.reset();
}

Kernel::Kernel(Kernel&& other) noexcept {
  *this = std::move(other);
}

Kernel& Kernel::operator=(Kernel&& other) noexcept {
  if (this == &other) return *this;
  release();
  device_ = std::move(other.device_);
  name_ = std::move(other.name_);
  layout_ = std::exchange(other.layout_, VK_NULL_HANDLE);
  pipeline_ = std::exchange(other.pipeline_, VK_NULL_HANDLE);
  push_constant_size_ = other.push_constant_size_;
  max_groups_ = other.max_groups_;
  return *this;
}

Kernel::~Kernel() {
  release();
}

}  // namespace cbr::compute
