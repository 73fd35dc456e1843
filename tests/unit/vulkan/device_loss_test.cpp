// A real device is lost by a kernel that writes to an address without memory. The test has a
// program of its own, so that nothing else runs on what is left of the driver.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <shaders/wild_write.h>

#include <cbr/errors.h>
#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "compute/kernel.h"
#include "compute/recorder.h"

namespace cbr::vulkan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StrEq;
using testing::ThrowsMessage;

/// The first page is never mapped.
constexpr std::uint64_t wild_address = 0x10;

/// The call that finds out: each of them must, for drivers tell one and not another.
struct Finder {
  const char* name;
  std::function<void(CommandBufferRing& ring, const Ticket& ticket)> call;
};

std::ostream& operator<<(std::ostream& out, const Finder& finder) {
  return out << finder.name;
}

class DeviceLoss : public testing::TestWithParam<Finder> {};

TEST_P(DeviceLoss, AWildWriteFailsEveryCallWithTheFirstCauseAndHangsNothing) {
  // Not the validated device that tests share: this one doesn't survive.
  const auto device = Device::open();
  const DeviceInfo& info = device->info();
  if (info.type == "CPU") {
    GTEST_SKIP() << info.name << " runs kernels in this process, which the write would end";
  }
  if (!info.buffer_device_address) {
    GTEST_SKIP() << info.name << " has no buffer device addresses to write through";
  }
  const compute::Kernel kernel(device, wild_write_spv,
                               {.name = "wild write", .push_constant_size = sizeof(wild_address)});
  const auto backend = make_backend(device);
  std::string cause;
  {
    CommandBufferRing ring(backend, {.ring_size = 2});
    Lease held = ring.acquire();
    Lease lease = ring.acquire();
    compute::Recorder recorder(*device, command_buffer(lease));
    recorder.dispatch(
        kernel, std::bit_cast<std::array<std::byte, sizeof(wild_address)>>(wild_address), {1, 1});
    const Ticket ticket = std::move(lease).submit();
    try {
      GetParam().call(ring, ticket);
      FAIL() << info.name << " wrote to address " << wild_address << " and went on";
    } catch (const DeviceLost& error) {
      cause = error.what();
    }
    RecordProperty("cause", cause);
    EXPECT_THAT(cause, AllOf(HasSubstr("lost"), HasSubstr(info.name)));
    if (info.device_fault) {
      EXPECT_THAT(cause, HasSubstr("the driver tells"));
    }

    const std::function<void()> later_calls[] = {
        [&] { ticket.wait(); },
        [&] { (void)ticket.wait_for(std::chrono::nanoseconds(0)); },
        [&] { std::move(held).submit(); },
        [&] { (void)ring.acquire(); },
        [&] { (void)ring.try_acquire(); },
        [&] { ring.drain(); },
    };
    for (const auto& call : later_calls) {
      EXPECT_THAT(call, ThrowsMessage<DeviceLost>(StrEq(cause)));
    }
    EXPECT_TRUE(ticket.done());
    EXPECT_NE(ticket.error(), nullptr);
    EXPECT_EQ(ring.statistics().in_flight, 0U);
  }
  EXPECT_THAT([&] { CommandBufferRing ring(backend); }, ThrowsMessage<DeviceLost>(StrEq(cause)));
}

INSTANTIATE_TEST_SUITE_P(
    FoundBy, DeviceLoss,
    testing::Values(Finder{"wait", [](CommandBufferRing&, const Ticket& ticket) { ticket.wait(); }},
                    Finder{"poll",
                           [](CommandBufferRing&, const Ticket& ticket) {
                             while (!ticket.done()) std::this_thread::yield();
                             ticket.wait();
                           }},
                    Finder{"acquire",
                           [](CommandBufferRing& ring, const Ticket&) { (void)ring.acquire(); }},
                    Finder{"try_acquire",
                           [](CommandBufferRing& ring, const Ticket&) {
                             while (!ring.try_acquire()) std::this_thread::yield();
                           }},
                    Finder{"drain", [](CommandBufferRing& ring, const Ticket&) { ring.drain(); }}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace cbr::vulkan
