#include "backends/metal/metal_device.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/failure.h"

namespace cbr::metal {
namespace {

bool has_metal4(id<MTLDevice> device) {
#if CBR_METAL4_SDK
  if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
    return [device supportsFamily:MTLGPUFamilyMetal4];
  }
#endif
  (void)device;
  return false;
}

void require_generation(id<MTLDevice> device, Generation generation) {
  if (generation == Generation::metal3 || has_metal4(device)) return;
  throw BackendError(
      fmt::format("the Metal device \"{}\" has no Metal 4: it needs macOS 26, a GPU of the family "
                  "Metal 4, and a library that was built with the headers of macOS 26",
                  text_of(device.name)));
}

void require_within(const char* name, std::size_t value, std::size_t limit) {
  if (value >= 1 && value <= limit) return;
  throw InvalidOption(
      fmt::format("a Metal device's {} is {}, allowed are 1 to {}", name, value, limit));
}

/// Metal itself names none; a queue allocates by it.
constexpr std::uint32_t most_command_buffers = 65536;

id make_queue(id<MTLDevice> device, const OpenOptions& options) {
#if CBR_METAL4_SDK
  if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
    if (options.generation == Generation::metal4) return [device newMTL4CommandQueue];
  }
#endif
  return [device newCommandQueueWithMaxCommandBufferCount:options.max_command_buffers];
}

/// Whether a queue understands what the backend will send it.
bool is_of(id<NSObject> queue, Generation generation) {
  return generation == Generation::metal3
             ? [queue respondsToSelector:@selector(commandBufferWithDescriptor:)]
             : [queue respondsToSelector:@selector(commit:count:options:)];
}

/// Null where there is none. A program without a window server's session may have devices and yet
/// no default one.
id<MTLDevice> default_device() {
  const id<MTLDevice> device = MTLCreateSystemDefaultDevice();
  if (device != nil) return device;
#if TARGET_OS_OSX
  NSArray<id<MTLDevice>>* const all = MTLCopyAllDevices();
  return all.count > 0 ? all[0] : nil;
#else
  return nil;
#endif
}

/// Both kinds of queue have it.
id<MTLDevice> device_of(id queue) {
  return ((id<MTLCommandQueue>)queue).device;
}

void check_queue(const std::vector<id>& queues, std::size_t index, Generation generation) {
  const id queue = queues[index];
  if (queue == nil) throw InvalidUsage(fmt::format("Device::wrap: queue {} is null", index));
  const auto place = queues.begin() + static_cast<std::ptrdiff_t>(index);
  if (std::find(queues.begin(), place, queue) != place) {
    throw InvalidUsage(fmt::format("Device::wrap: queue {} is named twice", index));
  }
  if (is_of(queue, generation)) return;
  throw InvalidUsage(fmt::format("Device::wrap: queue {} is no {}, which the generation asks for",
                                 index,
                                 generation == Generation::metal3 ? "MTLCommandQueue of Metal 3"
                                                                  : "MTL4CommandQueue of Metal 4"));
}

}  // namespace

DeviceImpl::DeviceImpl(id<MTLDevice> device, std::vector<id> queues, Generation generation,
                       std::uint32_t max_command_buffers)
    : device_(device),
      queues_(std::move(queues)),
      generation_(generation),
      max_command_buffers_(max_command_buffers),
      info_{text_of(device.name), device.registryID, has_metal4(device)} {}

std::shared_ptr<Device> Device::open(const OpenOptions& options) {
  const AutoreleasePool pool;
  require_within("queue_count", options.queue_count, max_queue_count);
  require_within("max_command_buffers", options.max_command_buffers, most_command_buffers);
  const id<MTLDevice> device = default_device();
  if (device == nil) {
    throw BackendError(
        "Metal has no device: MTLCreateSystemDefaultDevice returned nil, and MTLCopyAllDevices, "
        "where there is that, names none");
  }
  require_generation(device, options.generation);
  std::vector<id> queues;
  queues.reserve(options.queue_count);
  for (std::uint32_t i = 0; i < options.queue_count; ++i) {
    const id queue = make_queue(device, options);
    if (queue == nil) {
      throw BackendError(fmt::format("the Metal device \"{}\" made no command queue {} of {}",
                                     text_of(device.name), i, options.queue_count));
    }
    queues.push_back(queue);
  }
  return std::make_shared<DeviceImpl>(device, std::move(queues), options.generation,
                                      options.max_command_buffers);
}

std::shared_ptr<Device> Device::wrap(const WrapOptions& options) {
  const AutoreleasePool pool;
  require_within("number of queues", options.more_queues.size() + 1, max_queue_count);
  require_within("max_command_buffers", options.max_command_buffers, most_command_buffers);
  std::vector<id> queues{(__bridge id)options.queue};
  for (void* const queue : options.more_queues) queues.push_back((__bridge id)queue);
  if (queues[0] == nil) throw InvalidUsage("Device::wrap: the queue is null");
  id<MTLDevice> device = (__bridge id<MTLDevice>)options.device;
  if (device == nil) {
    // What is no queue may not know what a device is.
    check_queue(queues, 0, options.generation);
    device = device_of(queues[0]);
  }
  require_generation(device, options.generation);
  for (std::size_t i = 0; i < queues.size(); ++i) {
    check_queue(queues, i, options.generation);
    const id<MTLDevice> its_device = device_of(queues[i]);
    if (its_device == device) continue;
    throw InvalidUsage(fmt::format(
        "Device::wrap: queue {} belongs to the device \"{}\" ({:#x}), not to \"{}\" ({:#x})", i,
        text_of(its_device.name), its_device.registryID, text_of(device.name), device.registryID));
  }
  return std::make_shared<DeviceImpl>(device, std::move(queues), options.generation,
                                      options.max_command_buffers);
}

}  // namespace cbr::metal
