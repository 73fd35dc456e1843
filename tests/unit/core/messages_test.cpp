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

TEST(Messages, TheLinesOfWaitEventsAreExact) {
  EXPECT_EQ(waiting_line("CommandRing", SlotIndex{0}),
            "[DEBUG] CommandRing: Waiting for buffer #0...");
  EXPECT_EQ(waited_line("CommandRing", 2350us, SlotIndex{0}),
            "[DEBUG] CommandRing: Waited 2.35ms for buffer #0");
  EXPECT_EQ(still_waiting_line("CommandRing", 5000ms),
            "[DEBUG] CommandRing: Still waiting... (5000ms elapsed)");
}

TEST(Messages, ASlotIsNamedWithItsLabel) {
  EXPECT_EQ(slot_name(SlotIndex{4}, {}), "slot #4");
  EXPECT_EQ(slot_name(SlotIndex{4}, Label("lights")), "slot #4 'lights'");
}

TEST(Messages, SayWhatAnExceptionSays) {
  EXPECT_EQ(what(std::make_exception_ptr(ExecutionFailed("it burnt"))), "it burnt");
  EXPECT_EQ(what(std::make_exception_ptr(5)), "an exception that is not a std::exception");
}

TEST(Messages, AHangTellsWhereToLook) {
  const auto here = std::source_location::current();
  HangReport report{.slot = SlotIndex{2},
                    .point = {QueueIndex{1}, Serial(9)},
                    .held = false,
                    .label = Label("step"),
                    .age = 5001ms,
                    .acquired_at = here,
                    .submitted_at = here};
  const RingOptions options{.allocation_strategy = AllocationStrategy::least_busy, .name = "R"};
  EXPECT_EQ(hang_line(options, report),
            "[WARNING] R: slot #2 'step' is in flight with serial 9 on queue 1 for 5001 ms "
            "(strategy least-busy, acquired at " +
                place(here) + ", submitted at " + place(here) + ")");
  report.held = true;
  EXPECT_THAT(hang_line(options, report), HasSubstr("slot #2 'step' is held back by its sequence"));
}

TEST(Messages, ATimeoutTellsWhatIsInTheWay) {
  Submission submission;
  submission.label = Label("busy");
  submission.acquired_at = submission.submitted_at = std::source_location::current();
  Slot slot;
  EXPECT_EQ(timeout_text("R", 1500us, 1ms, SlotIndex{0}, slot),
            "R: no slot free after 1.50 ms (limit 1.00 ms): slot #0 was busy");
  slot.submission = &submission;
  const auto text = [&](SlotState state) {
    slot.state = state;
    return timeout_text("R", 1ms, 1ms, SlotIndex{0}, slot);
  };
  slot.serial = Serial(7);
  EXPECT_THAT(text(SlotState::in_flight), HasSubstr("slot #0 'busy' is in flight with serial 7"));
  EXPECT_THAT(text(SlotState::leased), HasSubstr("is leased, acquired at "));
  EXPECT_THAT(text(SlotState::leased), HasSubstr("messages_test.cpp"));
  EXPECT_THAT(text(SlotState::held), HasSubstr("is held back by its sequence, submitted at "));
}

}  // namespace
}  // namespace cbr::detail
