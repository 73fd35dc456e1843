// What validate() finds in waits: of the host for work, and of work for other work.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/validation.h>

#include "unit/decorators/validation_fixture.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Validation, ReachedMeansReached) {
  submit(slot0, 1);
  (void)wait(2);
  expect_violation("wait: returned `reached` for serial 2, but only 1 were submitted");
}

TEST_F(Validation, OneOfSeveralPointsHasEndedWhereAWaitSaysSo) {
  const auto fake = std::make_shared<FakeBackend>(2);
  const auto backend =
      validate(fake, [this](std::string_view line) { violations_.emplace_back(line); });
  backend->attach({.ring_size = 2, .ring_name = "Test"});
  for (const SlotIndex slot : {slot0, slot1}) {
    (void)backend->begin(slot);
    backend->submit(slot, Serial(1), {});
  }
  const SyncPoint points[] = {{QueueIndex{0}, Serial(1)}, {QueueIndex{1}, Serial(1)}};
  (void)backend->wait(points, 0, no_deadline);
  (void)backend->completed(QueueIndex{0});
  expect_none();
  (void)backend->completed(QueueIndex{1});
  expect_violation("wait: returned `reached`, but no point had ended");
  (void)backend->wait(points, 0, no_deadline);
  (void)backend->completed(QueueIndex{0});
  fake->completed_value = 1;
  (void)backend->completed(QueueIndex{1});
  expect_none();
  (void)backend->completed(QueueIndex{0});
  // What the last wait of a ring said is nothing to the next ring.
  (void)backend->wait(points, 0, no_deadline);
  backend->detach();
  backend->attach({.ring_size = 2, .ring_name = "Next"});
  fake->completed_value = 0;
  (void)backend->completed(QueueIndex{0});
  (void)backend->completed(QueueIndex{1});
  expect_none();
}

TEST_F(Validation, TimedOutMeansTheDeadlineHasPassed) {
  submit(slot0, 1);
  fake_->status = WaitStatus::timed_out;
  (void)wait(1, 0, TimePoint(5s));
  expect_none();
  (void)wait(1, 0, TimePoint(5s + 7ns));
  expect_violation("wait: returned `timed_out` 7 ns before the deadline");
  (void)wait(1);
  expect_violation("wait: returned `timed_out` without a deadline");
}

TEST_F(Validation, WokenMeansWoken) {
  submit(slot0, 1);
  fake_->status = WaitStatus::woken;
  backend_->wake(3);
  (void)wait(1, 3);
  (void)wait(1, 2);
  expect_none();
  (void)wait(1, 4);
  expect_violation("wait: returned `woken` for wake number 4, but 3 is the highest woken");
  (void)wait(1, 0);
  expect_violation("wait: returned `woken`, but was not to be woken");
  backend_->wake(0);
  expect_violation("wake: number 0");
}

TEST_F(Validation, ReachedComesBeforeTheOthers) {
  submit(slot0, 1);
  fake_->completed_value = 1;
  (void)backend_->completed(queue0);
  fake_->status = WaitStatus::timed_out;
  (void)wait(1, 0, TimePoint(1s));
  expect_violation("wait: returned `timed_out`, but a point had ended");
  fake_->status = WaitStatus::woken;
  backend_->wake(1);
  (void)wait(1, 1);
  expect_violation("wait: returned `woken`, but a point had ended");
}

TEST_F(Validation, WaitsAreForPointsOfThisBackend) {
  EXPECT_EQ(backend_->wait({}, 0, no_deadline), WaitStatus::reached);
  EXPECT_THAT(violations_, Contains(HasSubstr("wait: there is no point to wait for")));
  violations_.clear();
  const SyncPoint point{QueueIndex{4}, Serial(0)};
  (void)backend_->wait({&point, 1}, 0, no_deadline);
  expect_violation("wait: queue 4 of 1");
}

class ValidationOfWaits : public testing::Test {
 protected:
  ValidationOfWaits() {
    fake_->timelines = {std::make_shared<FakeTimeline>(this), std::make_shared<FakeTimeline>(this)};
  }
  void attach() { backend_->attach({.ring_size = 4, .ring_name = "Test"}); }
  /// Slot i belongs to queue i modulo 2.
  void submit(std::uint32_t slot, std::uint64_t serial, std::vector<TimelinePoint> waits = {}) {
    (void)backend_->begin(SlotIndex{slot});
    backend_->submit(SlotIndex{slot}, Serial(serial), waits);
  }
  [[nodiscard]] TimelinePoint point(std::uint32_t queue, std::uint64_t serial) const {
    return {fake_->timelines[queue], Serial(serial)};
  }
  void expect_violation(const std::string& text) {
    EXPECT_THAT(violations_, testing::ElementsAre(HasSubstr(text)));
    violations_.clear();
  }

  std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>(2);
  std::vector<std::string> violations_;
  std::shared_ptr<Backend> backend_ =
      validate(fake_, [this](std::string_view line) { violations_.emplace_back(line); });
};

TEST_F(ValidationOfWaits, AreForWhatWasSubmittedOnThisDevice) {
  attach();
  submit(0, 1);
  submit(1, 1, {point(0, 1)});
  // Of another ring of the device, of which nothing else is known.
  submit(2, 2, {{std::make_shared<FakeTimeline>(this), Serial(7)}});
  EXPECT_THAT(violations_, IsEmpty());
  submit(3, 2, {point(0, 3)});
  expect_violation("it is to wait for serial 3 of queue 0, but only 2 were submitted");
}

TEST_F(ValidationOfWaits, AreForNothingElse) {
  attach();
  submit(0, 1, {{std::make_shared<FakeTimeline>(&violations_), Serial(1)}});
  expect_violation("submit(slot #0): it is to wait for work of another device");
  submit(1, 1, {{nullptr, Serial(1)}});
  expect_violation("submit(slot #1): it is to wait for nothing");
  submit(2, 2, {point(0, 0)});
  expect_violation("submit(slot #2): it is to wait for nothing");
}

TEST_F(ValidationOfWaits, WhatWasWaitedForHasEndedFirst) {
  attach();
  submit(0, 1);
  submit(1, 1, {point(0, 1)});
  fake_->completed_value = 1;
  (void)backend_->completed(QueueIndex{1});
  (void)backend_->finish(SlotIndex{1});
  fake_->completed_value = 0;
  (void)backend_->completed(QueueIndex{0});
  expect_violation("completed(queue 0): is 0, but 1 had ended");
}

TEST_F(ValidationOfWaits, TimelinesAreOfAllQueuesAndOneDevice) {
  fake_->timelines[1] = nullptr;
  attach();
  expect_violation("timeline: some queues have one, and some have none");
  backend_->detach();
  fake_->timelines[1] = std::make_shared<FakeTimeline>(&violations_);
  attach();
  expect_violation("timeline: those of the queues don't name one device");
}

TEST_F(ValidationOfWaits, NeedARing) {
  std::vector<TimelinePoint> waits = {point(0, 1)};
  backend_->submit(SlotIndex{0}, Serial(1), waits);
  EXPECT_THAT(violations_, testing::Contains(HasSubstr("submit: no ring is attached")));
}

}  // namespace
}  // namespace cbr
