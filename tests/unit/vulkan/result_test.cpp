#include "backends/vulkan/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

namespace cbr::vulkan {
namespace {

using testing::StrEq;
using testing::ThrowsMessage;

TEST(Result, SuccessPasses) {
  EXPECT_NO_THROW(check(VK_SUCCESS, "vkX"));
}

TEST(Result, AFailureNamesCallAndCode) {
  EXPECT_THAT([] { check(VK_ERROR_OUT_OF_DEVICE_MEMORY, "vkAllocateMemory"); },
              ThrowsMessage<BackendError>(
                  StrEq("vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY")));
  EXPECT_EQ(result_name(static_cast<VkResult>(-77)), "VkResult -77");
}

TEST(Result, ALostDeviceIsAnErrorOfItsOwn) {
  EXPECT_THROW(check(VK_ERROR_DEVICE_LOST, "vkQueueSubmit"), DeviceLost);
}

}  // namespace
}  // namespace cbr::vulkan
