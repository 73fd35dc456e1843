// What validate() finds at ends: of slots, of reports and of rings.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/validation.h>

#include "unit/decorators/validation_fixture.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;

TEST_F(Validation, OnlyRecordingSlotsAreAbandonedAndNothingFollows) {
  (void)backend_->abandon(slot0);
  // A ring abandons slots under a lock, where no sink may be called.
  expect_none();
  backend_->wake(1);
  expect_violation("abandon(slot #0): the slot is free, it must be recording");
  (void)backend_->begin(slot1);
  fake_->native = std::make_unique<NativeSlot>();
  (void)backend_->abandon(slot1);
  backend_->wake(1);
  expect_none();
  (void)backend_->begin(slot1);
  expect_violation("begin(slot #1): the slot is abandoned, it must be free");
  backend_->detach();
  expect_none();
}

TEST_F(Validation, AbandonHandsOutObjects) {
  const NativeSlot* const native = fake_->native.get();
  (void)backend_->begin(slot0);
  EXPECT_EQ(backend_->abandon(slot0).get(), native);
  (void)backend_->begin(slot1);
  EXPECT_EQ(backend_->abandon(slot1), nullptr);
  backend_->detach();
  expect_violation("abandon(slot #1): handed out nothing");
}

TEST_F(Validation, NoOtherCallOfASlotIsUnderWayWhenItIsAbandoned) {
  (void)backend_->begin(slot0);
  fake_->on_submit = [&] { (void)backend_->abandon(slot0); };
  backend_->submit(slot0, Serial(1), {});
  expect_violation("abandon(slot #0): submit of the same slot is under way on another thread");
}

TEST_F(Validation, ReportsEndWithTheRing) {
  backend_->detach();
  std::vector<std::string> reports;
  backend_->attach({.ring_size = 1, .ring_name = "Test", .report = [&](std::string_view line) {
                      reports.emplace_back(line);
                    }});
  fake_->report("one");
  fake_->on_detach = [&] { fake_->report("two"); };
  backend_->detach();
  expect_none();
  EXPECT_THAT(reports, testing::ElementsAre("one", "two"));
  fake_->report("three");
  expect_violation("report: called although no ring is attached");
  EXPECT_EQ(reports.size(), 2U) << "the ring's function may be gone";
  // Nobody wants to know: a backend must see that.
  backend_->attach({.ring_size = 1, .ring_name = "Test"});
  EXPECT_FALSE(fake_->report);
}

TEST_F(Validation, NothingIsReportedToARingThatCouldNotAttach) {
  backend_->detach();
  int reports = 0;
  fake_->on_attach = [] { throw BackendError("no memory"); };
  EXPECT_THROW(
      backend_->attach(
          {.ring_size = 1, .ring_name = "Test", .report = [&](std::string_view) { ++reports; }}),
      BackendError);
  fake_->report("late");
  expect_violation("report: called although no ring is attached");
  EXPECT_EQ(reports, 0);
}

TEST_F(Validation, OnlyFreeSlotsAreRemovedAndAbsentOnesAdded) {
  (void)backend_->begin(slot0);
  backend_->remove_slot(slot0);
  expect_violation("remove_slot(slot #0): the slot is recording, it must be free");
  backend_->add_slot(slot1);
  expect_violation("add_slot(slot #1): the slot is free, it must be absent");
  backend_->add_slot(SlotIndex{4});
  expect_violation("add_slot(slot #4): the first slot past the last is #3");
}

TEST_F(Validation, NothingIsInFlightAtDetach) {
  submit(slot0, 1);
  backend_->detach();
  expect_violation("detach: slot #0 is in flight with serial 1");
}

TEST_F(Validation, WhatHasEndedAndWhatIsRecordingIsNotInFlight) {
  submit(slot0, 1);
  fake_->completed_value = 1;
  (void)wait(1);
  (void)backend_->begin(slot1);
  backend_->detach();
  expect_none();
}

TEST_F(Validation, NoCallIsUnderWayAtDetach) {
  fake_->completed_value = 0;
  fake_->on_wait = [&] { backend_->detach(); };
  fake_->status = WaitStatus::timed_out;
  (void)wait(1, 0, TimePoint(1s));
  expect_violation("detach: 1 calls of wait, wake or completed are under way");
}

TEST_F(Validation, NoWakeIsUnderWayAtDetach) {
  fake_->on_wake = [&] { backend_->detach(); };
  backend_->wake(1);
  expect_violation("detach: 1 calls of wait, wake or completed are under way");
}

}  // namespace
}  // namespace cbr
