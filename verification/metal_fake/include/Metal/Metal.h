// The declarations of Apple's Metal that the Metal backend and its tests use, spelled as Apple
// spells them (macOS 26 SDK). verification/metal_fake/metal implements them.
#pragma once

#import <Foundation/Foundation.h>

#define MTL_EXTERN extern "C"
#define MTL_EXPORT

NS_ASSUME_NONNULL_BEGIN

@protocol MTLBuffer;
@protocol MTLCommandBuffer;
@protocol MTLCommandQueue;
@protocol MTLComputeCommandEncoder;
@protocol MTLComputePipelineState;
@protocol MTLDevice;
@protocol MTLEvent;
@protocol MTLFunction;
@protocol MTLLibrary;
@protocol MTLResidencySet;
@protocol MTLSharedEvent;
@protocol MTL4ArgumentTable;
@protocol MTL4CommandAllocator;
@protocol MTL4CommandBuffer;
@protocol MTL4CommandQueue;
@protocol MTL4CommitFeedback;
@protocol MTL4ComputeCommandEncoder;
@class MTLCommandBufferDescriptor;
@class MTLCompileOptions;
@class MTLResidencySetDescriptor;
@class MTL4ArgumentTableDescriptor;
@class MTL4CommitOptions;

// MTLTypes.h, MTLGPUAddress.h

typedef struct {
  NSUInteger width;
  NSUInteger height;
  NSUInteger depth;
} MTLSize;

static inline MTLSize MTLSizeMake(NSUInteger width, NSUInteger height, NSUInteger depth) {
  MTLSize size;
  size.width = width;
  size.height = height;
  size.depth = depth;
  return size;
}

typedef uint64_t MTLGPUAddress API_AVAILABLE(macos(26.0), ios(26.0));

// MTLAllocation.h, MTLResource.h, MTLBuffer.h

typedef NS_OPTIONS(NSUInteger, MTLResourceOptions) {
  MTLResourceStorageModeShared = 0,
  MTLResourceStorageModePrivate = 2 << 4,
};

API_AVAILABLE(macos(15.0), ios(18.0))
@protocol MTLAllocation <NSObject>
@end

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLResource <MTLAllocation>
@property(nullable, copy, atomic) NSString* label;
@end

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLBuffer <MTLResource>
@property(readonly) NSUInteger length;
- (void*)contents NS_RETURNS_INNER_POINTER;
@property(readonly) MTLGPUAddress gpuAddress API_AVAILABLE(macos(13.0), ios(16.0));
@end

// MTLResidencySet.h

API_AVAILABLE(macos(15.0), ios(18.0))
@interface MTLResidencySetDescriptor : NSObject <NSCopying>
@property(nullable, copy, nonatomic) NSString* label;
@end

API_AVAILABLE(macos(15.0), ios(18.0))
@protocol MTLResidencySet <NSObject>
- (void)addAllocation:(id<MTLAllocation>)allocation;
- (void)removeAllocation:(id<MTLAllocation>)allocation;
- (void)commit;
@end

// MTLLibrary.h, MTLComputePipeline.h

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLFunction <NSObject>
@property(readonly) NSString* name;
@end

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLLibrary <NSObject>
- (nullable id<MTLFunction>)newFunctionWithName:(NSString*)functionName;
@end

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLComputePipelineState <NSObject>
@property(readonly) NSUInteger maxTotalThreadsPerThreadgroup;
@end

// MTLEvent.h

API_AVAILABLE(macos(10.14), ios(12.0))
@protocol MTLEvent <NSObject>
@property(nullable, readonly) id<MTLDevice> device;
@property(nullable, copy, atomic) NSString* label;
@end

API_AVAILABLE(macos(10.14), ios(12.0))
@protocol MTLSharedEvent <MTLEvent>
@property(readwrite) uint64_t signaledValue;
@end

// MTLDevice.h

MTL_EXTERN id<MTLDevice> _Nullable MTLCreateSystemDefaultDevice(void) NS_RETURNS_RETAINED;
MTL_EXTERN NSArray<id<MTLDevice>>* MTLCopyAllDevices(void) NS_RETURNS_RETAINED;

typedef NS_ENUM(NSInteger, MTLGPUFamily) {
  MTLGPUFamilyMetal3 = 5001,
  MTLGPUFamilyMetal4 = 5002,
} API_AVAILABLE(macos(10.15), ios(13.0));

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLDevice <NSObject>
@property(readonly) NSString* name;
@property(readonly) uint64_t registryID API_AVAILABLE(macos(10.13), ios(11.0));
- (BOOL)supportsFamily:(MTLGPUFamily)gpuFamily API_AVAILABLE(macos(10.15), ios(13.0));
- (nullable id<MTLCommandQueue>)newCommandQueue;
- (nullable id<MTLCommandQueue>)newCommandQueueWithMaxCommandBufferCount:
    (NSUInteger)maxCommandBufferCount;
- (nullable id<MTLBuffer>)newBufferWithLength:(NSUInteger)length
                                      options:(MTLResourceOptions)options;
- (nullable id<MTLLibrary>)newLibraryWithSource:(NSString*)source
                                        options:(nullable MTLCompileOptions*)options
                                          error:(__autoreleasing NSError** _Nullable)error;
- (nullable id<MTLComputePipelineState>)
    newComputePipelineStateWithFunction:(id<MTLFunction>)computeFunction
                                  error:(__autoreleasing NSError** _Nullable)error;
- (nullable id<MTLEvent>)newEvent API_AVAILABLE(macos(10.14), ios(12.0));
- (nullable id<MTLSharedEvent>)newSharedEvent API_AVAILABLE(macos(10.14), ios(12.0));
- (nullable id<MTLResidencySet>)
    newResidencySetWithDescriptor:(MTLResidencySetDescriptor*)desc
                            error:(__autoreleasing NSError* _Nullable* _Nullable)error
    API_AVAILABLE(macos(15.0), ios(18.0));
- (nullable id<MTL4CommandQueue>)newMTL4CommandQueue API_AVAILABLE(macos(26.0), ios(26.0));
- (nullable id<MTL4CommandAllocator>)newCommandAllocator API_AVAILABLE(macos(26.0), ios(26.0));
- (nullable id<MTL4CommandBuffer>)newCommandBuffer API_AVAILABLE(macos(26.0), ios(26.0));
- (nullable id<MTL4ArgumentTable>)
    newArgumentTableWithDescriptor:(MTL4ArgumentTableDescriptor*)descriptor
                             error:(__autoreleasing NSError* _Nullable* _Nullable)error
    API_AVAILABLE(macos(26.0), ios(26.0));
@end

// MTLCommandBuffer.h

typedef NS_ENUM(NSUInteger, MTLCommandBufferStatus) {
  MTLCommandBufferStatusNotEnqueued = 0,
  MTLCommandBufferStatusEnqueued = 1,
  MTLCommandBufferStatusCommitted = 2,
  MTLCommandBufferStatusScheduled = 3,
  MTLCommandBufferStatusCompleted = 4,
  MTLCommandBufferStatusError = 5,
} API_AVAILABLE(macos(10.11), ios(8.0));

API_AVAILABLE(macos(10.11), ios(8.0))
MTL_EXTERN NSErrorDomain const MTLCommandBufferErrorDomain;

typedef NS_ENUM(NSUInteger, MTLCommandBufferError) {
  MTLCommandBufferErrorNone = 0,
  MTLCommandBufferErrorInternal = 1,
  MTLCommandBufferErrorTimeout = 2,
  MTLCommandBufferErrorPageFault = 3,
  MTLCommandBufferErrorAccessRevoked = 4,
  MTLCommandBufferErrorNotPermitted = 7,
  MTLCommandBufferErrorOutOfMemory = 8,
  MTLCommandBufferErrorInvalidResource = 9,
  MTLCommandBufferErrorMemoryless = 10,
  MTLCommandBufferErrorDeviceRemoved = 11,
  MTLCommandBufferErrorStackOverflow = 12,
} API_AVAILABLE(macos(10.11), ios(8.0));

API_AVAILABLE(macos(11.0), ios(14.0))
MTL_EXTERN NSErrorUserInfoKey const MTLCommandBufferEncoderInfoErrorKey;

typedef NS_OPTIONS(NSUInteger, MTLCommandBufferErrorOption) {
  MTLCommandBufferErrorOptionNone = 0,
  MTLCommandBufferErrorOptionEncoderExecutionStatus = 1 << 0,
} API_AVAILABLE(macos(11.0), ios(14.0));

typedef NS_ENUM(NSInteger, MTLCommandEncoderErrorState) {
  MTLCommandEncoderErrorStateUnknown = 0,
  MTLCommandEncoderErrorStateCompleted = 1,
  MTLCommandEncoderErrorStateAffected = 2,
  MTLCommandEncoderErrorStatePending = 3,
  MTLCommandEncoderErrorStateFaulted = 4,
} API_AVAILABLE(macos(11.0), ios(14.0));

MTL_EXPORT API_AVAILABLE(macos(11.0), ios(14.0)) @interface MTLCommandBufferDescriptor
    : NSObject<NSCopying>
@property(readwrite, nonatomic) BOOL retainedReferences;
@property(readwrite, nonatomic) MTLCommandBufferErrorOption errorOptions;
@end

API_AVAILABLE(macos(11.0), ios(14.0))
@protocol MTLCommandBufferEncoderInfo <NSObject>
@property(readonly, nonatomic) NSString* label;
@property(readonly, nonatomic) MTLCommandEncoderErrorState errorState;
@end

typedef void (^NS_SWIFT_SENDABLE MTLCommandBufferHandler)(id<MTLCommandBuffer>);

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLCommandBuffer <NSObject>
@property(readonly) id<MTLDevice> device;
@property(readonly) id<MTLCommandQueue> commandQueue;
@property(readonly) BOOL retainedReferences;
@property(nullable, copy, atomic) NSString* label;
@property(readonly) CFTimeInterval GPUStartTime API_AVAILABLE(macos(10.15), ios(10.3));
@property(readonly) CFTimeInterval GPUEndTime API_AVAILABLE(macos(10.15), ios(10.3));
- (void)enqueue;
- (void)commit;
- (void)addScheduledHandler:(MTLCommandBufferHandler)block;
- (void)addCompletedHandler:(MTLCommandBufferHandler)block;
- (void)waitUntilCompleted;
@property(readonly) MTLCommandBufferStatus status;
@property(nullable, readonly) NSError* error;
- (nullable id<MTLComputeCommandEncoder>)computeCommandEncoder;
- (void)encodeWaitForEvent:(id<MTLEvent>)event
                     value:(uint64_t)value API_AVAILABLE(macos(10.14), ios(12.0));
- (void)encodeSignalEvent:(id<MTLEvent>)event
                    value:(uint64_t)value API_AVAILABLE(macos(10.14), ios(12.0));
@end

// MTLCommandQueue.h

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLCommandQueue <NSObject>
@property(nullable, copy, atomic) NSString* label;
@property(readonly) id<MTLDevice> device;
- (nullable id<MTLCommandBuffer>)commandBuffer;
- (nullable id<MTLCommandBuffer>)commandBufferWithDescriptor:(MTLCommandBufferDescriptor*)descriptor
    API_AVAILABLE(macos(11.0), ios(14.0));
- (nullable id<MTLCommandBuffer>)commandBufferWithUnretainedReferences;
@end

// MTLCommandEncoder.h, MTLComputeCommandEncoder.h

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLCommandEncoder <NSObject>
@property(readonly) id<MTLDevice> device;
@property(nullable, copy, atomic) NSString* label;
- (void)endEncoding;
@end

API_AVAILABLE(macos(10.11), ios(8.0))
@protocol MTLComputeCommandEncoder <MTLCommandEncoder>
- (void)setComputePipelineState:(id<MTLComputePipelineState>)state;
- (void)setBytes:(const void*)bytes
          length:(NSUInteger)length
         atIndex:(NSUInteger)index API_AVAILABLE(macos(10.11), ios(8.3));
- (void)setBuffer:(nullable id<MTLBuffer>)buffer
           offset:(NSUInteger)offset
          atIndex:(NSUInteger)index;
- (void)dispatchThreadgroups:(MTLSize)threadgroupsPerGrid
       threadsPerThreadgroup:(MTLSize)threadsPerThreadgroup;
@end

// MTL4CommandAllocator.h

API_AVAILABLE(macos(26.0), ios(26.0))
@protocol MTL4CommandAllocator <NSObject>
@property(readonly) id<MTLDevice> device;
@property(nullable, readonly) NSString* label;
- (void)reset;
@end

// MTL4ArgumentTable.h

MTL_EXPORT API_AVAILABLE(macos(26.0), ios(26.0)) @interface MTL4ArgumentTableDescriptor
    : NSObject<NSCopying>
@property(readwrite, nonatomic) NSUInteger maxBufferBindCount;
@end

API_AVAILABLE(macos(26.0), ios(26.0))
@protocol MTL4ArgumentTable <NSObject>
- (void)setAddress:(MTLGPUAddress)gpuAddress atIndex:(NSUInteger)bindingIndex;
@end

// MTL4CommandBuffer.h

API_AVAILABLE(macos(26.0), ios(26.0))
@protocol MTL4CommandBuffer <NSObject>
@property(readonly) id<MTLDevice> device;
@property(nullable, copy, atomic) NSString* label;
- (void)beginCommandBufferWithAllocator:(id<MTL4CommandAllocator>)allocator;
- (void)endCommandBuffer;
- (nullable id<MTL4ComputeCommandEncoder>)computeCommandEncoder;
- (void)useResidencySet:(id<MTLResidencySet>)residencySet;
@end

// MTL4CommandEncoder.h, MTL4ComputeCommandEncoder.h

typedef NS_OPTIONS(NSUInteger, MTLStages) {
  MTLStageDispatch = (1UL << 27),
} API_AVAILABLE(macos(26.0), ios(26.0));

typedef NS_OPTIONS(NSUInteger, MTL4VisibilityOptions) {
  MTL4VisibilityOptionDevice = 1 << 0,
} API_AVAILABLE(macos(26.0), ios(26.0));

API_AVAILABLE(macos(26.0), ios(26.0))
@protocol MTL4CommandEncoder <NSObject>
@property(nullable, copy, atomic) NSString* label;
- (void)barrierAfterQueueStages:(MTLStages)afterQueueStages
                   beforeStages:(MTLStages)beforeStages
              visibilityOptions:(MTL4VisibilityOptions)visibilityOptions;
- (void)barrierAfterEncoderStages:(MTLStages)afterEncoderStages
              beforeEncoderStages:(MTLStages)beforeEncoderStages
                visibilityOptions:(MTL4VisibilityOptions)visibilityOptions;
- (void)endEncoding;
@end

API_AVAILABLE(macos(26.0), ios(26.0))
@protocol MTL4ComputeCommandEncoder <MTL4CommandEncoder>
- (void)setComputePipelineState:(id<MTLComputePipelineState>)state;
- (void)dispatchThreadgroups:(MTLSize)threadgroupsPerGrid
       threadsPerThreadgroup:(MTLSize)threadsPerThreadgroup;
- (void)setArgumentTable:(nullable id<MTL4ArgumentTable>)argumentTable;
@end

// MTL4CommitFeedback.h

typedef void (^NS_SWIFT_SENDABLE MTL4CommitFeedbackHandler)(id<MTL4CommitFeedback> commitFeedback)
    API_AVAILABLE(macos(26.0), ios(26.0));

API_AVAILABLE(macos(26.0), ios(26.0))
@protocol MTL4CommitFeedback <NSObject>
@property(readonly, nonatomic, nullable) NSError* error;
@property(readonly, nonatomic) CFTimeInterval GPUStartTime;
@property(readonly, nonatomic) CFTimeInterval GPUEndTime;
@end

// MTL4CommandQueue.h

typedef NS_ENUM(NSInteger, MTL4CommandQueueError) {
  MTL4CommandQueueErrorNone = 0,
  MTL4CommandQueueErrorTimeout = 1,
  MTL4CommandQueueErrorNotPermitted = 2,
  MTL4CommandQueueErrorOutOfMemory = 3,
  MTL4CommandQueueErrorDeviceRemoved = 4,
  MTL4CommandQueueErrorAccessRevoked = 5,
  MTL4CommandQueueErrorInternal = 6,
} API_AVAILABLE(macos(26.0), ios(26.0));

API_AVAILABLE(macos(26.0), ios(26.0))
MTL_EXTERN NSErrorDomain const MTL4CommandQueueErrorDomain;

MTL_EXPORT API_AVAILABLE(macos(26.0), ios(26.0)) @interface MTL4CommitOptions : NSObject
- (void)addFeedbackHandler:(MTL4CommitFeedbackHandler)block;
@end

API_AVAILABLE(macos(26.0), ios(26.0))
@protocol MTL4CommandQueue <NSObject>
@property(readonly) id<MTLDevice> device;
@property(readonly, nullable) NSString* label;
- (void)commit:(const id<MTL4CommandBuffer> _Nonnull[_Nonnull])commandBuffers
         count:(NSUInteger)count;
- (void)commit:(const id<MTL4CommandBuffer> _Nonnull[_Nonnull])commandBuffers
         count:(NSUInteger)count
       options:(MTL4CommitOptions*)options;
- (void)signalEvent:(id<MTLEvent>)event value:(uint64_t)value;
- (void)waitForEvent:(id<MTLEvent>)event value:(uint64_t)value;
- (void)addResidencySet:(id<MTLResidencySet>)residencySet;
@end

NS_ASSUME_NONNULL_END
