#include "compute/buffer.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "compute/limits.h"
#include "support/vulkan_fixture.h"

namespace cbr::compute {
namespace {

using test::validated_device;
using testing::AllOf;
using testing::HasSubstr;

TEST(BufferTest, HasAnAlignedAddress) {
  const Buffer buffer(validated_device(), 5, Placement::device_local);
  EXPECT_NE(buffer.address(), 0U);
  EXPECT_EQ(buffer.address() % 16, 0U);
  EXPECT_EQ(buffer.size(), 5U);
  EXPECT_TRUE(buffer.bytes().empty());
}

TEST(BufferTest, HostVisibleMemoryStaysMapped) {
  const Buffer buffer(validated_device(), 100, Placement::host_visible);
  ASSERT_EQ(buffer.bytes().size(), 100U);
  buffer.bytes()[99] = std::byte{7};
  EXPECT_EQ(buffer.bytes()[99], std::byte{7});
}

TEST(BufferTest, MovesLeaveNothingBehind) {
  Buffer first(validated_device(), 64, Placement::device_local);
  const std::uint64_t address = first.address();
  Buffer second(std::move(first));
  EXPECT_EQ(second.address(), address);
  EXPECT_EQ(first.size(), 0U);  // NOLINT(bugprone-use-after-move): its state is what is tested
  first = std::move(second);
  EXPECT_EQ(first.address(), address);
}

TEST(BufferTest, NamesTheSizeAndTheDevicesLimit) {
  const std::uint64_t limit = read_limits(*validated_device()).max_allocation_size;
  if (limit == std::numeric_limits<std::uint64_t>::max()) GTEST_SKIP() << "no limit to exceed";
  try {
    const Buffer buffer(validated_device(), limit + 1, Placement::device_local);
    FAIL() << "no exception";
  } catch (const BackendError& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr(std::to_string(limit + 1)), HasSubstr(std::to_string(limit))));
  }
}

}  // namespace
}  // namespace cbr::compute
