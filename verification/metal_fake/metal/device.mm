#include "metal_fake/metal/fake_settings.h"
#import "metal_fake/metal/metal4_objects.h"
#include "metal_fake/metal/violation.h"

using namespace cbr::metal_fake;

namespace {

std::mutex& device_mutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}

// The system's device is one object for as long as anybody has it.
__weak FakeDevice* default_device = nil;

NSError* library_error(const char* description) {
  return [NSError
      errorWithDomain:@"MTLLibraryErrorDomain"
                 code:3
             userInfo:@{NSLocalizedDescriptionKey : [NSString stringWithUTF8String:description]}];
}

}  // namespace

namespace {

FakeDevice* the_device() {
  const std::lock_guard lock(device_mutex());
  FakeDevice* device = default_device;
  if (device == nil) {
    device = [[FakeDevice alloc] init];
    default_device = device;
  }
  return device;
}

}  // namespace

id<MTLDevice> MTLCreateSystemDefaultDevice(void) {
  return Settings::get().refuses(Creation::device) ? nil : the_device();
}

NSArray<id<MTLDevice>>* MTLCopyAllDevices(void) {
  return Settings::get().refuses(Creation::device) ? @[] : @[ the_device() ];
}

@implementation FakeDevice

- (NSString*)name {
  return @"Fake Metal device";
}

- (BOOL)supportsFamily:(MTLGPUFamily)gpuFamily {
  constexpr int macos_26 = 2600;
  return gpuFamily == MTLGPUFamilyMetal3 ||
         (gpuFamily == MTLGPUFamilyMetal4 && Settings::get().macos_version >= macos_26);
}

- (uint64_t)registryID {
  return 0x100000cb;
}

- (id<MTLCommandQueue>)newCommandQueue {
  constexpr NSUInteger default_maximum = 64;
  return [self newCommandQueueWithMaxCommandBufferCount:default_maximum];
}

- (id<MTLCommandQueue>)newCommandQueueWithMaxCommandBufferCount:(NSUInteger)maxCommandBufferCount {
  require(maxCommandBufferCount > 0, "-[MTLDevice newCommandQueueWithMaxCommandBufferCount:]",
          "maxCommandBufferCount must be > 0");
  if (Settings::get().refuses(Creation::queue)) return nil;
  return [[FakeCommandQueue alloc] initWithDevice:self maximum:maxCommandBufferCount];
}

- (id<MTLBuffer>)newBufferWithLength:(NSUInteger)length options:(MTLResourceOptions)options {
  require(length > 0, "-[MTLDevice newBufferWithLength:options:]", "length must not be 0");
  if (Settings::get().refuses(Creation::buffer)) return nil;
  return [[FakeBuffer alloc] initWithLength:length options:options];
}

- (id<MTLLibrary>)newLibraryWithSource:(NSString*)source
                               options:(MTLCompileOptions*)options
                                 error:(__autoreleasing NSError**)error {
  (void)options;
  if (source.length == 0 || Settings::get().refuses(Creation::library)) {
    if (error != nullptr) *error = library_error("the source does not compile");
    return nil;
  }
  return [[FakeLibrary alloc] initWithSource:source.UTF8String];
}

- (id<MTLComputePipelineState>)newComputePipelineStateWithFunction:(id<MTLFunction>)computeFunction
                                                             error:
                                                                 (__autoreleasing NSError**)error {
  require(computeFunction != nil, "-[MTLDevice newComputePipelineStateWithFunction:error:]",
          "computeFunction must not be nil.");
  if (Settings::get().refuses(Creation::pipeline)) {
    if (error != nullptr) *error = library_error("the function cannot be made a pipeline");
    return nil;
  }
  return [[FakePipeline alloc] initWithKernel:((FakeFunction*)computeFunction).kernel];
}

- (id<MTLSharedEvent>)newSharedEvent {
  if (Settings::get().refuses(Creation::event)) return nil;
  return [[FakeSharedEvent alloc] initWithDevice:nil];
}

- (id<MTLEvent>)newEvent {
  if (Settings::get().refuses(Creation::event)) return nil;
  return [[FakeEvent alloc] initWithDevice:self];
}

- (id<MTLResidencySet>)newResidencySetWithDescriptor:(MTLResidencySetDescriptor*)desc
                                               error:(__autoreleasing NSError**)error {
  (void)desc;
  if (Settings::get().refuses(Creation::residency_set)) {
    if (error != nullptr) *error = library_error("the residency set cannot be made");
    return nil;
  }
  return [[FakeResidencySet alloc] init];
}

// Metal 4. On an older system the device does not have these methods.

- (void)requireMetal4:(const char*)method {
  constexpr int macos_26 = 2600;
  require(Settings::get().macos_version >= macos_26, method,
          "unrecognized selector: Metal 4 needs macOS 26");
}

- (id<MTL4CommandQueue>)newMTL4CommandQueue {
  [self requireMetal4:"-[MTLDevice newMTL4CommandQueue]"];
  if (Settings::get().refuses(Creation::queue)) return nil;
  return [[Fake4CommandQueue alloc] initWithDevice:self];
}

- (id<MTL4CommandAllocator>)newCommandAllocator {
  [self requireMetal4:"-[MTLDevice newCommandAllocator]"];
  if (Settings::get().refuses(Creation::allocator)) return nil;
  return [[Fake4CommandAllocator alloc] initWithDevice:self];
}

- (id<MTL4CommandBuffer>)newCommandBuffer {
  [self requireMetal4:"-[MTLDevice newCommandBuffer]"];
  if (Settings::get().refuses(Creation::command_buffer)) return nil;
  return [[Fake4CommandBuffer alloc] initWithDevice:self];
}

- (id<MTL4ArgumentTable>)newArgumentTableWithDescriptor:(MTL4ArgumentTableDescriptor*)descriptor
                                                  error:(__autoreleasing NSError**)error {
  [self requireMetal4:"-[MTLDevice newArgumentTableWithDescriptor:error:]"];
  if (Settings::get().refuses(Creation::argument_table)) {
    if (error != nullptr) *error = library_error("the argument table cannot be made");
    return nil;
  }
  return [[Fake4ArgumentTable alloc] initWithCount:descriptor.maxBufferBindCount];
}

@end
