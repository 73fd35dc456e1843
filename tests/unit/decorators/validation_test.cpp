#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "support/eventually.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SlotIndex slot0{0};
constexpr SlotIndex slot1{1};
constexpr QueueIndex queue0{0};

/// A backend that answers whatever the test tells it to.
class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(std::uint32_t queue_count = 1) : queue_count_(queue_count) {}

  [[nodiscard]] Api api() const noexcept override { return Api::simulated; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override { return queue_count_; }
  void attach(const SlotLayout& layout) override {
    report = layout.report;
    if (on_attach) on_attach();
  }
  void detach() noexcept override {
    if (on_detach) on_detach();
  }
  std::unique_ptr<NativeSlot> abandon(SlotIndex /*slot*/) noexcept override {
    if (on_abandon) on_abandon();
    return std::move(native);
  }
  void add_slot(SlotIndex /*slot*/) override {}
  void remove_slot(SlotIndex /*slot*/) noexcept override {}
  [[nodiscard]] std::shared_ptr<const QueueTimeline> timeline(QueueIndex queue) const override {
    return timelines.empty() ? nullptr : timelines[to_number(queue)];
  }
  void* begin(SlotIndex /*slot*/) override {
    if (on_begin) on_begin();
    return handle;
  }
  void submit(SlotIndex /*slot*/, Serial /*serial*/, std::span<TimelinePoint> /*waits*/) override {
    if (on_submit) on_submit();
  }
  void discard(SlotIndex /*slot*/) noexcept override {}
  Serial completed(QueueIndex /*queue*/) override {
    if (on_completed) on_completed();
    return Serial(completed_value);
  }
  Completion finish(SlotIndex /*slot*/) override {
    if (on_finish) on_finish();
    return completion;
  }
  WaitStatus wait(std::span<const SyncPoint> /*points*/, std::uint64_t /*wake_number*/,
                  TimePoint /*deadline*/) override {
    if (on_wait) on_wait();
    return status;
  }
  void wake(std::uint64_t /*wake_number*/) override {
    if (on_wake) on_wake();
  }
  [[nodiscard]] TimePoint now() const noexcept override { return TimePoint(5s); }

  int object = 0;
  void* handle = &object;
  std::uint64_t completed_value = 0;
  WaitStatus status = WaitStatus::reached;
  Completion completion;
  /// One a queue; if there are none, no queue has one.
  std::vector<std::shared_ptr<const QueueTimeline>> timelines;
  std::unique_ptr<NativeSlot> native = std::make_unique<NativeSlot>();
  std::function<void(std::string_view)> report;
  std::function<void()> on_attach;
  std::function<void()> on_begin;
  std::function<void()> on_submit;
  std::function<void()> on_wait;
  std::function<void()> on_wake;
  std::function<void()> on_completed;
  std::function<void()> on_finish;
  std::function<void()> on_abandon;
  std::function<void()> on_detach;

 private:
  const std::uint32_t queue_count_;
};

class FakeTimeline final : public QueueTimeline {
 public:
  explicit FakeTimeline(const void* device) : device_(device) {}
  [[nodiscard]] const void* device() const noexcept override { return device_; }

 private:
  const void* device_;
};

class Validation : public testing::Test {
 protected:
  Validation() { backend_->attach({.ring_size = 3, .ring_name = "Test"}); }

  /// Starts anew, with another ring.
  void attach(GpuTimes gpu_times) {
    backend_->detach();
    backend_->attach({.ring_size = 3, .ring_name = "Test", .gpu_times = gpu_times});
  }
  /// Runs one submission of slot 0 to its end, of which `finish` tells `completion`.
  void finish_with(const Completion& completion) {
    submit(slot0, ++fake_->completed_value);
    (void)backend_->completed(queue0);
    fake_->completion = completion;
    (void)backend_->finish(slot0);
  }
  /// Begins and submits a slot.
  void submit(SlotIndex slot, std::uint64_t serial) {
    (void)backend_->begin(slot);
    backend_->submit(slot, Serial(serial), {});
  }
  WaitStatus wait(std::uint64_t serial, std::uint64_t wake_number = 0,
                  TimePoint deadline = no_deadline) {
    const SyncPoint point{queue0, Serial(serial)};
    return backend_->wait({&point, 1}, wake_number, deadline);
  }
  /// One violation came since the last call, with `text` in it.
  void expect_violation(const std::string& text) {
    EXPECT_THAT(violations_, testing::ElementsAre(HasSubstr(text)));
    violations_.clear();
  }
  void expect_none() { EXPECT_THAT(violations_, IsEmpty()); }

  std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  std::vector<std::string> violations_;
  std::shared_ptr<Backend> backend_ =
      validate(fake_, [this](std::string_view line) { violations_.emplace_back(line); });
};

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
