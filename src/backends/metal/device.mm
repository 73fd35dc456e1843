#include "backends/metal/device.h"

#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/metal4.h"

namespace cbr::metal {
namespace {

std::string text_of(NSString* string) {
  const char* const text = string.UTF8String;
  return text == nullptr ? std::string() : std::string(text);
}

/// metal3 or metal4, whichever `wanted` comes to. Throws BackendError.
CommandModel choose_commands(id<MTLDevice> device, CommandModel wanted) {
  const bool metal4 = has_metal4(device);
  if (wanted == CommandModel::metal4 && !metal4) {
    throw BackendError(fmt::format(
        "Metal device \"{}\" has no Metal 4, which needs macOS 26 and a GPU of that family",
        text_of(device.name)));
  }
  if (wanted == CommandModel::metal3) return wanted;
  return metal4 ? CommandModel::metal4 : CommandModel::metal3;
}

id<NSObject> make_queue(id<MTLDevice> device, CommandModel commands,
                        std::uint32_t max_command_buffers) {
#ifdef CBR_METAL4_SDK
  if (commands == CommandModel::metal4) {
    if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
      id<MTL4CommandQueue> queue = [device newMTL4CommandQueue];
      if (queue == nil) throw BackendError("-[MTLDevice newMTL4CommandQueue] returned nil");
      return queue;
    }
  }
#endif
  id<MTLCommandQueue> queue = [device newCommandQueueWithMaxCommandBufferCount:max_command_buffers];
  if (queue == nil) {
    throw BackendError(
        fmt::format("-[MTLDevice newCommandQueueWithMaxCommandBufferCount:{}] returned nil",
                    max_command_buffers));
  }
  return queue;
}

std::uint32_t maximum_of(CommandModel commands, std::uint32_t max_command_buffers) {
  return commands == CommandModel::metal4 ? 0 : max_command_buffers;
}

/// The device of a user's queue, which is of the kind that `commands` says. Throws InvalidUsage.
id<MTLDevice> device_of(id<NSObject> queue, CommandModel commands, std::size_t index) {
#ifdef CBR_METAL4_SDK
  if (commands == CommandModel::metal4) {
    if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
      if (![queue respondsToSelector:@selector(commit:count:options:)]) {
        throw InvalidUsage(
            fmt::format("metal::Device::wrap: queue {} is no MTL4CommandQueue", index));
      }
      return ((id<MTL4CommandQueue>)queue).device;
    }
  }
#endif
  if (![queue respondsToSelector:@selector(commandBufferWithDescriptor:)]) {
    throw InvalidUsage(fmt::format("metal::Device::wrap: queue {} is no MTLCommandQueue", index));
  }
  (void)commands;
  return ((id<MTLCommandQueue>)queue).device;
}

}  // namespace

DeviceImpl::DeviceImpl(id<MTLDevice> handle, CommandModel commands,
                       std::vector<std::unique_ptr<NativeQueue>> queues)
    : handle_(handle),
      commands_(commands),
      info_{text_of(handle.name), handle.registryID, has_metal4(handle)},
      queues_(std::move(queues)) {}

DeviceImpl::~DeviceImpl() {
  const AutoreleasePool pool;
  queues_.clear();
  handle_ = nil;
}

std::shared_ptr<Device> Device::open(const OpenOptions& options) {
  if (options.queue_count == 0) {
    throw InvalidOption("metal::OpenOptions::queue_count is 0; at least 1 is needed");
  }
  if (options.max_command_buffers == 0) {
    throw InvalidOption("metal::OpenOptions::max_command_buffers is 0; at least 1 is needed");
  }
  const AutoreleasePool pool;
  id<MTLDevice> device = MTLCreateSystemDefaultDevice();
  if (device == nil) {
    throw BackendError("this system has no Metal device: MTLCreateSystemDefaultDevice gave none");
  }
  const CommandModel commands = choose_commands(device, options.commands);
  std::vector<std::unique_ptr<NativeQueue>> queues;
  queues.reserve(options.queue_count);
  for (std::uint32_t i = 0; i < options.queue_count; ++i) {
    queues.push_back(
        std::make_unique<NativeQueue>(make_queue(device, commands, options.max_command_buffers),
                                      maximum_of(commands, options.max_command_buffers)));
  }
  return std::make_shared<DeviceImpl>(device, commands, std::move(queues));
}

std::shared_ptr<Device> Device::wrap(const WrapOptions& options) {
  if (options.device == nullptr) throw InvalidUsage("metal::Device::wrap needs a device");
  if (options.queues.empty()) throw InvalidUsage("metal::Device::wrap needs a queue");
  if (options.commands == CommandModel::newest) {
    throw InvalidOption(
        "metal::WrapOptions::commands is newest; say metal3 or metal4, whichever the queues are");
  }
  const AutoreleasePool pool;
  id<MTLDevice> device = (__bridge id<MTLDevice>)options.device;
  const CommandModel commands = choose_commands(device, options.commands);
  std::vector<std::unique_ptr<NativeQueue>> queues;
  queues.reserve(options.queues.size());
  for (const WrappedQueue& wrapped : options.queues) {
    const std::size_t index = queues.size();
    if (wrapped.queue == nullptr) {
      throw InvalidUsage(fmt::format("metal::Device::wrap: queue {} is null", index));
    }
    if (wrapped.max_command_buffers == 0) {
      throw InvalidOption(fmt::format(
          "metal::WrappedQueue::max_command_buffers of queue {} is 0; at least 1 is needed",
          index));
    }
    id<NSObject> queue = (__bridge id<NSObject>)wrapped.queue;
    id<MTLDevice> its_device = device_of(queue, commands, index);
    // Not by pointer: debug layers put objects of their own before the device.
    if (its_device.registryID != device.registryID) {
      throw InvalidUsage(fmt::format(
          "metal::Device::wrap: queue {} belongs to device \"{}\" ({:#x}), not to \"{}\" ({:#x})",
          index, text_of(its_device.name), its_device.registryID, text_of(device.name),
          device.registryID));
    }
    for (const auto& other : queues) {
      if (other->handle() != queue) continue;
      throw InvalidUsage(fmt::format("metal::Device::wrap: queue {} is named twice", index));
    }
    queues.push_back(
        std::make_unique<NativeQueue>(queue, maximum_of(commands, wrapped.max_command_buffers)));
  }
  return std::make_shared<DeviceImpl>(device, commands, std::move(queues));
}

}  // namespace cbr::metal
