// Submissions with semaphores and command buffers of the program's, under validation: by
// vkQueueSubmit2, and by vkQueueSubmit on a wrapped device that hasn't got it.
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/sequence.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/memory_type.h"
#include "backends/vulkan/result.h"
#include "backends/vulkan/timeline_semaphore.h"
#include "support/queue_gate.h"
#include "support/vulkan_fixture.h"
#include "support/vulkan_shim.h"

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

/// A binary semaphore of the program's.
class BinarySemaphore {
 public:
  explicit BinarySemaphore(const Device& device) : device_(device) {
    VkSemaphoreCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
    check(functions_of(device_).vkCreateSemaphore(device_.handle(), &create, nullptr, &handle),
          "vkCreateSemaphore");
  }
  BinarySemaphore(const BinarySemaphore&) = delete;
  BinarySemaphore& operator=(const BinarySemaphore&) = delete;
  ~BinarySemaphore() {
    functions_of(device_).vkDestroySemaphore(device_.handle(), handle, nullptr);
  }
  VkSemaphore handle = VK_NULL_HANDLE;

 private:
  const Device& device_;
};

/// A host-visible buffer of the program's, and command buffers that write to it.
class ProgramBuffer {
 public:
  explicit ProgramBuffer(const Device& device) : device_(device), vk_(functions_of(device)) {
    VkBufferCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    create.size = size;
    create.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    check(vk_.vkCreateBuffer(device.handle(), &create, nullptr, &handle), "vkCreateBuffer");
    VkMemoryRequirements needs{};
    vk_.vkGetBufferMemoryRequirements(device.handle(), handle, &needs);
    VkMemoryAllocateInfo allocate{};
    allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    allocate.allocationSize = needs.size;
    allocate.memoryTypeIndex = *find_memory_type(
        vk_, device.physical_device(), needs.memoryTypeBits,
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    check(vk_.vkAllocateMemory(device.handle(), &allocate, nullptr, &memory_), "vkAllocateMemory");
    check(vk_.vkBindBufferMemory(device.handle(), handle, memory_, 0), "vkBindBufferMemory");
    check(vk_.vkMapMemory(device.handle(), memory_, 0, size, 0, &mapped_), "vkMapMemory");
    std::memset(mapped_, 0, size);
    VkCommandPoolCreateInfo pool{};
    pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    pool.queueFamilyIndex = device.queue_family();
    check(vk_.vkCreateCommandPool(device.handle(), &pool, nullptr, &pool_), "vkCreateCommandPool");
  }
  ProgramBuffer(const ProgramBuffer&) = delete;
  ProgramBuffer& operator=(const ProgramBuffer&) = delete;
  ~ProgramBuffer() {
    vk_.vkDestroyCommandPool(device_.handle(), pool_, nullptr);
    vk_.vkDestroyBuffer(device_.handle(), handle, nullptr);
    vk_.vkFreeMemory(device_.handle(), memory_, nullptr);
  }

  /// Fills all with `value`, after what came before on the queue.
  void fill(VkCommandBuffer commands, std::uint32_t value) const {
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    vk_.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                             VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, nullptr, 0,
                             nullptr);
    vk_.vkCmdFillBuffer(commands, handle, 0, size, value);
  }
  /// A command buffer of the program's own that does so.
  [[nodiscard]] VkCommandBuffer filling(std::uint32_t value) const {
    VkCommandBufferAllocateInfo allocate{};
    allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    allocate.commandPool = pool_;
    allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    allocate.commandBufferCount = 1;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    check(vk_.vkAllocateCommandBuffers(device_.handle(), &allocate, &commands),
          "vkAllocateCommandBuffers");
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    check(vk_.vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer");
    fill(commands, value);
    check(vk_.vkEndCommandBuffer(commands), "vkEndCommandBuffer");
    return commands;
  }
  [[nodiscard]] std::uint32_t value() const {
    std::uint32_t result = 0;
    std::memcpy(&result, static_cast<const char*>(mapped_) + size - sizeof(result), sizeof(result));
    return result;
  }

  static constexpr VkDeviceSize size = 4096;
  VkBuffer handle = VK_NULL_HANDLE;

 private:
  const Device& device_;
  const Functions& vk_;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  void* mapped_ = nullptr;
  VkCommandPool pool_ = VK_NULL_HANDLE;
};

enum class Form : std::uint8_t { synchronization2, before };

class Submit : public testing::TestWithParam<Form> {
 public:
  ~Submit() override {
    ring_.reset();
    timeline_.reset();
    device_.reset();
    shim_.reset();
  }

 protected:
  Submit() {
    shim_.reset();
    device_ = GetParam() == Form::before ? test::VulkanShim::wrap(*owner_) : owner_;
    timeline_.emplace(DeviceImpl::of(device_));
  }

  CommandBufferRing& make_ring(RingOptions options = {}) {
    options.log_sink = [this](const LogMessage& message) {
      log_ += std::string(message.text) + "\n";
    };
    return ring_.emplace(validate(make_backend(device_)), options);
  }
  [[nodiscard]] VkSemaphore timeline() const { return timeline_->handle(); }
  /// Waits until the program's semaphore has come to `value`, and no further.
  void expect_signalled(std::uint64_t value) const {
    VkSemaphoreWaitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    info.semaphoreCount = 1;
    info.pSemaphores = &timeline_->handle();
    info.pValues = &value;
    check(functions_of(*device_).vkWaitSemaphores(device_->handle(), &info,
                                                  std::numeric_limits<std::uint64_t>::max()),
          "vkWaitSemaphores");
    EXPECT_EQ(timeline_value(), value);
  }
  [[nodiscard]] std::uint64_t timeline_value() const {
    std::uint64_t value = 0;
    check(functions_of(*device_).vkGetSemaphoreCounterValue(device_->handle(), timeline(), &value),
          "vkGetSemaphoreCounterValue");
    return value;
  }
  /// Every slot can be had at once.
  void expect_all_free() {
    std::vector<Lease> leases;
    for (std::uint32_t i = 0; i < ring_->ring_size(); ++i) {
      auto lease = ring_->try_acquire();
      ASSERT_TRUE(lease.has_value());
      leases.push_back(std::move(*lease));
    }
    for (Lease& lease : leases) lease.discard();
  }
  /// What submit() says to these options.
  std::string refusal(const SubmitOptions& options) {
    try {
      (void)submit(ring_->acquire(), options);
    } catch (const InvalidUsage& error) {
      return std::string("InvalidUsage ") + error.what();
    } catch (const InvalidOption& error) {
      return std::string("InvalidOption ") + error.what();
    }
    return "taken";
  }

  test::VulkanShim& shim_ = test::VulkanShim::get();
  std::shared_ptr<Device> owner_ = test::validated_device();
  std::shared_ptr<Device> device_;
  std::optional<TimelineSemaphore> timeline_;
  std::string log_;
  std::optional<CommandBufferRing> ring_;
};

INSTANTIATE_TEST_SUITE_P(Vulkan, Submit, testing::Values(Form::synchronization2, Form::before),
                         [](const auto& form) {
                           return form.param == Form::before ? "vkQueueSubmit" : "vkQueueSubmit2";
                         });

TEST_P(Submit, WaitsForATimelineSemaphoreOfTheProgram) {
  auto& ring = make_ring();
  const Ticket ticket = submit(ring.acquire(), {.wait = {{timeline(), 7}}});
  EXPECT_FALSE(ticket.wait_for(2ms));
  timeline_->signal(6);
  EXPECT_FALSE(ticket.wait_for(2ms));
  timeline_->signal(7);
  ticket.wait();
}

TEST_P(Submit, SignalsATimelineSemaphoreOfTheProgram) {
  auto& ring = make_ring();
  const Ticket first =
      submit(ring.acquire(), {.wait = {{timeline(), 1}}, .signal = {{timeline(), 5}}});
  const Ticket second = submit(ring.acquire(), {.wait = {{timeline(), 5}}});
  EXPECT_FALSE(second.wait_for(2ms));
  timeline_->signal(1);
  second.wait();
  EXPECT_TRUE(first.done());
  expect_signalled(5);
}

TEST_P(Submit, BinarySemaphoresGoFromOneSubmissionToTheNext) {
  auto& ring = make_ring({.ring_size = 2});
  const BinarySemaphore semaphore(*device_);
  for (int i = 0; i < 10; ++i) {
    (void)submit(ring.acquire(), {.signal = {{semaphore.handle}}});
    (void)submit(ring.acquire(),
                 {.wait = {{semaphore.handle, {}, VK_PIPELINE_STAGE_2_TRANSFER_BIT}}});
  }
  ring.drain();
}

TEST_P(Submit, RunsTheProgramsCommandBuffersAroundTheSlots) {
  auto& ring = make_ring();
  const ProgramBuffer buffer(*device_);
  const auto run = [&](std::vector<VkCommandBuffer> before, bool own,
                       std::vector<VkCommandBuffer> after) {
    Lease lease = ring.acquire();
    if (own) buffer.fill(command_buffer(lease), 2);
    submit(std::move(lease),
           {.command_buffers_before = std::move(before), .command_buffers_after = std::move(after)})
        .wait();
    return buffer.value();
  };
  EXPECT_EQ(run({buffer.filling(10), buffer.filling(11)}, false, {}), 11U);
  EXPECT_EQ(run({buffer.filling(12)}, true, {}), 2U);
  EXPECT_EQ(run({}, true, {buffer.filling(13), buffer.filling(14)}), 14U);
  // The next submission of the slot has none of them.
  EXPECT_EQ(run({}, true, {}), 2U);
}

TEST_P(Submit, IsOneNativeSubmission) {
  if (GetParam() == Form::synchronization2) GTEST_SKIP() << "the shim counts vkQueueSubmit";
  auto& ring = make_ring();
  const ProgramBuffer buffer(*device_);
  (void)submit(ring.acquire(), {.signal = {{timeline(), 1}}});
  const std::uint64_t before = shim_.vkQueueSubmit.calls();
  (void)submit(ring.acquire(), {.wait = {{timeline(), 1}},
                                .signal = {{timeline(), 2}},
                                .command_buffers_before = {buffer.filling(1)}});
  EXPECT_EQ(shim_.vkQueueSubmit.calls(), before + 1);
  ring.drain();
}

TEST_P(Submit, WhatASequenceHoldsBackSignalsOnceItIsSent) {
  auto& ring = make_ring();
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  const Ticket held = submit(std::move(second), {.signal = {{timeline(), 1}}});
  EXPECT_EQ(held.serial().value(), 0U);
  // On the queue it would be over by now.
  ring.acquire().submit().wait();
  EXPECT_EQ(timeline_value(), 0U);
  EXPECT_THAT([&] { (void)timeline_point(held); },
              ThrowsMessage<InvalidUsage>(HasSubstr("held back")));
  std::move(first).submit();
  held.wait();
  expect_signalled(1);
}

TEST_P(Submit, TakesTicketsAndSemaphoresAtOnce) {
  auto& ring = make_ring();
  CommandBufferRing other(make_backend(device_));
  const Ticket upload = submit(other.acquire(), {.wait = {{timeline(), 1}}});
  const Ticket step = submit(ring.acquire(), {.after = {upload}, .wait = {{timeline(), 2}}});
  timeline_->signal(1);
  upload.wait();
  EXPECT_FALSE(step.wait_for(2ms));
  timeline_->signal(2);
  step.wait();
}

TEST_P(Submit, NothingIsSignalledForWorkThatNeverRuns) {
  auto& ring = make_ring();
  const auto gpu = simulated::make_gpu();
  CommandBufferRing other(gpu);
  Lease lease = other.acquire();
  simulated::record(lease, {.fault = Fault::fail_execution});
  const Ticket failed = std::move(lease).submit();
  failed.on_complete([](const Ticket&) {});
  EXPECT_NE(failed.error(), nullptr);
  const Ticket dependant = submit(ring.acquire(), {.after = {{failed, {.allow_host_wait = true}}},
                                                   .signal = {{timeline(), 1}}});
  EXPECT_THROW(dependant.wait(), DependencyFailed);
  EXPECT_EQ(dependant.serial().value(), 0U);
  // The slot has forgotten it.
  ring.acquire().submit();
  ring.drain();
  EXPECT_EQ(timeline_value(), 0U);
}

TEST_P(Submit, ATimelinePointIsThereForOthers) {
  auto& ring = make_ring();
  const Ticket gate = submit(ring.acquire(), {.wait = {{timeline(), 1}}});
  SemaphorePoint point = timeline_point(gate);
  EXPECT_EQ(point.value, gate.serial().value());
  const auto wait = [&](std::uint64_t timeout_ns) {
    VkSemaphoreWaitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    info.semaphoreCount = 1;
    info.pSemaphores = &point.semaphore;
    info.pValues = &point.value;
    return functions_of(*device_).vkWaitSemaphores(device_->handle(), &info, timeout_ns);
  };
  EXPECT_EQ(wait(1'000'000), VK_TIMEOUT);
  timeline_->signal(1);
  EXPECT_EQ(wait(std::numeric_limits<std::uint64_t>::max()), VK_SUCCESS);
  gate.wait();
  // The owner keeps it for longer than its ring; validation looks on.
  const Ticket last = ring.acquire().submit();
  ring_.reset();
  EXPECT_EQ(wait(0), VK_SUCCESS);
  EXPECT_THAT([&] { (void)timeline_point(last); },
              ThrowsMessage<InvalidUsage>(HasSubstr("ring has ended")));
  EXPECT_THROW((void)timeline_point({}), InvalidUsage);
}

TEST_P(Submit, ATimelinePointOfAnotherApiIsRefused) {
  CommandBufferRing other(simulated::make_gpu());
  const Ticket ticket = other.acquire().submit();
  EXPECT_THAT([&] { (void)timeline_point(ticket); },
              ThrowsMessage<InvalidUsage>(HasSubstr("another API")));
}

TEST_P(Submit, ATimeoutNamesTheSemaphoreThatIsWaitedFor) {
  auto& ring = make_ring({.ring_size = 1});
  const Ticket ticket = submit(ring.acquire(), {.wait = {{timeline(), 7}, {timeline(), 8}}});
  EXPECT_THAT(
      [&] { (void)ring.acquire(1ms); },
      ThrowsMessage<AcquireTimeout>(AllOf(HasSubstr("waiting for the program's semaphore 0x"),
                                          HasSubstr(" at 7 and 1 more"))));
  timeline_->signal(8);
  ticket.wait();
  // The next work of the slot waits for nothing of the program's.
  test::QueueGate gate(device_);
  gate.close();
  (void)ring.acquire().submit();
  EXPECT_THAT([&] { (void)ring.acquire(1ms); },
              ThrowsMessage<AcquireTimeout>(Not(HasSubstr("program's"))));
  gate.open();
  ring.drain();
}

TEST_P(Submit, BadEntriesAreNamedAndNothingNativeHappens) {
  auto& ring = make_ring();
  const BinarySemaphore binary(*device_);
  const BinarySemaphore other(*device_);
  const ProgramBuffer buffer(*device_);
  const VkCommandBuffer filling = buffer.filling(1);
  const VkSemaphore b = binary.handle;
  const VkSemaphore t = timeline();
  const Ticket ended = ring.acquire().submit();
  ring.drain();
  const std::uint64_t submits = shim_.vkQueueSubmit.calls();
  EXPECT_THAT(refusal({.wait = {{t, 1}, {}}}),
              AllOf(HasSubstr("InvalidUsage"), HasSubstr("wait[1] is a null semaphore")));
  EXPECT_THAT(refusal({.signal = {{}}}), HasSubstr("signal[0] is a null semaphore"));
  EXPECT_THAT(refusal({.command_buffers_before = {filling, VK_NULL_HANDLE}}),
              HasSubstr("command_buffers_before[1] is a null command buffer"));
  EXPECT_THAT(refusal({.command_buffers_after = {VK_NULL_HANDLE}}),
              HasSubstr("command_buffers_after[0] is a null command buffer"));
  EXPECT_THAT(refusal({.wait = {{b}, {other.handle}, {b}}}),
              HasSubstr("wait[0] and wait[2] are the same semaphore, and binary"));
  EXPECT_THAT(refusal({.signal = {{b}, {b}}}),
              HasSubstr("signal[0] and signal[1] are the same semaphore, and binary"));
  EXPECT_THAT(refusal({.signal = {{t, 1}, {t, 2}}}),
              HasSubstr("signal[0] and signal[1] are the same semaphore, and two signals"));
  EXPECT_THAT(refusal({.wait = {{b}}, .signal = {{other.handle}, {b}}}),
              HasSubstr("wait[0] and signal[1] are the same semaphore, to be waited for and"));
  EXPECT_THAT(refusal({.wait = {{t, 3}}, .signal = {{t, 3}}}),
              HasSubstr("waited for with 3 and would get 3 by this very submission"));
  EXPECT_THAT(
      refusal({.wait = {{t, 3}, {t}}}),
      HasSubstr("wait[0] and wait[1] are the same semaphore, which is binary at one place"));
  EXPECT_THAT(refusal({.signal = {{t, 0}}}),
              AllOf(HasSubstr("InvalidOption"), HasSubstr("signal[0] has the value 0")));
  EXPECT_THAT(refusal({.wait = {{t, 1, VK_PIPELINE_STAGE_2_HOST_BIT}}}),
              AllOf(HasSubstr("InvalidOption"), HasSubstr("wait[0] names the stage of the host")));
  EXPECT_THAT(refusal({.signal = {{timeline_point(ended).semaphore, 9}}}),
              AllOf(HasSubstr("InvalidUsage"), HasSubstr("signal[0] is the ring's own semaphore")));
  EXPECT_THAT(
      [&] {
        Lease lease = ring.acquire();
        const VkCommandBuffer own = command_buffer(lease);
        (void)submit(std::move(lease), {.command_buffers_after = {filling, own}});
      },
      ThrowsMessage<InvalidUsage>(
          HasSubstr("command_buffers_after[1] is the slot's own command buffer")));
  EXPECT_THAT(refusal({.wait = {{t, 1, VK_PIPELINE_STAGE_2_NONE}}}),
              AllOf(HasSubstr("InvalidOption"), HasSubstr("wait[0] names no stages")));
  EXPECT_THAT(
      refusal({.wait = std::vector<Semaphore>(65, {t, 1})}),
      AllOf(HasSubstr("InvalidOption"), HasSubstr("wait has 65 entries, allowed are 0 to 64")));
  EXPECT_THAT(refusal({.command_buffers_after = std::vector<VkCommandBuffer>(65, filling)}),
              HasSubstr("command_buffers_after has 65 entries"));
  EXPECT_EQ(shim_.vkQueueSubmit.calls(), submits);
  EXPECT_EQ(ring.statistics().submissions, 1U);
  expect_all_free();
  // Nothing was said of leases that were dropped.
  EXPECT_EQ(log_, "");
}

TEST_P(Submit, StagesOfSynchronization2NeedIt) {
  auto& ring = make_ring();
  const SubmitOptions options{.wait = {{timeline(), 1, VK_PIPELINE_STAGE_2_COPY_BIT}}};
  if (GetParam() == Form::before) {
    EXPECT_THAT(refusal(options), HasSubstr("wait[0] names the stages 0x100000000, which need"));
    expect_all_free();
  } else {
    timeline_->signal(1);
    submit(ring.acquire(), options).wait();
  }
}

TEST_P(Submit, LeasesThatCantBeSubmittedSoAreRefused) {
  auto& ring = make_ring();
  EXPECT_THROW((void)submit(Lease(), {}), InvalidUsage);
  Lease lease = ring.acquire();
  (void)submit(std::move(lease), {});
  // NOLINTNEXTLINE(bugprone-use-after-move)
  EXPECT_THROW((void)submit(std::move(lease), {}), InvalidUsage);
  CommandBufferRing other(simulated::make_gpu());
  EXPECT_THAT([&] { (void)submit(other.acquire(), {}); },
              ThrowsMessage<InvalidUsage>(HasSubstr("ring of another API")));
  Lease late = ring.acquire();
  ring_.reset();
  EXPECT_THAT(
      [&] {
        (void)submit(std::move(late), {.signal = {{timeline(), 1}}});
      },
      ThrowsMessage<InvalidUsage>(HasSubstr("the ring is gone")));
}

TEST_P(Submit, ARefusedSubmissionLeavesNothingInTheSlot) {
  if (GetParam() == Form::synchronization2) GTEST_SKIP() << "the shim stands in vkQueueSubmit";
  auto& ring = make_ring({.ring_size = 1});
  shim_.vkQueueSubmit.replacement = [](auto&&...) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  EXPECT_THROW((void)submit(ring.acquire(), {.wait = {{timeline(), 1}}}), SubmitFailed);
  shim_.vkQueueSubmit.replacement = nullptr;
  ring.acquire().submit().wait();
}

}  // namespace
}  // namespace cbr::vulkan
