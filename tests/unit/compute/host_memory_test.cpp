#include "compute/host_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "compute/limits.h"
#include "compute/recorder.h"
#include "compute/transfer.h"
#include "support/vulkan_fixture.h"
#include "support/vulkan_shim.h"

namespace cbr::compute {
namespace {

using test::validated_device;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

/// Whole pages, of which a test takes a part.
class HostMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!validated_device()->info().external_memory_host) {
      GTEST_SKIP() << validated_device()->info().name << " lacks VK_EXT_external_memory_host";
    }
  }

  /// `size` bytes from byte `offset` of the first page on.
  [[nodiscard]] HostMemory memory(std::size_t offset, std::size_t size) const {
    return {.bytes = std::span(pages_.get() + offset, size), .owner = pages_};
  }

  static constexpr std::size_t room = std::size_t{1} << 18;
  std::shared_ptr<std::byte> pages_{static_cast<std::byte*>(std::aligned_alloc(room / 4, room)),
                                    std::free};
};

/// A device with the shim between, which is undone at the end.
class RefusedMemoryTest : public HostMemoryTest {
 public:
  ~RefusedMemoryTest() override {
    device_.reset();
    shim_.reset();
  }

 protected:
  RefusedMemoryTest() { shim_.reset(); }
  void SetUp() override {
    HostMemoryTest::SetUp();
    if (!IsSkipped()) device_ = test::VulkanShim::wrap(*validated_device());
  }

  test::VulkanShim& shim_ = test::VulkanShim::get();
  std::shared_ptr<vulkan::Device> device_;
};

TEST_F(HostMemoryTest, TheGpuReadsAndWritesTheBytesThemselves) {
  const auto device = validated_device();
  const HostMemory from = memory(16, 5000);
  const HostMemory to = memory(room / 2 + 4080, 5000);
  std::fill_n(pages_.get(), room, std::byte{1});
  std::fill(from.bytes.begin(), from.bytes.end(), std::byte{7});
  const SharedBuffer source = share_host_memory(device, from);
  const SharedBuffer target = share_host_memory(device, to);
  ASSERT_THAT(source.refusal, IsEmpty());
  ASSERT_THAT(target.refusal, IsEmpty());
  EXPECT_EQ(source.buffer.size(), 5000U);
  EXPECT_EQ(source.buffer.bytes().data(), from.bytes.data());
  EXPECT_EQ(source.buffer.address() % Buffer::alignment, 0U);
  CommandBufferRing ring(vulkan::make_backend(device), {.ring_size = 1});
  Lease lease = ring.acquire();
  Recorder recorder(*device, vulkan::command_buffer(lease));
  recorder.copy(source.buffer, 4, target.buffer, 100, 4000);
  const std::vector<std::byte> word(4, std::byte{9});
  recorder.update(target.buffer, 8, word);
  recorder.barrier_to_host();
  std::move(lease).submit().wait();
  std::vector<std::byte> expected(5000, std::byte{1});
  std::fill_n(expected.begin() + 100, 4000, std::byte{7});
  std::fill_n(expected.begin() + 8, 4, std::byte{9});
  EXPECT_EQ(std::vector(to.bytes.begin(), to.bytes.end()), expected);
  EXPECT_EQ(to.bytes.data()[-1], std::byte{1});
  EXPECT_EQ(to.bytes.data()[5000], std::byte{1});
  EXPECT_EQ(download(device, target.buffer, 96, 8),
            std::vector(expected.begin() + 96, expected.begin() + 104));
}

TEST_F(HostMemoryTest, KeepsTheOwnerUntilTheMemoryIsFreed) {
  auto owner = std::make_shared<int>(3);
  const std::weak_ptr<int> alive = owner;
  SharedBuffer shared = share_host_memory(
      validated_device(), {.bytes = memory(0, 64).bytes, .owner = std::move(owner)});
  ASSERT_THAT(shared.refusal, IsEmpty());
  Buffer moved(std::move(shared.buffer));
  shared = {};
  EXPECT_FALSE(alive.expired());
  moved = Buffer();
  EXPECT_TRUE(alive.expired());
}

TEST_F(HostMemoryTest, RefusesWhatKernelsCanNotAddress) {
  auto owner = std::make_shared<int>(3);
  const std::weak_ptr<int> alive = owner;
  const SharedBuffer shared = share_host_memory(
      validated_device(), {.bytes = memory(24, 64).bytes, .owner = std::move(owner)});
  EXPECT_EQ(shared.buffer.size(), 0U);
  EXPECT_THAT(shared.refusal, HasSubstr("begins 8 bytes past a multiple of 16"));
  EXPECT_TRUE(alive.expired());
}

TEST_F(RefusedMemoryTest, NamesWhatTheDriverAnswers) {
  shim_.vkAllocateMemory.replacement = [](auto...) { return VK_ERROR_OUT_OF_DEVICE_MEMORY; };
  EXPECT_THAT(share_host_memory(device_, memory(16, 64)).refusal,
              AllOf(HasSubstr("vkAllocateMemory answers VK_ERROR_OUT_OF_DEVICE_MEMORY for"),
                    HasSubstr("bytes")));
  shim_.vkGetMemoryHostPointerPropertiesEXT.replacement = [](auto...) {
    return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  };
  EXPECT_THAT(share_host_memory(device_, memory(16, 64)).refusal,
              HasSubstr("vkGetMemoryHostPointerPropertiesEXT answers"));
  EXPECT_EQ(shim_.vkCreateBuffer.calls(), shim_.vkDestroyBuffer.calls());
}

TEST_F(RefusedMemoryTest, ALostDeviceIsNoRefusal) {
  shim_.vkAllocateMemory.replacement = [](auto...) { return VK_ERROR_DEVICE_LOST; };
  EXPECT_THROW((void)share_host_memory(device_, memory(16, 64)), DeviceLost);
}

TEST_F(RefusedMemoryTest, MemoryHasToBeCoherent) {
  shim_.vkGetPhysicalDeviceMemoryProperties.replacement =
      [this](VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties* memory) {
        shim_.vkGetPhysicalDeviceMemoryProperties.next(device, memory);
        for (auto& type : memory->memoryTypes) {
          type.propertyFlags &= ~VkMemoryPropertyFlags{VK_MEMORY_PROPERTY_HOST_COHERENT_BIT};
        }
      };
  EXPECT_THAT(share_host_memory(device_, memory(16, 64)).refusal, HasSubstr("no coherent memory"));
}

TEST_F(RefusedMemoryTest, ATypeOfMemoryHasToTakeBoth) {
  shim_.vkGetMemoryHostPointerPropertiesEXT.replacement =
      [](VkDevice, VkExternalMemoryHandleTypeFlagBits, const void*,
         VkMemoryHostPointerPropertiesEXT* properties) {
        properties->memoryTypeBits = 0;
        return VK_SUCCESS;
      };
  EXPECT_THAT(share_host_memory(device_, memory(16, 64)).refusal,
              HasSubstr("types 0x0 take the memory"));
}

TEST_F(RefusedMemoryTest, TheDeviceHasToImport) {
  shim_.vkGetPhysicalDeviceExternalBufferProperties.replacement =
      [](VkPhysicalDevice, const VkPhysicalDeviceExternalBufferInfo*,
         VkExternalBufferProperties* properties) { properties->externalMemoryProperties = {}; };
  EXPECT_THAT(share_host_memory(device_, memory(16, 64)).refusal, HasSubstr("imports no memory"));
}

/// The device imports pieces of so many bytes.
void pretend_alignment(test::VulkanShim& shim, VkDeviceSize alignment) {
  shim.vkGetPhysicalDeviceProperties2.replacement = [&shim, alignment](
                                                        VkPhysicalDevice device,
                                                        VkPhysicalDeviceProperties2* properties) {
    shim.vkGetPhysicalDeviceProperties2.next(device, properties);
    for (auto* each = static_cast<VkBaseOutStructure*>(properties->pNext); each != nullptr;
         each = each->pNext) {
      if (each->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT) {
        continue;
      }
      reinterpret_cast<VkPhysicalDeviceExternalMemoryHostPropertiesEXT*>(each)
          ->minImportedHostPointerAlignment = alignment;
    }
  };
}

TEST_F(RefusedMemoryTest, BeyondAPageNothingIsTakenThatIsNotGiven) {
  const auto unit = static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) * 4;
  pretend_alignment(shim_, unit);
  EXPECT_THAT(share_host_memory(device_, memory(16, unit)).refusal,
              AllOf(HasSubstr("begins 16 bytes past a multiple of " + std::to_string(unit)),
                    HasSubstr("more than a page")));
  EXPECT_THAT(share_host_memory(device_, memory(0, unit - 16)).refusal,
              HasSubstr(std::to_string(unit - 16) + " bytes"));
  EXPECT_THAT(share_host_memory(device_, memory(0, unit)).refusal, IsEmpty());
}

TEST_F(RefusedMemoryTest, AnImpossibleAlignmentIsNotTrusted) {
  for (const VkDeviceSize alignment : {0, 48}) {
    pretend_alignment(shim_, alignment);
    EXPECT_THAT(share_host_memory(device_, memory(0, 64)).refusal, HasSubstr("no power of 2"));
  }
}

TEST_F(RefusedMemoryTest, ADeviceWithoutTheExtensionSaysSo) {
  const vulkan::Device& owner = *validated_device();
  const auto without = vulkan::Device::wrap({.instance = owner.instance(),
                                             .physical_device = owner.physical_device(),
                                             .device = owner.handle(),
                                             .queue = owner.queue(),
                                             .queue_family = owner.queue_family(),
                                             .buffer_device_address = true});
  EXPECT_EQ(read_limits(*without).host_memory_alignment, 0U);
  EXPECT_THAT(share_host_memory(without, memory(0, 64)).refusal,
              HasSubstr("lacks VK_EXT_external_memory_host"));
}

}  // namespace
}  // namespace cbr::compute
