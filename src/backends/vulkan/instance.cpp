#include "backends/vulkan/instance.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/enumerate.h"
#include "backends/vulkan/result.h"

namespace cbr::vulkan {
namespace {

constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";

VKAPI_ATTR VkBool32 VKAPI_CALL forward_message(VkDebugUtilsMessageSeverityFlagBitsEXT /*severity*/,
                                               VkDebugUtilsMessageTypeFlagsEXT /*types*/,
                                               const VkDebugUtilsMessengerCallbackDataEXT* data,
                                               void* user) {
  const auto& on_message = *static_cast<std::function<void(const std::string&)>*>(user);
  on_message(data->pMessage != nullptr ? data->pMessage : "");
  return VK_FALSE;
}

void print_message(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
}

}  // namespace

Instance::Instance(const OpenOptions& options, PFN_vkGetInstanceProcAddr get)
    : on_message_(options.on_validation_message ? options.on_validation_message : print_message) {
  functions_.load_library(get);

  std::vector<const char*> layers;
  std::vector<const char*> extensions;
  const bool validation_has_features =
      options.validation &&
      supports_extension(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME, validation_layer);
  if (options.validation) {
    if (!supports_layer(validation_layer)) {
      throw BackendError(
          fmt::format("the Vulkan layer {} is not installed (Debian: vulkan-validationlayers)",
                      validation_layer));
    }
    if (!validation_has_features) {
      throw BackendError(
          fmt::format("the Vulkan layer {} lacks {}, which turns on "
                      "synchronisation validation",
                      validation_layer, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME));
    }
    layers.push_back(validation_layer);
    extensions.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
  }
  has_debug_utils_ = supports_extension(VK_EXT_DEBUG_UTILS_EXTENSION_NAME, nullptr) ||
                     (options.validation &&
                      supports_extension(VK_EXT_DEBUG_UTILS_EXTENSION_NAME, validation_layer));
  if (has_debug_utils_) extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  // Without, the loader hides the drivers that put Vulkan on top of another API, as MoltenVK does.
  const bool enumerates_portability =
      supports_extension(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME, nullptr);
  if (enumerates_portability) {
    extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
  }

  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "Command Buffer Ring";
  application.apiVersion = VK_API_VERSION_1_2;

  VkDebugUtilsMessengerCreateInfoEXT messenger{};
  messenger.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  messenger.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                              VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                          VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  messenger.pfnUserCallback = forward_message;
  messenger.pUserData = &on_message_;

  const VkValidationFeatureEnableEXT enabled[] = {
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkValidationFeaturesEXT features{};
  features.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT;
  features.enabledValidationFeatureCount = 1;
  features.pEnabledValidationFeatures = enabled;
  // Chained, so that messages about the instance's own creation arrive as well.
  features.pNext = &messenger;

  VkInstanceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  create.pNext = options.validation ? &features : nullptr;
  create.pApplicationInfo = &application;
  if (enumerates_portability) create.flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  create.enabledLayerCount = static_cast<std::uint32_t>(layers.size());
  create.ppEnabledLayerNames = layers.data();
  create.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  create.ppEnabledExtensionNames = extensions.data();
  const VkResult created = functions_.vkCreateInstance(&create, nullptr, &handle_);
  if (created == VK_ERROR_INCOMPATIBLE_DRIVER) {
    throw BackendError(
        "vkCreateInstance failed with VK_ERROR_INCOMPATIBLE_DRIVER: the Vulkan library finds no "
        "driver; is one installed, and does VK_DRIVER_FILES, if it is set, name it?");
  }
  check(created, "vkCreateInstance");
  try {
    functions_.load_instance(handle_);
    if (options.validation) {
      check(functions_.vkCreateDebugUtilsMessengerEXT(handle_, &messenger, nullptr, &messenger_),
            "vkCreateDebugUtilsMessengerEXT");
    }
  } catch (...) {
    if (functions_.vkDestroyInstance != nullptr) functions_.vkDestroyInstance(handle_, nullptr);
    throw;
  }
}

Instance::~Instance() {
  if (messenger_ != VK_NULL_HANDLE) {
    functions_.vkDestroyDebugUtilsMessengerEXT(handle_, messenger_, nullptr);
  }
  functions_.vkDestroyInstance(handle_, nullptr);
}

bool Instance::supports_layer(const char* name) const {
  const auto layers = enumerate<VkLayerProperties>("vkEnumerateInstanceLayerProperties",
                                                   functions_.vkEnumerateInstanceLayerProperties);
  return std::any_of(layers.begin(), layers.end(),
                     [&](const auto& layer) { return std::string_view(layer.layerName) == name; });
}

bool Instance::supports_extension(const char* name, const char* layer) const {
  // A layer that is not there has none.
  std::uint32_t any = 0;
  if (functions_.vkEnumerateInstanceExtensionProperties(layer, &any, nullptr) != VK_SUCCESS) {
    return false;
  }
  const auto extensions = enumerate<VkExtensionProperties>(
      "vkEnumerateInstanceExtensionProperties",
      [&](std::uint32_t* count, VkExtensionProperties* found) {
        return functions_.vkEnumerateInstanceExtensionProperties(layer, count, found);
      });
  return std::any_of(extensions.begin(), extensions.end(), [&](const auto& extension) {
    return std::string_view(extension.extensionName) == name;
  });
}

}  // namespace cbr::vulkan
