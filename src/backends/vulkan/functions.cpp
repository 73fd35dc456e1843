#include "backends/vulkan/functions.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::vulkan {
namespace {

#if defined(__APPLE__)
// With Homebrew's folders, where the system's loader doesn't look by itself: of Apple's processors,
// and of Intel's.
constexpr const char* library_names[] = {
    "libvulkan.1.dylib", "/opt/homebrew/lib/libvulkan.1.dylib", "/usr/local/lib/libvulkan.1.dylib",
    "libMoltenVK.dylib", "/opt/homebrew/lib/libMoltenVK.dylib", "/usr/local/lib/libMoltenVK.dylib"};
#else
constexpr const char* library_names[] = {"libvulkan.so.1", "libvulkan.so"};
#endif

PFN_vkGetInstanceProcAddr open_library() {
  std::string reasons;
  for (const char* name : library_names) {
    // Never closed: drivers leave threads and exit handlers behind that must keep their code.
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL); library != nullptr) {
      if (void* symbol = dlsym(library, "vkGetInstanceProcAddr"); symbol != nullptr) {
        return reinterpret_cast<PFN_vkGetInstanceProcAddr>(symbol);
      }
      reasons +=
          fmt::format("{}{} has no vkGetInstanceProcAddr", reasons.empty() ? "" : "; ", name);
    } else {
      const char* reason = dlerror();
      reasons += fmt::format("{}{}", reasons.empty() ? "" : "; ", reason ? reason : name);
    }
  }
  throw BackendError(fmt::format("no Vulkan library: {}", reasons));
}

[[noreturn]] void throw_missing(const char* function) {
  throw BackendError(fmt::format("the Vulkan library lacks {}: a ring needs Vulkan 1.2", function));
}

}  // namespace

// The casts are how Vulkan's own loader functions hand out typed pointers. `name` names a member
// and can't stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses)
#define CBR_LOAD(name, get, handle)                        \
  name = reinterpret_cast<PFN_##name>(get(handle, #name)); \
  if (name == nullptr) throw_missing(#name);

void Functions::load_library(PFN_vkGetInstanceProcAddr get) {
  vkGetInstanceProcAddr = get != nullptr ? get : open_library();
#define CBR_LOAD_GLOBAL(name) CBR_LOAD(name, vkGetInstanceProcAddr, VK_NULL_HANDLE)
  CBR_VULKAN_GLOBAL_FUNCTIONS(CBR_LOAD_GLOBAL)
#undef CBR_LOAD_GLOBAL
}

void Functions::load_instance(VkInstance instance) {
#define CBR_LOAD_INSTANCE(name) CBR_LOAD(name, vkGetInstanceProcAddr, instance)
  CBR_VULKAN_INSTANCE_FUNCTIONS(CBR_LOAD_INSTANCE)
#undef CBR_LOAD_INSTANCE
#define CBR_LOAD_OPTIONAL(name) \
  name = reinterpret_cast<PFN_##name>(vkGetInstanceProcAddr(instance, #name));
  CBR_VULKAN_OPTIONAL_INSTANCE_FUNCTIONS(CBR_LOAD_OPTIONAL)
#undef CBR_LOAD_OPTIONAL
}

void Functions::load_device(VkDevice device) {
#define CBR_LOAD_DEVICE(name) CBR_LOAD(name, vkGetDeviceProcAddr, device)
  CBR_VULKAN_DEVICE_FUNCTIONS(CBR_LOAD_DEVICE)
#undef CBR_LOAD_DEVICE
#define CBR_LOAD_OPTIONAL(name) \
  name = reinterpret_cast<PFN_##name>(vkGetDeviceProcAddr(device, #name));
  CBR_VULKAN_OPTIONAL_DEVICE_FUNCTIONS(CBR_LOAD_OPTIONAL)
#undef CBR_LOAD_OPTIONAL
}

#undef CBR_LOAD
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace cbr::vulkan
