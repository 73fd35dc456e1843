// A window of a program that knows nothing of the ring: an X11 window by xcb, a Vulkan 1.3 device
// that draws into it, and its swapchain, in plain Vulkan. window.cpp puts a ring on it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <xcb/xcb.h>

#define VK_USE_PLATFORM_XCB_KHR
#include <vulkan/vulkan.h>

#include "host_buffer.h"

/// What is drawn into: the images of a window of one size.
struct Swapchain {
  VkSwapchainKHR handle = VK_NULL_HANDLE;
  VkExtent2D extent{};
  std::vector<VkImage> images;
  std::vector<VkImageView> views;
  /// One an image: signalled once it is drawn.
  std::vector<VkSemaphore> drawn;
};

class PlainWindow {
 public:
  static constexpr VkFormat format = VK_FORMAT_B8G8R8A8_UNORM;

  PlainWindow(const char* title, std::uint16_t width, std::uint16_t height) {
    open_window(title, width, height);
    make_instance();
    choose_device();
    make_device();
    remake_swapchain();
  }
  PlainWindow(const PlainWindow&) = delete;
  PlainWindow& operator=(const PlainWindow&) = delete;
  ~PlainWindow() {
    destroy(swapchain);
    vkDestroyDevice(device, nullptr);
    vkDestroySurfaceKHR(instance, surface_, nullptr);
    vkDestroyInstance(instance, nullptr);
    xcb_disconnect(connection_);
  }

  /// Looks at what the user did. Waits while the window is minimised. False once it was closed.
  bool handle_events() {
    bool shown = true;
    for (;;) {
      xcb_generic_event_t* const event =
          shown ? xcb_poll_for_event(connection_) : xcb_wait_for_event(connection_);
      if (event == nullptr) return xcb_connection_has_error(connection_) == 0;
      const std::uint8_t type = event->response_type & 0x7fU;
      const bool closed =
          type == XCB_CLIENT_MESSAGE &&
          reinterpret_cast<xcb_client_message_event_t*>(event)->data.data32[0] == delete_window_;
      if (type == XCB_CONFIGURE_NOTIFY) {
        const auto* const now = reinterpret_cast<xcb_configure_notify_event_t*>(event);
        size_ = {now->width, now->height};
      }
      if (type == XCB_UNMAP_NOTIFY) shown = false;
      if (type == XCB_MAP_NOTIFY) shown = true;
      std::free(event);
      if (closed) return false;
    }
  }

  /// Whether the window has another size than the swapchain. Not every driver says so.
  [[nodiscard]] bool was_resized() const {
    return size_.width != swapchain.extent.width || size_.height != swapchain.extent.height;
  }

  /// Makes it anew for the window's size of now. Nothing may use the old one any more.
  void remake_swapchain() {
    check(vkDeviceWaitIdle(device), "vkDeviceWaitIdle");  // The presentation engine has no fence.
    VkSurfaceCapabilitiesKHR can{};
    check(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(physical_device, surface_, &can),
          "vkGetPhysicalDeviceSurfaceCapabilitiesKHR");
    Swapchain next;
    next.extent = size_ = can.currentExtent;
    VkSwapchainCreateInfoKHR create{};
    create.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR;
    create.surface = surface_;
    create.minImageCount = can.minImageCount + 1;
    if (can.maxImageCount != 0) {
      create.minImageCount = std::min(create.minImageCount, can.maxImageCount);
    }
    create.imageFormat = format;
    create.imageColorSpace = VK_COLOR_SPACE_SRGB_NONLINEAR_KHR;
    create.imageExtent = next.extent;
    create.imageArrayLayers = 1;
    create.imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    create.preTransform = can.currentTransform;
    create.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
    create.presentMode = VK_PRESENT_MODE_FIFO_KHR;
    create.clipped = VK_TRUE;
    create.oldSwapchain = swapchain.handle;
    check(vkCreateSwapchainKHR(device, &create, nullptr, &next.handle), "vkCreateSwapchainKHR");
    destroy(swapchain);
    swapchain = next;
    std::uint32_t count = 0;
    check(vkGetSwapchainImagesKHR(device, swapchain.handle, &count, nullptr), "images");
    swapchain.images.resize(count);
    check(vkGetSwapchainImagesKHR(device, swapchain.handle, &count, swapchain.images.data()),
          "vkGetSwapchainImagesKHR");
    for (const VkImage image : swapchain.images) {
      VkImageViewCreateInfo view{};
      view.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
      view.image = image;
      view.viewType = VK_IMAGE_VIEW_TYPE_2D;
      view.format = format;
      view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
      swapchain.views.emplace_back();
      check(vkCreateImageView(device, &view, nullptr, &swapchain.views.back()),
            "vkCreateImageView");
      swapchain.drawn.push_back(make_semaphore());
    }
  }

  /// Has an image change its layout, between what draws into it.
  void transition(VkCommandBuffer commands, std::uint32_t image, VkImageLayout from,
                  VkImageLayout to) const {
    VkImageMemoryBarrier2 barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2;
    barrier.srcStageMask = barrier.dstStageMask = VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT;
    barrier.srcAccessMask = barrier.dstAccessMask = VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT;
    barrier.oldLayout = from;
    barrier.newLayout = to;
    barrier.image = swapchain.images[image];
    barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    VkDependencyInfo dependency{};
    dependency.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO;
    dependency.imageMemoryBarrierCount = 1;
    dependency.pImageMemoryBarriers = &barrier;
    vkCmdPipelineBarrier2(commands, &dependency);
  }

  [[nodiscard]] VkSemaphore make_semaphore() const {
    VkSemaphoreCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
    VkSemaphore semaphore = VK_NULL_HANDLE;
    check(vkCreateSemaphore(device, &create, nullptr, &semaphore), "vkCreateSemaphore");
    return semaphore;
  }

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical_device = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  std::uint32_t queue_family = 0;
  Swapchain swapchain;

 private:
  void open_window(std::string_view title, std::uint16_t width, std::uint16_t height) {
    connection_ = xcb_connect(nullptr, nullptr);
    if (xcb_connection_has_error(connection_) != 0) {
      xcb_disconnect(connection_);
      throw std::runtime_error("no X server: is DISPLAY set?");
    }
    const xcb_screen_t* const screen = xcb_setup_roots_iterator(xcb_get_setup(connection_)).data;
    window_ = xcb_generate_id(connection_);
    const std::uint32_t events = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    xcb_create_window(connection_, XCB_COPY_FROM_PARENT, window_, screen->root, 0, 0, width, height,
                      0, XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, XCB_CW_EVENT_MASK,
                      &events);
    xcb_change_property(connection_, XCB_PROP_MODE_REPLACE, window_, XCB_ATOM_WM_NAME,
                        XCB_ATOM_STRING, 8, static_cast<std::uint32_t>(title.size()), title.data());
    // So that the window manager asks the program to close it.
    const xcb_atom_t protocols = atom("WM_PROTOCOLS");
    delete_window_ = atom("WM_DELETE_WINDOW");
    xcb_change_property(connection_, XCB_PROP_MODE_REPLACE, window_, protocols, XCB_ATOM_ATOM, 32,
                        1, &delete_window_);
    xcb_map_window(connection_, window_);
    xcb_flush(connection_);
  }

  xcb_atom_t atom(std::string_view name) {
    const auto asked =
        xcb_intern_atom(connection_, 0, static_cast<std::uint16_t>(name.size()), name.data());
    xcb_intern_atom_reply_t* const reply = xcb_intern_atom_reply(connection_, asked, nullptr);
    if (reply == nullptr) throw std::runtime_error("the X server is gone");
    const xcb_atom_t result = reply->atom;
    std::free(reply);
    return result;
  }

  void make_instance() {
    const char* const extensions[] = {VK_KHR_SURFACE_EXTENSION_NAME,
                                      VK_KHR_XCB_SURFACE_EXTENSION_NAME};
    VkApplicationInfo application{};
    application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    application.apiVersion = VK_API_VERSION_1_3;
    VkInstanceCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
    create.pApplicationInfo = &application;
    create.enabledExtensionCount = 2;
    create.ppEnabledExtensionNames = extensions;
    check(vkCreateInstance(&create, nullptr, &instance), "vkCreateInstance");
    VkXcbSurfaceCreateInfoKHR surface{};
    surface.sType = VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR;
    surface.connection = connection_;
    surface.window = window_;
    check(vkCreateXcbSurfaceKHR(instance, &surface, nullptr, &surface_), "vkCreateXcbSurfaceKHR");
  }

  /// The first that Vulkan lists will do, and its first queue that draws into the window.
  void choose_device() {
    std::uint32_t count = 1;
    const VkResult listed = vkEnumeratePhysicalDevices(instance, &count, &physical_device);
    if (listed != VK_INCOMPLETE) check(listed, "vkEnumeratePhysicalDevices");
    if (count == 0) throw std::runtime_error("Vulkan finds no device");
    vkGetPhysicalDeviceQueueFamilyProperties(physical_device, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical_device, &count, families.data());
    for (; queue_family < count; ++queue_family) {
      VkBool32 presents = VK_FALSE;
      check(
          vkGetPhysicalDeviceSurfaceSupportKHR(physical_device, queue_family, surface_, &presents),
          "vkGetPhysicalDeviceSurfaceSupportKHR");
      const bool draws = (families[queue_family].queueFlags & VK_QUEUE_GRAPHICS_BIT) != 0;
      if (draws && presents == VK_TRUE) return;
    }
    throw std::runtime_error("the device has no queue that draws into the window");
  }

  void make_device() {
    VkPhysicalDeviceVulkan13Features features13{};
    features13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
    features13.synchronization2 = VK_TRUE;
    features13.dynamicRendering = VK_TRUE;
    VkPhysicalDeviceVulkan12Features features12{};
    features12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    features12.pNext = &features13;
    features12.timelineSemaphore = VK_TRUE;  // What the ring needs.
    const float priority = 1.0F;
    VkDeviceQueueCreateInfo of_queue{};
    of_queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    of_queue.queueFamilyIndex = queue_family;
    of_queue.queueCount = 1;
    of_queue.pQueuePriorities = &priority;
    const char* const extension = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
    VkDeviceCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    create.pNext = &features12;
    create.queueCreateInfoCount = 1;
    create.pQueueCreateInfos = &of_queue;
    create.enabledExtensionCount = 1;
    create.ppEnabledExtensionNames = &extension;
    check(vkCreateDevice(physical_device, &create, nullptr, &device), "vkCreateDevice");
    vkGetDeviceQueue(device, queue_family, 0, &queue);
  }

  void destroy(const Swapchain& old) const {
    for (const VkSemaphore semaphore : old.drawn) vkDestroySemaphore(device, semaphore, nullptr);
    for (const VkImageView view : old.views) vkDestroyImageView(device, view, nullptr);
    vkDestroySwapchainKHR(device, old.handle, nullptr);
  }

  xcb_connection_t* connection_ = nullptr;
  xcb_window_t window_ = 0;
  xcb_atom_t delete_window_ = 0;
  VkSurfaceKHR surface_ = VK_NULL_HANDLE;
  VkExtent2D size_{};
};
