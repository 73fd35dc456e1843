// What the backend gathers goes to the driver in one call, under validation.
#include <cstdint>
#include <exception>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "support/queue_gate.h"
#include "unit/vulkan/shimmed_backend.h"

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class Gather : public ShimmedBackend {
 protected:
  void gather(std::uint32_t slot, std::uint64_t serial) {
    (void)backend_->begin(SlotIndex{slot});
    EXPECT_TRUE(backend_->gather(SlotIndex{slot}, Serial(serial), no_deadline));
  }
  void flush() { backend_->flush(QueueIndex{0}); }
  Completion finish(std::uint32_t slot) { return backend_->finish(SlotIndex{slot}); }
  /// Notes how many command buffers each native submission has, one list a call.
  void watch_submissions() {
    shim_.vkQueueSubmit.replacement = [this](VkQueue queue, std::uint32_t count,
                                             const VkSubmitInfo* infos, VkFence fence) {
      std::vector<std::uint32_t>& buffers = calls_.emplace_back();
      for (std::uint32_t i = 0; i < count; ++i) buffers.push_back(infos[i].commandBufferCount);
      return shim_.vkQueueSubmit.next(queue, count, infos, fence);
    };
  }
  void refuse() {
    shim_.vkQueueSubmit.replacement = [](auto&&...) { return VK_ERROR_OUT_OF_DEVICE_MEMORY; };
  }
  /// The driver takes submissions of nothing.
  void refuse_work() {
    shim_.vkQueueSubmit.replacement = [this](VkQueue queue, std::uint32_t count,
                                             const VkSubmitInfo* infos, VkFence fence) {
      if (count > 0 && infos->commandBufferCount > 0) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
      return shim_.vkQueueSubmit.next(queue, count, infos, fence);
    };
  }
  void accept() { shim_.vkQueueSubmit.replacement = nullptr; }

  std::vector<std::vector<std::uint32_t>> calls_;
};

TEST_F(Gather, GoesWithTheNextInOneSubmission) {
  attach(4, GpuTimes::both);
  watch_submissions();
  gather(0, 1);
  gather(1, 2);
  EXPECT_EQ(completed(), 0U);
  EXPECT_TRUE(calls_.empty());
  submit(2, 3);
  EXPECT_THAT(calls_, ElementsAre(ElementsAre(3U)));
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_EQ(completed(), 3U);
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    const Completion completion = finish(slot);
    EXPECT_EQ(completion.error, nullptr) << slot;
    EXPECT_TRUE(completion.interval) << slot;
  }
  // Nothing is left of it.
  submit(0, 4);
  EXPECT_THAT(calls_.back(), ElementsAre(1U));
  EXPECT_EQ(wait(4), WaitStatus::reached);
  EXPECT_EQ(completed(), 4U);
}

TEST_F(Gather, AFlushSendsItAlone) {
  attach(4);
  watch_submissions();
  flush();
  EXPECT_TRUE(calls_.empty());
  gather(0, 1);
  gather(1, 2);
  flush();
  flush();
  EXPECT_THAT(calls_, ElementsAre(ElementsAre(2U)));
  EXPECT_EQ(wait(2), WaitStatus::reached);
  EXPECT_EQ(completed(), 2U);
}

TEST_F(Gather, WhatWaitsIsASubmissionOfItsOwn) {
  attach(4);
  watch_submissions();
  gather(0, 1);
  (void)backend_->begin(SlotIndex{1});
  std::vector<TimelinePoint> waits = {{backend_->timeline(QueueIndex{0}), Serial(1)}};
  backend_->submit(SlotIndex{1}, Serial(2), waits);
  EXPECT_THAT(calls_, ElementsAre(ElementsAre(1U), ElementsAre(1U)));
  EXPECT_EQ(wait(2), WaitStatus::reached);
  EXPECT_EQ(completed(), 2U);
}

TEST_F(Gather, WhatTheDriverRefusesEndsInItsTurn) {
  attach(4, GpuTimes::both);
  std::exception_ptr nothing;
  {
    test::QueueGate gate(device_);
    gate.close();
    submit(0, 1);
    gather(1, 2);
    gather(2, 3);
    refuse_work();
    flush();
    accept();
    // What is before it has not ended.
    EXPECT_EQ(completed(), 0U);
    EXPECT_EQ(wait(2, 0, Clock::now()), WaitStatus::timed_out);
  }
  EXPECT_EQ(wait(3), WaitStatus::reached);
  EXPECT_EQ(completed(), 3U);
  EXPECT_EQ(finish(0).error, nullptr);
  for (const std::uint32_t slot : {1U, 2U}) {
    const Completion completion = finish(slot);
    EXPECT_FALSE(completion.interval) << slot;
    ASSERT_NE(completion.error, nullptr) << slot;
    EXPECT_THROW(std::rethrow_exception(completion.error), SubmitFailed) << slot;
  }
  // The slots go on, and so does the queue.
  EXPECT_EQ(run(1, 4).error, nullptr);
  EXPECT_EQ(run(2, 5).error, nullptr);
}

TEST_F(Gather, WorkOfOthersThatWaitsForRefusedWorkGoesOn) {
  attach(4);
  gather(0, 1);
  refuse_work();
  flush();
  accept();
  // Nobody asks for the queue's progress before this.
  (void)backend_->begin(SlotIndex{1});
  std::vector<TimelinePoint> waits = {{backend_->timeline(QueueIndex{0}), Serial(1)}};
  backend_->submit(SlotIndex{1}, Serial(2), waits);
  gather(2, 3);
  refuse_work();
  flush();
  accept();
  EXPECT_EQ(wait(3), WaitStatus::reached);
  EXPECT_EQ(completed(), 3U);
  EXPECT_NE(finish(0).error, nullptr);
  EXPECT_EQ(finish(1).error, nullptr);
  EXPECT_NE(finish(2).error, nullptr);
}

TEST_F(Gather, StaysGatheredWhileTheDriverTakesNothing) {
  attach(4);
  gather(0, 1);
  refuse();
  EXPECT_THROW(flush(), SubmitFailed);
  (void)backend_->begin(SlotIndex{1});
  EXPECT_THROW(backend_->submit(SlotIndex{1}, Serial(2), {}), SubmitFailed);
  accept();
  watch_submissions();
  flush();
  EXPECT_THAT(calls_, ElementsAre(ElementsAre(1U)));
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_EQ(completed(), 1U);
  EXPECT_EQ(finish(0).error, nullptr);
}

TEST_F(Gather, RefusedTwiceInARowItEndsAsWell) {
  attach(4);
  refuse_work();
  gather(0, 1);
  flush();
  gather(1, 2);
  flush();
  accept();
  EXPECT_EQ(wait(2), WaitStatus::reached);
  EXPECT_EQ(completed(), 2U);
  EXPECT_NE(finish(0).error, nullptr);
  EXPECT_NE(finish(1).error, nullptr);
  EXPECT_EQ(run(2, 3).error, nullptr);
}

TEST_F(Gather, ASubmissionThatIsRefusedTakesItAlong) {
  attach(4);
  gather(0, 1);
  refuse_work();
  (void)backend_->begin(SlotIndex{1});
  EXPECT_THROW(backend_->submit(SlotIndex{1}, Serial(2), {}), SubmitFailed);
  accept();
  // Its serial may be used again.
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_EQ(completed(), 1U);
  EXPECT_NE(finish(0).error, nullptr);
  EXPECT_EQ(run(1, 2).error, nullptr);
}

TEST_F(Gather, IsForgottenWithTheRing) {
  attach(2);
  gather(0, 1);
  detach();
  attach(2);
  watch_submissions();
  submit(0, 1);
  EXPECT_THAT(calls_, ElementsAre(ElementsAre(1U)));
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_EQ(completed(), 1U);
}

}  // namespace
}  // namespace cbr::vulkan
