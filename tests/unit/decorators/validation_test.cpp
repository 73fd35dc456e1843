// What validate() finds in calls for slots and queues, and in what a backend says of outcomes.
#include <chrono>
#include <memory>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "unit/decorators/validation_fixture.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

TEST_F(Validation, CorrectUseIsSilent) {
  submit(slot0, 1);
  submit(slot1, 2);
  fake_->completed_value = 1;
  EXPECT_EQ(wait(1), WaitStatus::reached);
  EXPECT_EQ(backend_->completed(queue0).value(), 1U);
  (void)backend_->finish(slot0);
  (void)backend_->begin(slot0);
  backend_->discard(slot0);
  backend_->remove_slot(SlotIndex{2});
  backend_->add_slot(SlotIndex{2});
  backend_->add_slot(SlotIndex{3});
  fake_->completed_value = 2;
  (void)backend_->completed(queue0);
  (void)backend_->finish(slot1);
  backend_->wake(1);
  (void)backend_->begin(slot1);
  EXPECT_NE(backend_->abandon(slot1), nullptr);
  backend_->detach();
  backend_->attach({.ring_size = 1, .ring_name = "Next"});
  submit(slot0, 1);
  expect_none();
}

TEST_F(Validation, CallsNeedAnAttachedRing) {
  backend_->detach();
  expect_none();
  (void)backend_->completed(queue0);
  expect_violation("completed: no ring is attached");
  backend_->detach();
  expect_violation("detach: no ring is attached");
  fake_->status = WaitStatus::timed_out;
  (void)wait(1, 0, TimePoint(1s));
  expect_violation("wait: no ring is attached");
  backend_->wake(1);
  expect_violation("wake: no ring is attached");
  (void)backend_->begin(SlotIndex{7});
  EXPECT_THAT(violations_, Contains(HasSubstr("begin: no ring is attached")));
}

TEST_F(Validation, OneRingAtATime) {
  backend_->attach({.ring_size = 1, .ring_name = "Second"});
  expect_violation("attach: succeeded with another ring attached already");
}

TEST_F(Validation, SlotsMoveFromStateToState) {
  backend_->submit(slot0, Serial(1), {});
  expect_violation("submit(slot #0): the slot is free, it must be recording");
  (void)backend_->begin(slot0);
  expect_violation("begin(slot #0): the slot is in flight, it must be free");
  (void)backend_->begin(slot0);
  expect_violation("begin(slot #0): the slot is recording, it must be free");
  (void)backend_->finish(slot0);
  expect_violation("finish(slot #0): the slot is recording, it must be in flight");
  backend_->discard(slot0);
  expect_violation("discard(slot #0): the slot is free, it must be recording");
  (void)backend_->begin(SlotIndex{3});
  expect_violation("begin(slot #3): the slot is absent, it must be free");
}

TEST_F(Validation, BeginReturnsAHandle) {
  fake_->handle = nullptr;
  (void)backend_->begin(slot0);
  expect_violation("begin(slot #0): returned a null handle");
}

TEST_F(Validation, OneThreadAtATimeUsesASlot) {
  fake_->on_begin = [&] {
    std::thread([&] { backend_->discard(slot0); }).join();
    // Another slot is another matter.
    fake_->on_begin = nullptr;
    std::thread([&] { (void)backend_->begin(slot1); }).join();
  };
  (void)backend_->begin(slot0);
  expect_violation("discard(slot #0): begin of the same slot is under way on another thread");
}

TEST_F(Validation, OneThreadAtATimeSubmitsToAQueue) {
  (void)backend_->begin(slot0);
  (void)backend_->begin(slot1);
  fake_->on_submit = [&] {
    fake_->on_submit = nullptr;
    std::thread([&] { backend_->submit(slot1, Serial(2), {}); }).join();
  };
  backend_->submit(slot0, Serial(1), {});
  expect_violation("submit(slot #1): another submission to the same queue is under way");
}

TEST_F(Validation, SerialsCountUpByOne) {
  submit(slot0, 2);
  expect_violation("submit(slot #0): the serial is 2, it must be 1");
  submit(slot1, 2);
  expect_violation("submit(slot #1): the serial is 2, it must be 3");
}

TEST_F(Validation, AFailedSubmitUsesNoSerialAndFreesTheSlot) {
  fake_->on_submit = [] { throw SubmitFailed("refused"); };
  EXPECT_THROW(submit(slot0, 1), SubmitFailed);
  fake_->on_submit = nullptr;
  submit(slot0, 1);
  expect_none();
}

TEST_F(Validation, GatheredWorkIsSentBeforeAnyoneWaitsForIt) {
  gather(slot0, 1);
  (void)wait(1);
  expect_violation("wait: serial 1 of queue 0 is gathered, and not sent");
  backend_->flush(queue0);
  (void)wait(1);
  expect_none();
  gather(slot1, 2);
  submit(SlotIndex{2}, 3);
  (void)wait(2);
  expect_none();
}

TEST_F(Validation, WhatTheBackendDidNotKeepIsSent) {
  fake_->keeps = false;
  gather(slot0, 1);
  (void)wait(1);
  expect_none();
}

TEST_F(Validation, AFlushThatFailsSendsNothing) {
  gather(slot0, 1);
  fake_->on_flush = [] { throw BackendError("not now"); };
  EXPECT_THROW(backend_->flush(queue0), BackendError);
  (void)wait(1);
  expect_violation("is gathered, and not sent");
}

TEST_F(Validation, GatheringIsForBackendsThatCan) {
  fake_->can_gather = false;
  gather(slot0, 1);
  expect_violation("gather: the backend does not coalesce");
}

TEST_F(Validation, GatheringCountsAsSubmitting) {
  gather(slot0, 2);
  expect_violation("gather(slot #0): the serial is 2, it must be 1");
  fake_->on_submit = [] { throw SubmitFailed("refused"); };
  EXPECT_THROW(gather(slot1, 3), SubmitFailed);
  fake_->on_submit = nullptr;
  gather(slot1, 3);
  expect_none();
}

TEST_F(Validation, OneThreadAtATimeFlushesAQueue) {
  (void)backend_->begin(slot0);
  fake_->on_submit = [&] {
    fake_->on_submit = nullptr;
    std::thread([&] { backend_->flush(queue0); }).join();
  };
  backend_->submit(slot0, Serial(1), {});
  expect_violation("flush(queue 0): a submission to it is under way on another thread");
}

TEST_F(Validation, CompletedNeverGoesBack) {
  submit(slot0, 1);
  submit(slot1, 2);
  fake_->completed_value = 2;
  (void)backend_->completed(queue0);
  fake_->completed_value = 1;
  (void)backend_->completed(queue0);
  expect_violation("completed(queue 0): is 1, but 2 had ended");
}

TEST_F(Validation, CompletedKnowsWhatAWaitHasReached) {
  submit(slot0, 1);
  fake_->completed_value = 1;
  (void)wait(1);
  fake_->completed_value = 0;
  (void)backend_->completed(queue0);
  expect_violation("completed(queue 0): is 0, but 1 had ended");
}

TEST_F(Validation, CompletedStaysBehindWhatWasSubmitted) {
  submit(slot0, 1);
  fake_->completed_value = 2;
  (void)backend_->completed(queue0);
  expect_violation("completed(queue 0): is 2, but only 1 were submitted");
  (void)backend_->completed(QueueIndex{1});
  expect_violation("completed: queue 1 of 1");
}

TEST_F(Validation, FinishComesAfterCompletedAndOnce) {
  submit(slot0, 1);
  fake_->completed_value = 1;
  (void)wait(1);
  (void)backend_->finish(slot0);
  expect_violation("finish(slot #0): serial 1 has not ended, completed is 0");
  (void)backend_->completed(queue0);
  (void)backend_->finish(slot0);
  expect_violation("finish(slot #0): the slot is free, it must be in flight");
}

TEST_F(Validation, CompletedAndFinishOfAQueueComeOneAtATime) {
  submit(slot0, 1);
  submit(slot1, 2);
  fake_->completed_value = 2;
  fake_->on_completed = [&] {
    fake_->on_completed = nullptr;
    std::thread([&] { (void)backend_->completed(queue0); }).join();
  };
  (void)backend_->completed(queue0);
  expect_violation(
      "completed(queue 0): completed of the same queue is under way on another thread");
  fake_->on_finish = [&] {
    fake_->on_finish = nullptr;
    std::thread([&] { (void)backend_->completed(queue0); }).join();
  };
  (void)backend_->finish(slot0);
  expect_violation("completed(queue 0): finish of the same queue is under way on another thread");
  fake_->on_completed = [&] {
    fake_->on_completed = nullptr;
    std::thread([&] { (void)backend_->finish(slot1); }).join();
  };
  (void)backend_->completed(queue0);
  expect_violation("finish(slot #1): completed of the same queue is under way on another thread");
}

TEST_F(Validation, QueuesAreAskedSideBySide) {
  const auto fake = std::make_shared<FakeBackend>(2);
  const auto backend =
      validate(fake, [this](std::string_view line) { violations_.emplace_back(line); });
  backend->attach({.ring_size = 2, .ring_name = "Test"});
  fake->on_completed = [&] {
    fake->on_completed = nullptr;
    std::thread([&] { (void)backend->completed(QueueIndex{1}); }).join();
  };
  (void)backend->completed(queue0);
  expect_none();
}

TEST_F(Validation, AFailedCallIsUnderWayNoMore) {
  submit(slot0, 1);
  fake_->completed_value = 1;
  const auto fail = [] { throw BackendError("once"); };
  fake_->on_completed = fail;
  EXPECT_THROW((void)backend_->completed(queue0), BackendError);
  fake_->on_completed = nullptr;
  fake_->on_wait = fail;
  EXPECT_THROW(wait(1), BackendError);
  fake_->on_wait = nullptr;
  fake_->on_wake = fail;
  EXPECT_THROW(backend_->wake(1), BackendError);
  fake_->on_wake = nullptr;
  backend_->wake(1);
  (void)backend_->completed(queue0);
  // The work counts as ended; only its times are gone.
  fake_->on_finish = fail;
  EXPECT_THROW((void)backend_->finish(slot0), BackendError);
  fake_->on_finish = nullptr;
  (void)backend_->begin(slot0);
  (void)backend_->completed(queue0);
  backend_->detach();
  expect_none();
}

TEST_F(Validation, FinishFollowsTheSerials) {
  submit(slot1, 1);
  submit(slot0, 2);
  fake_->completed_value = 2;
  (void)backend_->completed(queue0);
  (void)backend_->finish(slot0);
  expect_violation("finish(slot #0): the serial is 2, it must be 1");
  (void)backend_->finish(slot1);
  expect_violation("finish(slot #1): the serial is 1, it must be 3");
}

TEST_F(Validation, IntervalsEndAfterTheyStart) {
  finish_with({GpuInterval{3ns, 3ns}, 3ns, nullptr});
  expect_none();
  finish_with({GpuInterval{3ns, 2ns}, 2ns, nullptr});
  expect_violation("finish(slot #0): the interval ends before it starts");
}

TEST_F(Validation, TheEndIsThatOfTheInterval) {
  finish_with({GpuInterval{3ns, 4ns}, 5ns, nullptr});
  expect_violation("finish(slot #0): the end is not that of the interval");
  finish_with({GpuInterval{3ns, 4ns}, std::nullopt, nullptr});
  expect_violation("finish(slot #0): the end is not that of the interval");
  finish_with({std::nullopt, 5ns, nullptr});
  expect_none();
}

TEST_F(Validation, NoTimesAreToldThatWereNotAskedFor) {
  const Completion both{GpuInterval{3ns, 4ns}, 4ns, nullptr};
  const Completion end_alone{std::nullopt, 4ns, nullptr};
  attach(GpuTimes::sampled);
  finish_with(both);
  finish_with({});
  expect_none();
  attach(GpuTimes::end);
  fake_->completed_value = 0;
  finish_with(end_alone);
  expect_none();
  finish_with(both);
  expect_violation("finish(slot #0): tells an interval that was not asked for");
  attach(GpuTimes::none);
  fake_->completed_value = 0;
  finish_with({});
  expect_none();
  finish_with(end_alone);
  expect_violation("finish(slot #0): tells an end that was not asked for");
}

TEST_F(Validation, ALostDeviceStaysLost) {
  submit(slot1, 1);
  fake_->on_begin = [] { throw DeviceLost("gone"); };
  EXPECT_THROW((void)backend_->begin(slot0), DeviceLost);
  EXPECT_THROW((void)backend_->begin(slot0), DeviceLost);
  expect_none();
  (void)backend_->completed(queue0);
  expect_violation("completed: succeeded although the device is lost");
  // What is in flight on a lost device is nobody's fault.
  backend_->detach();
  expect_none();
}

TEST_F(Validation, AnyOtherFailureConcernsOneCallOnly) {
  fake_->on_begin = [] { throw BackendError("once"); };
  EXPECT_THROW((void)backend_->begin(slot0), BackendError);
  fake_->on_begin = nullptr;
  submit(slot0, 1);
  expect_none();
}

TEST(ValidationDeathTest, ByDefaultAViolationAborts) {
  const auto backend = validate(std::make_shared<FakeBackend>());
  EXPECT_DEATH(backend->detach(), "backend contract broken: detach: no ring is attached");
  EXPECT_THROW((void)validate(nullptr), InvalidUsage);
}

TEST(ValidationOfTheRing, ARingOnTheSimulatedGpuKeepsTheContract) {
  const auto gpu = simulated::make_gpu(2);
  CommandBufferRing ring(validate(gpu), {.ring_size = 4});
  const auto work = [&] {
    for (int i = 0; i < 300; ++i) {
      Lease lease = ring.acquire();
      simulated::record(lease, {.encode = 2us, .execute = 5us});
      if (i % 7 == 0) {
        lease.discard();
      } else {
        std::move(lease).submit();
      }
    }
  };
  std::thread other(work);
  work();
  other.join();
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 2U * (300 - 43));
}

}  // namespace
}  // namespace cbr
