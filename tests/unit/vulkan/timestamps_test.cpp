#include "backends/vulkan/timestamps.h"

#include <cmath>
#include <limits>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "backends/vulkan/vulkan_device.h"
#include "support/queue_gate.h"
#include "support/vulkan_fixture.h"
#include "unit/vulkan/shimmed_backend.h"

namespace cbr::vulkan {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Timestamps, ReadingThemDoesNotWaitForLaterWork) {
  // Mesa's software driver waits for the whole device when queries are read the usual way.
  const auto device = test::validated_device();
  CommandBufferRing ring(make_backend(device), {.ring_size = 2});
  Ticket first = ring.acquire().submit();
  test::QueueGate gate(device);
  gate.close();
  Ticket second = ring.acquire().submit();
  first.wait();
  const auto interval = first.gpu_interval();
  if (device->info().timestamps) {
    ASSERT_TRUE(interval.has_value());
    EXPECT_LE(interval->start, interval->end);
  }
  EXPECT_FALSE(second.done());
  gate.open();
  second.wait();
}

/// Backends of each GpuTimes; the validation layer watches how the queries are used.
class GpuTimesOfSlots : public ShimmedBackend {
 protected:
  void SetUp() override {
    if (!owner()->info().timestamps) GTEST_SKIP() << owner()->info().name << " has no timestamps";
  }
  static constexpr std::uint64_t steps = 70;
};

TEST_F(GpuTimesOfSlots, BothAreAnInterval) {
  attach(1, GpuTimes::both);
  std::optional<GpuInterval> before;
  for (std::uint64_t serial = 1; serial <= steps; ++serial) {
    const Completion completion = run(0, serial);
    ASSERT_TRUE(completion.interval);
    EXPECT_EQ(completion.end, completion.interval->end);
    EXPECT_LE(completion.interval->start, completion.interval->end);
    if (before) {
      EXPECT_GE(completion.interval->start, before->end);
    }
    before = completion.interval;
  }
  EXPECT_EQ(shim_.vkCmdWriteTimestamp.calls(), 2 * steps);
  // Sixteen submissions use up a pool. The user's device may lack the feature hostQueryReset.
  EXPECT_EQ(shim_.vkCmdResetQueryPool.calls(), 5U);
  EXPECT_EQ(shim_.vkResetQueryPool.calls(), 0U);
}

TEST_F(GpuTimesOfSlots, TheEndIsOneQuery) {
  attach(1, GpuTimes::end);
  std::optional<std::chrono::nanoseconds> before;
  for (std::uint64_t serial = 1; serial <= steps; ++serial) {
    const Completion completion = run(0, serial);
    EXPECT_FALSE(completion.interval);
    ASSERT_TRUE(completion.end);
    EXPECT_GE(*completion.end, before.value_or(*completion.end));
    before = completion.end;
  }
  EXPECT_EQ(shim_.vkCmdWriteTimestamp.calls(), steps);
  EXPECT_EQ(shim_.vkCmdResetQueryPool.calls(), 3U);
}

TEST_F(GpuTimesOfSlots, SampledAreBothOfEachSixteenthOfASlot) {
  attach(2, GpuTimes::sampled);
  std::uint64_t serial = 0;
  for (std::uint64_t i = 0; i < steps; ++i) {
    for (const std::uint32_t slot : {0U, 1U}) {
      const bool is_sampled = i % 16 == 0;
      const Completion completion = run(slot, ++serial);
      EXPECT_EQ(completion.interval.has_value(), is_sampled) << i;
      EXPECT_EQ(completion.end.has_value(), is_sampled) << i;
    }
  }
  EXPECT_EQ(shim_.vkCmdWriteTimestamp.calls(), 2U * 2U * 5U);
  EXPECT_EQ(shim_.vkCmdResetQueryPool.calls(), 2U);
}

/// A device of ours, whose clock is asked for.
class ClockOfTheDevice : public GpuTimesOfSlots {
 protected:
  void open() {
    device_ = DeviceImpl::open({}, test::VulkanShim::get_instance_proc_addr());
    attach(1, GpuTimes::both);
  }
  /// Runs a step, and looks whether the host's clock can be true.
  Completion run_between(std::uint64_t serial) {
    const TimePoint before = Clock::now();
    Completion completion = run(0, serial);
    const TimePoint after = Clock::now();
    EXPECT_TRUE(completion.clock);
    if (!completion.clock) return completion;
    const auto [offset, deviation] = *completion.clock;
    EXPECT_GE(TimePoint(completion.interval->start + offset + deviation), before);
    EXPECT_LE(TimePoint(completion.interval->end + offset - deviation), after);
    return completion;
  }
};

TEST_F(ClockOfTheDevice, IsAskedForNowAndThen) {
  open();
  if (shim_.vkGetCalibratedTimestampsEXT.calls() == 0) {
    GTEST_SKIP() << owner()->info().name << " does not relate its clock to the host's";
  }
  EXPECT_EQ(shim_.vkGetCalibratedTimestampsEXT.calls(), 1U) << "before there is any work";
  const TimePoint begun = Clock::now();
  std::uint64_t serial = 0;
  while (Clock::now() < begun + std::chrono::milliseconds(120)) {
    EXPECT_LT(run_between(++serial).clock->deviation, std::chrono::milliseconds(1));
  }
  EXPECT_GE(shim_.vkGetCalibratedTimestampsEXT.calls(), 3U);
  EXPECT_LE(shim_.vkGetCalibratedTimestampsEXT.calls(),
            1 + (Clock::now() - begun) / std::chrono::milliseconds(50));
}

TEST_F(ClockOfTheDevice, IsBoundedByWhatIsSeenWhereTheDriverFails) {
  shim_.vkGetCalibratedTimestampsEXT.replacement = [](auto...) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  };
  open();
  for (std::uint64_t serial = 1; serial <= 20; ++serial) (void)run_between(serial);
  EXPECT_LE(shim_.vkGetCalibratedTimestampsEXT.calls(), 1U) << "it is not asked again";
}

TEST_F(ClockOfTheDevice, IsNotWhatALyingDriverSays) {
  shim_.vkGetCalibratedTimestampsEXT.replacement =
      [](VkDevice, std::uint32_t count, const VkCalibratedTimestampInfoEXT*, std::uint64_t* times,
         std::uint64_t* deviation) {
        for (std::uint32_t i = 0; i < count; ++i) times[i] = 1'000'000'000'000ULL * (i + 1);
        *deviation = 10;
        return VK_SUCCESS;
      };
  open();
  for (std::uint64_t serial = 1; serial <= 20; ++serial) (void)run_between(serial);
}

TEST_F(ClockOfTheDevice, OfAUsersDeviceIsAskedForOnlyIfTheUserSaysSo) {
  attach(1, GpuTimes::both);
  (void)run_between(1);
  EXPECT_EQ(shim_.vkGetCalibratedTimestampsEXT.calls(), 0U);
}

TEST_F(GpuTimesOfSlots, WhatIsNotSubmittedIsNotCounted) {
  attach(1, GpuTimes::sampled);
  for (int i = 0; i < 3; ++i) {
    (void)backend_->begin(SlotIndex{0});
    backend_->discard(SlotIndex{0});
    shim_.vkQueueSubmit.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
    EXPECT_THROW(submit(0, 1), SubmitFailed);
    shim_.vkQueueSubmit.replacement = nullptr;
  }
  EXPECT_TRUE(run(0, 1).interval);
  for (std::uint64_t serial = 2; serial <= 16; ++serial) EXPECT_FALSE(run(0, serial).end);
  EXPECT_TRUE(run(0, 17).interval);
}

TEST_F(GpuTimesOfSlots, NoneCostNothing) {
  attach(1, GpuTimes::none);
  for (std::uint64_t serial = 1; serial <= 3; ++serial) {
    const Completion completion = run(0, serial);
    EXPECT_FALSE(completion.interval);
    EXPECT_FALSE(completion.end);
  }
  EXPECT_EQ(shim_.vkCreateQueryPool.calls(), 0U);
  EXPECT_EQ(shim_.vkCmdWriteTimestamp.calls(), 0U);
}

TEST_F(GpuTimesOfSlots, ADeviceOfOursIsResetFromTheHost) {
  // Not the validated device, which the shim doesn't open.
  device_ = DeviceImpl::open({}, test::VulkanShim::get_instance_proc_addr());
  if (!DeviceImpl::of(*device_).host_query_reset()) GTEST_SKIP() << "no hostQueryReset";
  attach(1, GpuTimes::both);
  for (std::uint64_t serial = 1; serial <= steps; ++serial) EXPECT_TRUE(run(0, serial).interval);
  EXPECT_EQ(shim_.vkResetQueryPool.calls(), 5U);
  EXPECT_EQ(shim_.vkCmdResetQueryPool.calls(), 0U);
}

/// Read by vkGetQueryPoolResults, as drivers other than Mesa's software are.
class ReadTimes : public GpuTimesOfSlots {
 protected:
  ReadTimes() { shim_.pretend_driver(VK_DRIVER_ID_MESA_RADV); }
};

TEST_F(ReadTimes, AreThere) {
  attach(1, GpuTimes::both);
  for (std::uint64_t serial = 1; serial <= steps; ++serial) EXPECT_TRUE(run(0, serial).interval);
  EXPECT_EQ(shim_.vkGetQueryPoolResults.calls(), steps);
}

TEST_F(ReadTimes, ThatAreNotReadyAreAbsent) {
  attach(1, GpuTimes::both);
  shim_.vkGetQueryPoolResults.replacement = [](auto...) { return VK_NOT_READY; };
  const Completion completion = run(0, 1);
  EXPECT_FALSE(completion.interval);
  EXPECT_FALSE(completion.end);
  shim_.vkGetQueryPoolResults.replacement = nullptr;
  EXPECT_TRUE(run(0, 2).interval);
}

TEST_F(ReadTimes, ThatCanNotBeReadAreAFailureOfThatCall) {
  attach(1, GpuTimes::end);
  submit(0, 1);
  EXPECT_EQ(wait(1), WaitStatus::reached);
  shim_.vkGetQueryPoolResults.replacement = [](auto...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  EXPECT_THAT([&] { (void)backend_->finish(SlotIndex{0}); },
              ThrowsMessage<BackendError>(HasSubstr("vkGetQueryPoolResults")));
  shim_.vkGetQueryPoolResults.replacement = nullptr;
  EXPECT_TRUE(run(0, 2).end);
}

TEST_F(ReadTimes, ThatCanNotBeTrueAreAbsent) {
  attach(1, GpuTimes::both);
  ASSERT_TRUE(run(0, 1).interval);
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  shim_.vkGetQueryPoolResults.replacement = [&](VkDevice, VkQueryPool, std::uint32_t,
                                                std::uint32_t count, std::size_t size, void* data,
                                                VkDeviceSize, VkQueryResultFlags) {
    EXPECT_EQ(count, 2U);
    EXPECT_EQ(size, 2 * sizeof(std::uint64_t));
    static_cast<std::uint64_t*>(data)[0] = start;
    static_cast<std::uint64_t*>(data)[1] = end;
    return VK_SUCCESS;
  };
  // Never written; an end before its start; an hour that the host didn't see.
  EXPECT_FALSE(run(0, 2).end);
  start = ~std::uint64_t{0} >> 1;
  EXPECT_FALSE(run(0, 3).end);
  start = 0;
  end = 3'600'000'000'000;
  EXPECT_FALSE(run(0, 4).end);
  shim_.vkGetQueryPoolResults.replacement = nullptr;
  EXPECT_TRUE(run(0, 5).interval);
}

TEST_F(ReadTimes, GoOnOverTheCountersWrap) {
  // 17 ms to the wrap where a tick is a nanosecond.
  shim_.pretend_timestamp_bits(24);
  attach(1, GpuTimes::both);
  std::optional<GpuInterval> before;
  const TimePoint end = Clock::now() + std::chrono::milliseconds(100);
  for (std::uint64_t serial = 1; Clock::now() < end; ++serial) {
    const auto interval = run(0, serial).interval;
    ASSERT_TRUE(interval);
    if (before) {
      EXPECT_GE(interval->start, before->end);
      EXPECT_LT(interval->start - before->end, std::chrono::seconds(1));
    }
    before = interval;
  }
}

TEST_F(ReadTimes, OfAnAbsurdPeriodAreNone) {
  for (const float period : {0.0F, -1.0F, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    shim_.pretend_timestamp_period(period);
    attach(1, GpuTimes::both);
    EXPECT_FALSE(device_->info().timestamps) << period;
    EXPECT_FALSE(run(0, 1).end) << period;
    EXPECT_EQ(shim_.vkCreateQueryPool.calls(), 0U);
    detach();
    backend_.reset();
    device_.reset();
  }
}

}  // namespace
}  // namespace cbr::vulkan
