// Buffers, events, libraries and pipelines: what command buffers use.
#include <cctype>
#include <cstdlib>
#include <map>

#include "metal_fake/metal/fake_settings.h"
#import "metal_fake/metal/objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

namespace {

/// Living buffers by the address of their first byte.
struct AddressSpace {
  std::mutex mutex;
  std::map<MTLGPUAddress, AddressedMemory> buffers;
};

AddressSpace& address_space() {
  static auto* const space = new AddressSpace;
  return *space;
}

MTLGPUAddress address_of(std::span<std::byte> bytes) {
  return reinterpret_cast<MTLGPUAddress>(bytes.data());
}

}  // namespace

namespace cbr::metal_fake {

std::optional<AddressedMemory> find_memory(MTLGPUAddress address) {
  AddressSpace& space = address_space();
  const std::lock_guard lock(space.mutex);
  auto after = space.buffers.upper_bound(address);
  if (after == space.buffers.begin()) return std::nullopt;
  const auto& [start, memory] = *--after;
  const std::size_t offset = address - start;
  if (offset >= memory.bytes.size()) return std::nullopt;
  return AddressedMemory{memory.bytes.subspan(offset), memory.use};
}

Command dispatch_command(const Kernel& kernel, std::vector<Binding> bindings, MTLSize threadgroups,
                         MTLSize threads_per_threadgroup, std::size_t encoder) {
  Dispatch dispatch;
  dispatch.threadgroups = {threadgroups.width, threadgroups.height, threadgroups.depth};
  dispatch.threads_per_threadgroup = {threads_per_threadgroup.width, threads_per_threadgroup.height,
                                      threads_per_threadgroup.depth};
  for (const Binding& binding : bindings) dispatch.buffers.push_back(binding.bytes);
  Command command;
  command.encoder = encoder;
  command.run = [kernel, dispatch = std::move(dispatch), bindings = std::move(bindings)] {
    kernel(dispatch);
  };
  return command;
}

void require_dispatch(bool pipeline_is_set, MTLSize threadgroups, MTLSize threads_per_threadgroup,
                      const char* method) {
  constexpr NSUInteger most_threads = 1024;
  const auto volume = [](MTLSize size) { return size.width * size.height * size.depth; };
  require(pipeline_is_set, method, "a compute pipeline state must be set");
  require(volume(threadgroups) > 0, method, "threadgroupsPerGrid must not be 0");
  require(volume(threads_per_threadgroup) > 0, method, "threadsPerThreadgroup must not be 0");
  require(volume(threads_per_threadgroup) <= most_threads, method,
          "threadsPerThreadgroup must be <= maxTotalThreadsPerThreadgroup");
}

}  // namespace cbr::metal_fake

@implementation FakeResource

- (instancetype)init {
  if ((self = [super init])) use_ = std::make_shared<std::atomic<std::int64_t>>(0);
  return self;
}

- (void)dealloc {
  require(use_->load() == 0, "-[MTLResource dealloc]",
          "The following Metal object is being destroyed while still required to be alive by a "
          "command buffer");
}

@end

@implementation FakeBuffer {
  std::span<std::byte> bytes_;
  MTLResourceOptions options_;
}

@synthesize label = label_;

- (instancetype)initWithLength:(NSUInteger)length options:(MTLResourceOptions)options {
  if ((self = [super init])) {
    constexpr std::size_t page = 4096;
    const std::size_t size = (length + page - 1) / page * page;
    auto* const memory = static_cast<std::byte*>(std::aligned_alloc(page, size));
    std::fill_n(memory, size, std::byte{0});
    bytes_ = {memory, length};
    options_ = options;
    AddressSpace& space = address_space();
    const std::lock_guard lock(space.mutex);
    space.buffers[address_of(bytes_)] = {bytes_, use_};
  }
  return self;
}

- (void)dealloc {
  {
    AddressSpace& space = address_space();
    const std::lock_guard lock(space.mutex);
    space.buffers.erase(address_of(bytes_));
  }
  // Checked before the memory goes: the superclass's dealloc comes too late for that.
  require(use_->load() == 0, "-[MTLBuffer dealloc]",
          "The following Metal object is being destroyed while still required to be alive by a "
          "command buffer");
  std::free(bytes_.data());
}

- (NSUInteger)length {
  return bytes_.size();
}

- (void*)contents {
  // The CPU does not see private memory.
  return (options_ & MTLResourceStorageModePrivate) != 0 ? nullptr : bytes_.data();
}

- (MTLGPUAddress)gpuAddress {
  return address_of(bytes_);
}

- (std::span<std::byte>)bytes {
  return bytes_;
}

@end

@implementation FakePipeline {
  Kernel kernel_;
}

- (instancetype)initWithKernel:(Kernel)kernel {
  if ((self = [super init])) kernel_ = std::move(kernel);
  return self;
}

- (Kernel)kernel {
  return kernel_;
}

- (NSUInteger)maxTotalThreadsPerThreadgroup {
  return 1024;
}

@end

@implementation FakeEvent {
  id<MTLDevice> device_;
  std::shared_ptr<EventState> state_;
}

@synthesize label = label_;

- (instancetype)initWithDevice:(id<MTLDevice>)device {
  if ((self = [super init])) {
    device_ = device;
    state_ = std::make_shared<EventState>();
  }
  return self;
}

- (id<MTLDevice>)device {
  return device_;
}

- (std::shared_ptr<EventState>)state {
  return state_;
}

- (void)requireDevice:(id<MTLDevice>)device method:(const char*)method {
  require(device_ == nil || device_ == device, method, "the event belongs to another device");
}

@end

@implementation FakeSharedEvent

- (uint64_t)signaledValue {
  return Gpu::get().event_value(*self.state);
}

- (void)setSignaledValue:(uint64_t)value {
  Gpu::get().set_event_value(*self.state, value);
}

@end

@implementation FakeLibrary {
  std::string source_;
}

- (instancetype)initWithSource:(std::string)source {
  if ((self = [super init])) source_ = std::move(source);
  return self;
}

- (id<MTLFunction>)newFunctionWithName:(NSString*)functionName {
  const std::string name = functionName.UTF8String;
  const auto part_of_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (std::size_t at = source_.find(name); at != std::string::npos;
       at = source_.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    const bool word = (at == 0 || !part_of_word(source_[at - 1])) &&
                      (end == source_.size() || !part_of_word(source_[end]));
    Kernel kernel = Settings::get().kernel(name);
    if (word && kernel) {
      return [[FakeFunction alloc] initWithName:functionName kernel:std::move(kernel)];
    }
  }
  return nil;
}

@end

@implementation FakeFunction {
  NSString* name_;
  Kernel kernel_;
}

- (instancetype)initWithName:(NSString*)name kernel:(Kernel)kernel {
  if ((self = [super init])) {
    name_ = [name copy];
    kernel_ = std::move(kernel);
  }
  return self;
}

- (NSString*)name {
  return name_;
}

- (Kernel)kernel {
  return kernel_;
}

@end
