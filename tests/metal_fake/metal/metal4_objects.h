// The fake's classes behind Metal 4's protocols.
#pragma once

#import "metal_fake/metal/objects.h"

NS_ASSUME_NONNULL_BEGIN

namespace cbr::metal_fake {

/// What a command buffer records between begin and commit.
struct Recording {
  std::vector<Command> commands;
  std::vector<UseCount> uses;
  std::size_t encoders = 0;
};

}  // namespace cbr::metal_fake

@interface Fake4CommandAllocator : NSObject <MTL4CommandAllocator>
- (instancetype)initWithDevice:(id<MTLDevice>)device;
/// A command buffer begins or ends recording; one at a time.
- (void)beginRecording;
- (void)endRecording;
/// Counts what was committed and has not completed.
@property(readonly) cbr::metal_fake::UseCount uncompleted;
/// How often it was reset: what was recorded before a reset is gone.
@property(readonly) std::size_t resets;
@end

@interface Fake4CommandBuffer : NSObject <MTL4CommandBuffer>
- (instancetype)initWithDevice:(id<MTLDevice>)device;
/// Takes what was recorded, for a commit.
- (cbr::metal_fake::Recording)takeRecording;
@property(readonly) BOOL recording;
- (void)append:(cbr::metal_fake::Command)command;
- (void)use:(cbr::metal_fake::UseCount)use;
- (void)endEncoder;
@end

@interface Fake4ComputeEncoder : NSObject <MTL4ComputeCommandEncoder>
- (instancetype)initWithBuffer:(Fake4CommandBuffer*)buffer index:(std::size_t)index;
@end

@interface Fake4ArgumentTable : NSObject <MTL4ArgumentTable>
- (instancetype)initWithCount:(NSUInteger)count;
@property(readonly) std::vector<MTLGPUAddress> addresses;
@end

@interface Fake4CommandQueue : NSObject <MTL4CommandQueue>
- (instancetype)initWithDevice:(id<MTLDevice>)device;
@end

NS_ASSUME_NONNULL_END
