// The decode workload's kernels in Metal's language, translated from the same SPIR-V that Vulkan
// runs.
//
// A kernel has one argument, at buffer index 0: the structure that is the push constants on Vulkan,
// byte for byte. Pass it with -setBytes:length:atIndex:. The pointers in it are
// MTLBuffer.gpuAddress (macOS 13), so Metal doesn't see which buffers a dispatch uses: make them
// resident (-useResource:usage: or a residency set).
//
// Specialisation constant n is function constant n. Where a constant sizes an array, which a
// function constant can't in Metal, it is the macro SPIRV_CROSS_CONSTANT_ID_n instead, to be set
// with MTLCompileOptions.preprocessorMacros; constant 0, the number of threads in a threadgroup, is
// both in such kernels, and must be set as both.
#pragma once

#include <span>
#include <string_view>

namespace cbr::metal {

struct KernelSource {
  /// Of the kernel's function, and of the GLSL file that it comes from.
  std::string_view name;
  /// For -[MTLDevice newLibraryWithSource:options:error:]. Ends with a null character behind it.
  std::string_view msl;
};

/// The buffer index of a kernel's one argument.
inline constexpr unsigned argument_index = 0;

/// All of them. Any thread may call.
[[nodiscard]] std::span<const KernelSource> kernel_sources();

}  // namespace cbr::metal
