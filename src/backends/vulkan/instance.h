// A Vulkan instance of our own, with or without the validation layer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <cbr/vulkan.h>

#include "backends/vulkan/functions.h"

namespace cbr::vulkan {

/// Owns a VkInstance and, with validation, its messenger.
class Instance {
 public:
  /// Loads the Vulkan library and creates an instance; of `options`, only the validation fields
  /// matter. Finds Vulkan's functions by `get` instead where that is not null. Throws BackendError.
  explicit Instance(const OpenOptions& options, PFN_vkGetInstanceProcAddr get = nullptr);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  [[nodiscard]] VkInstance handle() const noexcept { return handle_; }
  [[nodiscard]] const Functions& functions() const noexcept { return functions_; }
  /// Whether objects can be given debug names.
  [[nodiscard]] bool has_debug_utils() const noexcept { return has_debug_utils_; }

 private:
  [[nodiscard]] bool supports_layer(const char* name) const;
  [[nodiscard]] bool supports_extension(const char* name, const char* layer) const;

  Functions functions_;
  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  bool has_debug_utils_ = false;
  std::function<void(const std::string&)> on_message_;
};

}  // namespace cbr::vulkan
