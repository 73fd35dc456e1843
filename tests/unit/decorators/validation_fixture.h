// What the tests of validate() share: a backend that says whatever they want, and what was found.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/backend.h>
#include <cbr/validation.h>

namespace cbr {

inline constexpr SlotIndex slot0{0};
inline constexpr SlotIndex slot1{1};
inline constexpr QueueIndex queue0{0};

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
  [[nodiscard]] bool coalesces() const noexcept override { return can_gather; }
  bool gather(SlotIndex /*slot*/, Serial /*serial*/, TimePoint /*send_by*/) override {
    if (on_submit) on_submit();
    return keeps;
  }
  void flush(QueueIndex /*queue*/) override {
    if (on_flush) on_flush();
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
  [[nodiscard]] TimePoint now() const noexcept override {
    return TimePoint(std::chrono::seconds(5));
  }

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
  bool can_gather = true;
  /// What `gather` returns.
  bool keeps = true;
  std::function<void()> on_flush;
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
  void gather(SlotIndex slot, std::uint64_t serial) {
    (void)backend_->begin(slot);
    (void)backend_->gather(slot, Serial(serial), no_deadline);
  }
  WaitStatus wait(std::uint64_t serial, std::uint64_t wake_number = 0,
                  TimePoint deadline = no_deadline) {
    const SyncPoint point{queue0, Serial(serial)};
    return backend_->wait({&point, 1}, wake_number, deadline);
  }
  /// One violation came since the last call, with `text` in it.
  void expect_violation(const std::string& text) {
    EXPECT_THAT(violations_, testing::ElementsAre(testing::HasSubstr(text)));
    violations_.clear();
  }
  void expect_none() { EXPECT_THAT(violations_, testing::IsEmpty()); }

  std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  std::vector<std::string> violations_;
  std::shared_ptr<Backend> backend_ =
      validate(fake_, [this](std::string_view line) { violations_.emplace_back(line); });
};

}  // namespace cbr
