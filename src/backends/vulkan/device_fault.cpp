#include "backends/vulkan/device_fault.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace cbr::vulkan {
namespace {

/// The text in an array of a driver's, which may lack its end, on one line.
template <std::size_t Size>
std::string one_line(const char (&text)[Size]) {
  std::string line(text, std::find(text, text + Size, '\0'));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string_view address_name(VkDeviceFaultAddressTypeEXT type) {
  switch (type) {
    case VK_DEVICE_FAULT_ADDRESS_TYPE_READ_INVALID_EXT:
      return "invalid read at";
    case VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT:
      return "invalid write at";
    case VK_DEVICE_FAULT_ADDRESS_TYPE_EXECUTE_INVALID_EXT:
      return "invalid execution at";
    case VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_UNKNOWN_EXT:
      return "instruction pointer";
    case VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_INVALID_EXT:
      return "invalid instruction pointer";
    case VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_FAULT_EXT:
      return "faulting instruction pointer";
    default:
      return "address";
  }
}

}  // namespace

std::string fault_text(const VkDeviceFaultInfoEXT& info,
                       std::span<const VkDeviceFaultAddressInfoEXT> addresses,
                       std::span<const VkDeviceFaultVendorInfoEXT> vendor_infos) {
  std::vector<std::string> parts;
  if (auto description = one_line(info.description); !description.empty()) {
    parts.push_back(std::move(description));
  }
  for (const auto& address : addresses) {
    // Drivers leave entries of their array unused.
    if (address.addressType == VK_DEVICE_FAULT_ADDRESS_TYPE_NONE_EXT) continue;
    parts.push_back(fmt::format("{} {:#x} (precision {:#x})", address_name(address.addressType),
                                address.reportedAddress, address.addressPrecision));
  }
  for (const auto& vendor : vendor_infos) {
    const std::string description = one_line(vendor.description);
    parts.push_back(fmt::format("{} (code {:#x}, data {:#x})",
                                description.empty() ? "vendor fault" : description,
                                vendor.vendorFaultCode, vendor.vendorFaultData));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string read_device_fault(const Functions& functions, VkDevice device) noexcept {
  if (functions.vkGetDeviceFaultInfoEXT == nullptr) return {};
  try {
    VkDeviceFaultCountsEXT counts{};
    counts.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT;
    if (functions.vkGetDeviceFaultInfoEXT(device, &counts, nullptr) != VK_SUCCESS) return {};
    std::vector<VkDeviceFaultAddressInfoEXT> addresses(counts.addressInfoCount);
    std::vector<VkDeviceFaultVendorInfoEXT> vendor_infos(counts.vendorInfoCount);
    // The vendor's binary is for the vendor's tools; its feature is not enabled.
    counts.vendorBinarySize = 0;
    VkDeviceFaultInfoEXT info{};
    info.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_INFO_EXT;
    info.pAddressInfos = addresses.empty() ? nullptr : addresses.data();
    info.pVendorInfos = vendor_infos.empty() ? nullptr : vendor_infos.data();
    const VkResult result = functions.vkGetDeviceFaultInfoEXT(device, &counts, &info);
    // Incomplete is better than nothing.
    if (result != VK_SUCCESS && result != VK_INCOMPLETE) return {};
    addresses.resize(std::min<std::size_t>(addresses.size(), counts.addressInfoCount));
    vendor_infos.resize(std::min<std::size_t>(vendor_infos.size(), counts.vendorInfoCount));
    return fault_text(info, addresses, vendor_infos);
  } catch (...) {
    return {};
  }
}

}  // namespace cbr::vulkan
