#include "backends/vulkan/device_fault.h"

#include <cstring>
#include <functional>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "backends/vulkan/vulkan_device.h"
#include "support/vulkan_fixture.h"

namespace cbr::vulkan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

VkDeviceFaultInfoEXT described(const char* description) {
  VkDeviceFaultInfoEXT info{};
  std::strncpy(info.description, description, sizeof(info.description));
  return info;
}

VkDeviceFaultVendorInfoEXT vendor(const char* description, std::uint64_t code, std::uint64_t data) {
  VkDeviceFaultVendorInfoEXT info{};
  std::strncpy(info.description, description, sizeof(info.description));
  info.vendorFaultCode = code;
  info.vendorFaultData = data;
  return info;
}

TEST(FaultText, IsOneLineWithHexadecimalNumbers) {
  const VkDeviceFaultAddressInfoEXT addresses[] = {
      {VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT, 0x10, 0x1000},
      {VK_DEVICE_FAULT_ADDRESS_TYPE_NONE_EXT, 0x77, 1},
      {VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_FAULT_EXT, 0xfeed0, 8}};
  const VkDeviceFaultVendorInfoEXT vendors[] = {vendor("MMU\nfault", 31, 0xff), vendor("", 2, 3)};
  EXPECT_EQ(fault_text(described("Page fault\n"), addresses, vendors),
            "Page fault; invalid write at 0x10 (precision 0x1000); faulting instruction pointer "
            "0xfeed0 (precision 0x8); MMU fault (code 0x1f, data 0xff); vendor fault (code 0x2, "
            "data 0x3)");
}

TEST(FaultText, IsEmptyWhereTheDriverTellsNothing) {
  EXPECT_EQ(fault_text(described(""), {}, {}), "");
}

TEST(FaultText, ReadsNoFurtherThanTheArray) {
  VkDeviceFaultInfoEXT info{};
  std::memset(info.description, 'x', sizeof(info.description));
  EXPECT_EQ(fault_text(info, {}, {}), std::string(sizeof(info.description), 'x'));
}

VKAPI_ATTR VkResult VKAPI_CALL one_address(VkDevice /*device*/, VkDeviceFaultCountsEXT* counts,
                                           VkDeviceFaultInfoEXT* info) {
  if (info == nullptr) {
    counts->addressInfoCount = 2;
    counts->vendorInfoCount = 0;
    counts->vendorBinarySize = 100;
    return VK_SUCCESS;
  }
  // Fewer than announced, and no binary was asked for.
  EXPECT_EQ(counts->vendorBinarySize, 0U);
  counts->addressInfoCount = 1;
  info->pAddressInfos[0] = {VK_DEVICE_FAULT_ADDRESS_TYPE_READ_INVALID_EXT, 0xabc, 1};
  info->pAddressInfos[1] = {VK_DEVICE_FAULT_ADDRESS_TYPE_READ_INVALID_EXT, 0xdef, 1};
  std::strncpy(info->description, "Fault", sizeof(info->description));
  return VK_INCOMPLETE;
}

VKAPI_ATTR VkResult VKAPI_CALL fails(VkDevice /*device*/, VkDeviceFaultCountsEXT* /*counts*/,
                                     VkDeviceFaultInfoEXT* /*info*/) {
  return VK_ERROR_OUT_OF_HOST_MEMORY;
}

TEST(ReadDeviceFault, AsksForTheNumbersFirst) {
  Functions functions;
  functions.vkGetDeviceFaultInfoEXT = one_address;
  EXPECT_EQ(read_device_fault(functions, VK_NULL_HANDLE),
            "Fault; invalid read at 0xabc (precision 0x1)");
}

TEST(ReadDeviceFault, AFailureTellsNothing) {
  Functions functions;
  EXPECT_EQ(read_device_fault(functions, VK_NULL_HANDLE), "");
  functions.vkGetDeviceFaultInfoEXT = fails;
  EXPECT_EQ(read_device_fault(functions, VK_NULL_HANDLE), "");
}

/// A second view of the validated device, whose loss is its own.
std::shared_ptr<Device> expendable_device() {
  const auto owner = test::validated_device();
  const WrapOptions options{.instance = owner->instance(),
                            .physical_device = owner->physical_device(),
                            .device = owner->handle(),
                            .queue = owner->queue(),
                            .queue_family = owner->queue_family(),
                            .get_instance_proc_addr = functions_of(*owner).vkGetInstanceProcAddr};
  return Device::wrap(options);
}

TEST(DeviceLossText, NamesTheFirstCallAndStays) {
  const auto expendable = expendable_device();
  const auto device = DeviceImpl::of(expendable);
  EXPECT_NO_THROW(device->require_usable());
  EXPECT_THROW(device->check(VK_ERROR_OUT_OF_HOST_MEMORY, "vkFirst"), BackendError);
  EXPECT_NO_THROW(device->require_usable());
  const auto names_the_first = ThrowsMessage<DeviceLost>(AllOf(
      HasSubstr("vkSecond reports"), HasSubstr(device->info().name), Not(HasSubstr("tells"))));
  EXPECT_THAT([&] { device->check(VK_ERROR_DEVICE_LOST, "vkSecond"); }, names_the_first);
  EXPECT_THAT([&] { device->check(VK_ERROR_DEVICE_LOST, "vkThird"); }, names_the_first);
  EXPECT_THAT([&] { device->require_usable(); }, names_the_first);
}

TEST(DeviceLossText, EveryCallOfTheBackendThrowsIt) {
  const auto device = expendable_device();
  const auto backend = make_backend(device);
  backend->attach({.ring_size = 2, .ring_name = "Lost"});
  (void)backend->begin(SlotIndex{0});
  EXPECT_THROW(DeviceImpl::of(*device).check(VK_ERROR_DEVICE_LOST, "vkFirst"), DeviceLost);
  const SyncPoint point{QueueIndex{0}, Serial(0)};
  const std::function<void()> calls[] = {
      [&] { (void)backend->begin(SlotIndex{1}); },
      [&] { backend->submit(SlotIndex{0}, Serial(1), {}); },
      [&] { (void)backend->completed(QueueIndex{0}); },
      [&] {
        (void)backend->wait({&point, 1}, 0, no_deadline);
      },
      [&] { backend->add_slot(SlotIndex{2}); },
  };
  for (const auto& call : calls) {
    EXPECT_THAT(call, ThrowsMessage<DeviceLost>(HasSubstr("vkFirst reports")));
  }
  backend->detach();
  EXPECT_THROW(CommandBufferRing(backend, {}), DeviceLost);
}

}  // namespace
}  // namespace cbr::vulkan
