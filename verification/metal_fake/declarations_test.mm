// The numbers in the stub headers are Apple's: the backend's compiled code carries them.
#import <Metal/Metal.h>
#include <gtest/gtest.h>

namespace {

TEST(Declarations, StatusesHaveApplesNumbers) {
  EXPECT_EQ(MTLCommandBufferStatusNotEnqueued, 0U);
  EXPECT_EQ(MTLCommandBufferStatusEnqueued, 1U);
  EXPECT_EQ(MTLCommandBufferStatusCommitted, 2U);
  EXPECT_EQ(MTLCommandBufferStatusScheduled, 3U);
  EXPECT_EQ(MTLCommandBufferStatusCompleted, 4U);
  EXPECT_EQ(MTLCommandBufferStatusError, 5U);
}

TEST(Declarations, ErrorsHaveApplesNumbers) {
  EXPECT_EQ(MTLCommandBufferErrorNone, 0U);
  EXPECT_EQ(MTLCommandBufferErrorInternal, 1U);
  EXPECT_EQ(MTLCommandBufferErrorTimeout, 2U);
  EXPECT_EQ(MTLCommandBufferErrorPageFault, 3U);
  EXPECT_EQ(MTLCommandBufferErrorAccessRevoked, 4U);
  EXPECT_EQ(MTLCommandBufferErrorNotPermitted, 7U);
  EXPECT_EQ(MTLCommandBufferErrorOutOfMemory, 8U);
  EXPECT_EQ(MTLCommandBufferErrorInvalidResource, 9U);
  EXPECT_EQ(MTLCommandBufferErrorMemoryless, 10U);
  EXPECT_EQ(MTLCommandBufferErrorDeviceRemoved, 11U);
  EXPECT_EQ(MTLCommandBufferErrorStackOverflow, 12U);
  EXPECT_EQ(MTLCommandBufferErrorOptionNone, 0U);
  EXPECT_EQ(MTLCommandBufferErrorOptionEncoderExecutionStatus, 1U);
}

TEST(Declarations, EncoderStatesHaveApplesNumbers) {
  EXPECT_EQ(MTLCommandEncoderErrorStateUnknown, 0);
  EXPECT_EQ(MTLCommandEncoderErrorStateCompleted, 1);
  EXPECT_EQ(MTLCommandEncoderErrorStateAffected, 2);
  EXPECT_EQ(MTLCommandEncoderErrorStatePending, 3);
  EXPECT_EQ(MTLCommandEncoderErrorStateFaulted, 4);
}

TEST(Declarations, Metal4sErrorsHaveApplesNumbers) {
  EXPECT_EQ(MTL4CommandQueueErrorNone, 0);
  EXPECT_EQ(MTL4CommandQueueErrorTimeout, 1);
  EXPECT_EQ(MTL4CommandQueueErrorNotPermitted, 2);
  EXPECT_EQ(MTL4CommandQueueErrorOutOfMemory, 3);
  EXPECT_EQ(MTL4CommandQueueErrorDeviceRemoved, 4);
  EXPECT_EQ(MTL4CommandQueueErrorAccessRevoked, 5);
  EXPECT_EQ(MTL4CommandQueueErrorInternal, 6);
}

TEST(Declarations, FamiliesHaveApplesNumbers) {
  EXPECT_EQ(MTLGPUFamilyMetal3, 5001);
  EXPECT_EQ(MTLGPUFamilyMetal4, 5002);
}

}  // namespace
