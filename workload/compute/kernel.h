// A compute pipeline.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <cbr/vulkan.h>

namespace cbr::compute {

/// The extent of a dispatch in work groups.
struct GroupCount {
  std::uint32_t x = 1;
  std::uint32_t y = 1;
  friend bool operator==(const GroupCount&, const GroupCount&) = default;
};

/// The fewest groups to spread `groups` over so that no dimension exceeds 65535, which every device
/// allows. The kernel finds its group as y * gl_NumWorkGroups.x + x, and ignores those past the
/// end.
[[nodiscard]] GroupCount spread_groups(std::uint64_t groups);

struct KernelOptions {
  /// For error texts.
  std::string name;
  /// Bytes; a multiple of 4.
  std::uint32_t push_constant_size = 0;
  /// Values of the specialization constants 0, 1, 2 and so on.
  std::span<const std::uint32_t> constants = {};
};

/// A compute pipeline from SPIR-V that takes push constants only: data is found by buffer addresses
/// among them, so there are no descriptor sets.
///
/// Owns the pipeline and shares the device. The work that uses it must have ended when it is
/// destroyed. Const functions may be called by any thread.
class Kernel {
 public:
  /// Compiles the pipeline. Throws BackendError if push constants exceed the device's limit or the
  /// driver refuses.
  Kernel(std::shared_ptr<vulkan::Device> device, std::span<const std::uint32_t> spirv,
         const KernelOptions& options);
  Kernel(Kernel&& other) noexcept;
  Kernel& operator=(Kernel&& other) noexcept;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  ~Kernel();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] VkPipeline pipeline() const noexcept { return pipeline_; }
  [[nodiscard]] VkPipelineLayout layout() const noexcept { return layout_; }
  /// Bytes.
  [[nodiscard]] std::uint32_t push_constant_size() const noexcept { return push_constant_size_; }
  /// Throws BackendError, naming value and limit, if the device can't dispatch that many groups.
  void require_dispatchable(const GroupCount& groups) const;

 private:
  void create(std::span<const std::uint32_t> spirv, std::span<const std::uint32_t> constants);
  void release() noexcept;

  std::shared_ptr<vulkan::Device> device_;
  std::string name_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  std::uint32_t push_constant_size_ = 0;
  GroupCount max_groups_;
};

}  // namespace cbr::compute
