// The fake's classes behind Metal 4's protocols.
#pragma once

#include <set>

#import "metal_fake/metal/objects.h"

NS_ASSUME_NONNULL_BEGIN

namespace cbr::metal_fake {

/// The committed content of a residency set: memory by its count of uses, which is its own.
struct ResidentMemory {
  std::mutex mutex;
  std::set<UseCount> committed;
};

/// What a command buffer records between begin and commit.
struct Recording {
  std::vector<Command> commands;
  std::vector<UseCount> uses;
  std::size_t encoders = 0;
  std::optional<Fault> fault;
  /// The memory that dispatches reach through addresses, and what makes it resident.
  std::vector<UseCount> addressed;
  std::vector<std::shared_ptr<ResidentMemory>> residency;
};

}  // namespace cbr::metal_fake

@interface FakeResidencySet : NSObject <MTLResidencySet>
@property(readonly) std::shared_ptr<cbr::metal_fake::ResidentMemory> memory;
@end

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
/// Memory that a dispatch reaches through an address.
- (void)address:(cbr::metal_fake::UseCount)memory;
- (void)endEncoder;
/// What is being recorded will fail.
- (void)failWith:(const cbr::metal_fake::Fault&)fault;
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
