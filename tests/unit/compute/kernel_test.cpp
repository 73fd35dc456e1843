#include "compute/kernel.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <shaders/empty.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "compute/limits.h"
#include "compute/recorder.h"
#include "support/vulkan_fixture.h"

namespace cbr::compute {
namespace {

using test::validated_device;
using testing::AllOf;
using testing::HasSubstr;

TEST(SpreadGroupsTest, StaysInOneDimensionWhereItCan) {
  EXPECT_EQ(spread_groups(1), (GroupCount{1, 1}));
  EXPECT_EQ(spread_groups(65535), (GroupCount{65535, 1}));
}

TEST(SpreadGroupsTest, CoversLargeNumbersWithinTheLimit) {
  for (const std::uint64_t groups : {65536ULL, 152064ULL, 1000000007ULL}) {
    const GroupCount spread = spread_groups(groups);
    EXPECT_LE(spread.x, 65535U);
    EXPECT_LE(spread.y, 65535U);
    const std::uint64_t total = std::uint64_t{spread.x} * spread.y;
    EXPECT_GE(total, groups);
    EXPECT_LT(total, groups + spread.y);
  }
}

TEST(KernelTest, NamesThePushConstantsAndTheLimit) {
  const std::uint32_t limit = read_limits(*validated_device()).max_push_constant_size;
  try {
    const Kernel kernel(validated_device(), empty_spv,
                        {.name = "large", .push_constant_size = limit + 4});
    FAIL() << "no exception";
  } catch (const BackendError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("large"), HasSubstr(std::to_string(limit + 4)),
                                    HasSubstr(std::to_string(limit))));
  }
}

TEST(KernelTest, NamesTheGroupsAndTheLimit) {
  const Kernel kernel(validated_device(), empty_spv, {.name = "empty"});
  const std::uint32_t limit = read_limits(*validated_device()).max_groups_y;
  if (limit == UINT32_MAX) GTEST_SKIP() << "no limit to exceed";
  try {
    kernel.require_dispatchable({1, limit + 1});
    FAIL() << "no exception";
  } catch (const BackendError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("empty"), HasSubstr(std::to_string(limit + 1)),
                                    HasSubstr(std::to_string(limit))));
  }
}

TEST(RecorderTest, DispatchesAKernelWithoutPushConstants) {
  // The validation layer looks on.
  const Kernel kernel(validated_device(), empty_spv, {.name = "empty"});
  CommandBufferRing ring(vulkan::make_backend(validated_device()), {.ring_size = 1});
  Lease lease = ring.acquire();
  Recorder recorder(*validated_device(), vulkan::command_buffer(lease));
  recorder.dispatch(kernel, {}, {1, 1});
  std::move(lease).submit().wait();
}

TEST(RecorderTest, RefusesPushConstantsOfTheWrongSize) {
  const Kernel kernel(validated_device(), empty_spv, {.name = "empty"});
  CommandBufferRing ring(vulkan::make_backend(validated_device()), {.ring_size = 1});
  Lease lease = ring.acquire();
  Recorder recorder(*validated_device(), vulkan::command_buffer(lease));
  const std::array<std::byte, 8> push{};
  EXPECT_THROW(recorder.dispatch(kernel, push, {1, 1}), InvalidUsage);
  lease.discard();
}

}  // namespace
}  // namespace cbr::compute
