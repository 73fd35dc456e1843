#include "backends/vulkan/device_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

namespace cbr::vulkan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
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

class ChooseDevices : public testing::Test {
 protected:
  std::vector<PhysicalDevice> devices_ = {
      device(0, "llvmpipe (LLVM 15)", "CPU"), device(1, "Intel UHD", "integrated GPU"),
      device(2, "NVIDIA H200", "discrete GPU"), device(3, "NVIDIA A2", "discrete GPU")};
  /// The indices of the chosen, in their order.
  std::vector<std::uint32_t> choose_all(const std::string& choice) {
    std::vector<std::uint32_t> indices;
    for (const PhysicalDevice& each : choose_devices(devices_, choice)) {
      indices.push_back(each.info.index);
    }
    return indices;
  }
  std::uint32_t choose(const std::string& choice) { return choose_all(choice).front(); }
};

TEST_F(ChooseDevices, ByDefaultTheFirstOfTheBestType) {
  EXPECT_EQ(choose(""), 2U);
  devices_[2].info.timeline_semaphores = false;
  EXPECT_EQ(choose(""), 3U);
  devices_.resize(2);
  EXPECT_EQ(choose(""), 1U);
}

TEST_F(ChooseDevices, ByIndexOrPartOfTheName) {
  EXPECT_EQ(choose("0"), 0U);
  EXPECT_EQ(choose("3"), 3U);
  EXPECT_EQ(choose("h200"), 2U);
  EXPECT_EQ(choose("NVIDIA"), 2U);
  EXPECT_EQ(choose("llvm"), 0U);
}

TEST_F(ChooseDevices, ByDefaultAllTheBestFirst) {
  EXPECT_THAT(choose_all(""), ElementsAre(2, 3, 1, 0));
  devices_[3].info.problem = "broken";
  EXPECT_THAT(choose_all(""), ElementsAre(2, 1, 0));
  // What lacks parts of Vulkan comes after its like, not after what is slower.
  devices_[2].portability_subset = true;
  devices_[3].info.problem = "";
  EXPECT_THAT(choose_all(""), ElementsAre(3, 2, 1, 0));
}

TEST_F(ChooseDevices, AnIndexMeansOneAndANameAllThatHaveIt) {
  EXPECT_THAT(choose_all("3"), ElementsAre(3));
  EXPECT_THAT(choose_all("nvidia"), ElementsAre(2, 3));
  devices_[2].info.problem = "broken";
  EXPECT_THAT(choose_all("nvidia"), ElementsAre(3));
  EXPECT_THAT([&] { choose("2"); },
              ThrowsMessage<BackendError>("device 2 (NVIDIA H200) can't be used: broken"));
}

TEST_F(ChooseDevices, DigitsThatAreNoIndexArePartOfAName) {
  devices_[1].info.name = "GeForce RTX 4090";
  EXPECT_EQ(choose("4090"), 1U);
  EXPECT_EQ(choose("15"), 0U);
  EXPECT_EQ(choose("200"), 2U);
  // An index it is, whatever the names.
  devices_[3].info.name = "Model 1";
  EXPECT_EQ(choose("1"), 1U);
  devices_.resize(1);
  devices_[0].info.name = "Model 99999999999";
  EXPECT_EQ(choose("99999999999"), 0U);
  EXPECT_EQ(choose("9"), 0U);
}

TEST_F(ChooseDevices, AnUnknownChoiceListsWhatThereIs) {
  for (const char* choice : {"4", "radeon", "99999999999", "-1"}) {
    EXPECT_THAT([&] { choose(choice); },
                ThrowsMessage<BackendError>(
                    AllOf(HasSubstr("no Vulkan device '" + std::string(choice) + "'"),
                          HasSubstr("0 (llvmpipe (LLVM 15)), 1 (Intel UHD)"))));
  }
}

TEST_F(ChooseDevices, AnUnusableChoiceSaysWhy) {
  devices_[1].info.compute_queue = false;
  EXPECT_THAT([&] { choose("1"); },
              ThrowsMessage<BackendError>(HasSubstr("no queue that computes")));
  for (PhysicalDevice& each : devices_) each.info.compute_queue = false;
  EXPECT_THAT([&] { choose(""); },
              ThrowsMessage<BackendError>(AllOf(HasSubstr("device 0 (llvmpipe (LLVM 15)) can't"),
                                                HasSubstr("device 3 (NVIDIA A2) can't"))));
  devices_.clear();
  EXPECT_THAT([&] { choose(""); }, ThrowsMessage<BackendError>(HasSubstr("finds no device")));
}

}  // namespace
}  // namespace cbr::vulkan
