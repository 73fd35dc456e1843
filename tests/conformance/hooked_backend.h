// A backend that lets a test look in, and step in, at chosen calls.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <cbr/backend.h>

#include "backends/decorators/backend_decorator.h"

namespace cbr::test {

/// Hands every call on, after the hook of that call, where there is one. Set hooks before a ring
/// attaches. A hook may throw in place of the call, but for those of `abandon`,
/// `discard`, `detach` and `now`.
class HookedBackend final : public detail::BackendDecorator<Backend> {
 public:
  explicit HookedBackend(std::shared_ptr<Backend> inner) : BackendDecorator(std::move(inner)) {}

  std::function<void(SlotIndex slot)> on_begin;
  std::function<void(SlotIndex slot)> on_submit;
  std::function<void(SlotIndex slot)> on_finish;
  std::function<void(SlotIndex slot)> on_add_slot;
  std::function<void(QueueIndex queue)> on_completed;
  std::function<void(std::span<const SyncPoint> points)> on_wait;
  std::function<void()> after_wait;
  std::function<void()> on_now;
  /// The ring holds a lock in this one.
  std::function<void(SlotIndex slot)> on_abandon;
  std::function<std::unique_ptr<NativeSlot>(std::unique_ptr<NativeSlot> slot)> wrap_abandoned;
  std::function<void(SlotIndex slot)> on_discard;
  std::function<void()> on_detach;
  std::function<float(QueueIndex queue)> priority;
  /// What the ring gave to attach().
  std::function<void(std::string_view text)> report;

  void attach(const SlotLayout& layout) override {
    report = layout.report;
    inner().attach(layout);
  }

  void* begin(SlotIndex slot) override {
    if (on_begin) on_begin(slot);
    return inner().begin(slot);
  }
  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    if (on_submit) on_submit(slot);
    inner().submit(slot, serial, waits);
  }
  Completion finish(SlotIndex slot) override {
    if (on_finish) on_finish(slot);
    return inner().finish(slot);
  }
  void add_slot(SlotIndex slot) override {
    if (on_add_slot) on_add_slot(slot);
    inner().add_slot(slot);
  }
  Serial completed(QueueIndex queue) override {
    if (on_completed) on_completed(queue);
    return inner().completed(queue);
  }
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    if (on_wait) on_wait(points);
    const WaitStatus status = inner().wait(points, wake_number, deadline);
    if (after_wait) after_wait();
    return status;
  }
  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    if (on_abandon) on_abandon(slot);
    std::unique_ptr<NativeSlot> abandoned = inner().abandon(slot);
    return wrap_abandoned ? wrap_abandoned(std::move(abandoned)) : std::move(abandoned);
  }
  void discard(SlotIndex slot) noexcept override {
    if (on_discard) on_discard(slot);
    inner().discard(slot);
  }
  void detach() noexcept override {
    if (on_detach) on_detach();
    inner().detach();
  }
  [[nodiscard]] TimePoint now() const noexcept override {
    if (on_now) on_now();
    return inner().now();
  }
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept override {
    return priority ? priority(queue) : inner().queue_priority(queue);
  }
};

}  // namespace cbr::test
