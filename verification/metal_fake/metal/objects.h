// The fake's classes behind Metal's protocols. Objective-C++, for the fake's own sources.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#import <Metal/Metal.h>

#include "metal_fake/metal/gpu.h"

NS_ASSUME_NONNULL_BEGIN

namespace cbr::metal_fake {

/// A buffer or bytes bound at an index.
struct Binding {
  std::span<std::byte> bytes;
  /// Keeps what bytes refers to if nothing else does.
  std::shared_ptr<std::vector<std::byte>> copy;
};

/// The memory behind a GPU address: of a living buffer, to its end.
struct AddressedMemory {
  std::span<std::byte> bytes;
  UseCount use;
};
std::optional<AddressedMemory> find_memory(MTLGPUAddress address);

/// A dispatch of `kernel` as a command.
Command dispatch_command(const Kernel& kernel, std::vector<Binding> bindings, MTLSize threadgroups,
                         MTLSize threads_per_threadgroup, std::size_t encoder);
/// Ends the process if a dispatch of this shape would be refused.
void require_dispatch(bool pipeline_is_set, MTLSize threadgroups, MTLSize threads_per_threadgroup,
                      const char* method);

}  // namespace cbr::metal_fake

/// Something that command buffers use without retaining it. Its end while one does is an error.
@interface FakeResource : NSObject {
 @public
  cbr::metal_fake::UseCount use_;
}
@end

@interface FakeDevice : NSObject <MTLDevice>
@end

@interface FakeBuffer : FakeResource <MTLBuffer>
- (instancetype)initWithLength:(NSUInteger)length options:(MTLResourceOptions)options;
@property(readonly) std::span<std::byte> bytes;
@end

@interface FakePipeline : FakeResource <MTLComputePipelineState>
- (instancetype)initWithKernel:(cbr::metal_fake::Kernel)kernel;
@property(readonly) cbr::metal_fake::Kernel kernel;
@end

/// An event of one device, or with none a shared one.
@interface FakeEvent : FakeResource <MTLEvent>
- (instancetype)initWithDevice:(nullable id<MTLDevice>)device;
@property(readonly) std::shared_ptr<cbr::metal_fake::EventState> state;
/// Ends the process if a queue of this device can't use it.
- (void)requireDevice:(id<MTLDevice>)device method:(const char*)method;
@end

@interface FakeSharedEvent : FakeEvent <MTLSharedEvent>
@end

@interface FakeLibrary : NSObject <MTLLibrary>
- (instancetype)initWithSource:(std::string)source;
@end

@interface FakeFunction : NSObject <MTLFunction>
- (instancetype)initWithName:(NSString*)name kernel:(cbr::metal_fake::Kernel)kernel;
@property(readonly) cbr::metal_fake::Kernel kernel;
@end

@interface FakeCommandQueue : NSObject <MTLCommandQueue>
- (instancetype)initWithDevice:(id<MTLDevice>)device maximum:(NSUInteger)maximum;
/// A command buffer that counted as uncompleted no longer does.
- (void)bufferCompleted;
@property(readonly) std::shared_ptr<cbr::metal_fake::QueueState> state;
@end

namespace cbr::metal_fake {

/// What a Metal 3 command buffer is. Apart from its object, since the handlers of a buffer that was
/// dropped get another object for it.
struct CommandBufferState {
  FakeCommandQueue* queue = nil;
  bool retained = true;
  NSUInteger error_options = 0;

  std::mutex mutex;
  // All below under the mutex.
  std::condition_variable handlers_ran;
  bool handlers_done = false;
  MTLCommandBufferStatus status = MTLCommandBufferStatusNotEnqueued;
  NSError* _Nullable error = nil;
  NSString* _Nullable label = nil;
  double start = 0;
  double end = 0;
  bool encoder_open = false;
  std::vector<std::string> encoder_labels;
  std::vector<MTLCommandBufferHandler> scheduled_handlers;
  std::vector<MTLCommandBufferHandler> completed_handlers;
  std::vector<id> references;
  std::shared_ptr<Submission> submission = std::make_shared<Submission>();
};

}  // namespace cbr::metal_fake

@interface FakeCommandBuffer : NSObject <MTLCommandBuffer>
- (instancetype)initWithState:(std::shared_ptr<cbr::metal_fake::CommandBufferState>)state
                        ghost:(BOOL)ghost;
/// For the buffer's encoders: a command, and what it uses.
- (void)append:(cbr::metal_fake::Command)command;
- (void)use:(FakeResource*)resource;
- (void)endEncoder:(std::size_t)encoder label:(nullable NSString*)label;
/// It will fail.
- (void)failWith:(const cbr::metal_fake::Fault&)fault;
@end

@interface FakeComputeEncoder : NSObject <MTLComputeCommandEncoder>
- (instancetype)initWithBuffer:(FakeCommandBuffer*)buffer index:(std::size_t)index;
@end

NS_ASSUME_NONNULL_END
