#include "backends/vulkan/device_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

namespace cbr::vulkan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

PhysicalDevice device(std::uint32_t index, const char* name, const char* type) {
  PhysicalDevice device;
  device.info.index = index;
  device.info.name = name;
  device.info.type = type;
  device.info.timeline_semaphores = true;
  device.info.compute_queue = true;
  return device;
}

class ChooseDevice : public testing::Test {
 protected:
  std::vector<PhysicalDevice> devices_ = {
      device(0, "llvmpipe (LLVM 15)", "CPU"), device(1, "Intel UHD", "integrated GPU"),
      device(2, "NVIDIA H200", "discrete GPU"), device(3, "NVIDIA A2", "discrete GPU")};
  std::uint32_t choose(const std::string& choice) {
    return choose_device(devices_, choice).info.index;
  }
};

TEST_F(ChooseDevice, ByDefaultTheFirstOfTheBestType) {
  EXPECT_EQ(choose(""), 2U);
  devices_[2].info.timeline_semaphores = false;
  EXPECT_EQ(choose(""), 3U);
  devices_.resize(2);
  EXPECT_EQ(choose(""), 1U);
}

TEST_F(ChooseDevice, ByIndexOrPartOfTheName) {
  EXPECT_EQ(choose("0"), 0U);
  EXPECT_EQ(choose("3"), 3U);
  EXPECT_EQ(choose("h200"), 2U);
  EXPECT_EQ(choose("NVIDIA"), 2U);
  EXPECT_EQ(choose("llvm"), 0U);
}

TEST_F(ChooseDevice, AnUnknownChoiceListsWhatThereIs) {
  for (const char* choice : {"4", "radeon", "99999999999", "-1"}) {
    EXPECT_THAT([&] { choose(choice); },
                ThrowsMessage<BackendError>(
                    AllOf(HasSubstr("no Vulkan device '" + std::string(choice) + "'"),
                          HasSubstr("0 (llvmpipe (LLVM 15)), 1 (Intel UHD)"))));
  }
}

TEST_F(ChooseDevice, AnUnusableChoiceSaysWhy) {
  devices_[1].info.compute_queue = false;
  EXPECT_THAT([&] { choose("1"); },
              ThrowsMessage<BackendError>(HasSubstr("no queue that computes")));
  devices_.clear();
  EXPECT_THAT([&] { choose(""); }, ThrowsMessage<BackendError>(HasSubstr("finds no device")));
}

}  // namespace
}  // namespace cbr::vulkan
