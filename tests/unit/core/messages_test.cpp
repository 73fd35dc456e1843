#include "core/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "core/label.h"

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Label, KeepsTheFirst31Bytes) {
  EXPECT_EQ(Label().view(), "");
  EXPECT_EQ(Label("a").view(), "a");
  const std::string longest(31, 'x');
  EXPECT_EQ(Label(longest).view(), longest);
  EXPECT_EQ(Label(longest + "yz").view(), longest);
}

TEST(Messages, TheTextsOfWaitEventsAreExact) {
  EXPECT_EQ(waiting_text(SlotIndex{0}), "Waiting for slot #0...");
  EXPECT_EQ(waited_text(2350us, SlotIndex{12}), "Waited 2.35ms for slot #12");
  EXPECT_EQ(still_waiting_text(5000ms), "Still waiting... (5000ms elapsed)");
}

TEST(Messages, ASlotIsNamedWithItsLabel) {
  EXPECT_EQ(slot_name(SlotIndex{4}, {}), "slot #4");
  EXPECT_EQ(slot_name(SlotIndex{4}, Label("lights")), "slot #4 'lights'");
}

TEST(Messages, APlaceIsAFileAndALine) {
  const auto here = std::source_location::current();
  EXPECT_EQ(place(here), std::string(here.file_name()) + ":" + std::to_string(here.line()));
  EXPECT_EQ(place({}), ":0");
}

TEST(Messages, SayWhatAnExceptionSays) {
  EXPECT_EQ(what_of(std::make_exception_ptr(ExecutionFailed("it burnt"))), "it burnt");
  EXPECT_EQ(what_of(std::make_exception_ptr(5)), "an exception that is not a std::exception");
}

TEST(Messages, AHangTellsWhereToLook) {
  const auto here = std::source_location::current();
  HangReport report{.slot = SlotIndex{2},
                    .point = {QueueIndex{1}, Serial(9)},
                    .held = false,
                    .label = Label("step"),
                    .age = 5001ms,
                    .acquired_at = here,
                    .submitted_at = std::source_location::current()};
  EXPECT_EQ(hang_text(AllocationStrategy::least_busy, report),
            "slot #2 'step' is in flight with serial 9 on queue 1 for 5001 ms "
            "(strategy least-busy, acquired at " +
                place(report.acquired_at) + ", submitted at " + place(report.submitted_at) + ")");
  report.held = true;
  EXPECT_THAT(hang_text(AllocationStrategy::least_busy, report),
              HasSubstr("slot #2 'step' is held back by its sequence for 5001 ms"));
}

TEST(Messages, WhatTheProgramForgotIsNamedWithItsPlace) {
  Submission submission;
  submission.slot = SlotIndex{3};
  submission.label = Label("shadows");
  submission.acquired_at = std::source_location::current();
  submission.submitted_at = std::source_location::current();
  submission.completion.error = std::make_exception_ptr(ExecutionFailed("it burnt"));
  EXPECT_EQ(abandoned_text(submission), "the lease of slot #3 'shadows', acquired at " +
                                            place(submission.acquired_at) +
                                            ", was dropped without submit() or discard()");
  EXPECT_EQ(unseen_failure_text(submission),
            "slot #3 'shadows', submitted at " + place(submission.submitted_at) +
                ", failed and no ticket was asked about it: it burnt");
  EXPECT_EQ(leased_at_end_text(SlotIndex{3}, Label(), submission.acquired_at),
            "the ring is destroyed while slot #3 is leased, acquired at " +
                place(submission.acquired_at));
}

TEST(Messages, ATimeoutTellsWhatIsInTheWay) {
  Submission submission;
  submission.label = Label("busy");
  submission.acquired_at = std::source_location::current();
  submission.submitted_at = std::source_location::current();
  Slot slot;
  EXPECT_EQ(timeout_text("R", 1500us, 1ms, SlotIndex{0}, slot),
            "R: no slot free after 1.50 ms (limit 1.00 ms): slot #0 was busy");
  slot.submission = &submission;
  const auto text = [&](Phase phase) {
    submission.phase = phase;
    return timeout_text("R", 1ms, 1ms, SlotIndex{0}, slot);
  };
  submission.serial = 7;
  EXPECT_THAT(text(Phase::in_flight), HasSubstr("slot #0 'busy' is in flight with serial 7"));
  EXPECT_THAT(text(Phase::leased),
              HasSubstr("slot #0 'busy' is leased, acquired at " + place(submission.acquired_at)));
  EXPECT_THAT(text(Phase::held),
              HasSubstr("slot #0 'busy' is held back by its sequence, submitted at " +
                        place(submission.submitted_at)));
}

TEST(Messages, ARecordTellsWhatItHas) {
  Submission submission;
  submission.slot = SlotIndex{2};
  submission.queue = QueueIndex{1};
  submission.label = Label("step");
  submission.acquired_at = std::source_location::current();
  submission.submitted_at = std::source_location::current();
  const auto described = [&] {
    LogMessage message;
    describe(message, submission);
    return message;
  };
  LogMessage message = described();
  EXPECT_EQ(message.slot, SlotIndex{2});
  EXPECT_EQ(message.label, "step");
  EXPECT_EQ(message.acquired_at->line(), submission.acquired_at.line());
  EXPECT_FALSE(message.sync_point) << "a lease has no serial";
  EXPECT_FALSE(message.submitted_at);
  submission.phase = Phase::held;
  message = described();
  EXPECT_FALSE(message.sync_point) << "nor has what a sequence holds back";
  EXPECT_EQ(message.submitted_at->line(), submission.submitted_at.line());
  submission.phase = Phase::in_flight;
  submission.serial = 9;
  message = described();
  EXPECT_EQ(message.sync_point, (SyncPoint{QueueIndex{1}, Serial(9)}));
  EXPECT_TRUE(message.submitted_at);
}

}  // namespace
}  // namespace cbr::detail
