// The base of backends that stand before another backend.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include <cbr/backend.h>
#include <cbr/errors.h>

namespace cbr::detail {

/// Hands every call on. `Interface` is Backend or a class derived from it.
template <typename Interface>
class BackendDecorator : public Interface {
 public:
  [[nodiscard]] Api api() const noexcept override { return inner_->api(); }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return inner_->queue_count();
  }
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept override {
    return inner_->queue_priority(queue);
  }
  void attach(const SlotLayout& layout) override { inner_->attach(layout); }
  void detach() noexcept override { inner_->detach(); }
  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    return inner_->abandon(slot);
  }
  void add_slot(SlotIndex slot) override { inner_->add_slot(slot); }
  void remove_slot(SlotIndex slot) noexcept override { inner_->remove_slot(slot); }
  [[nodiscard]] std::shared_ptr<const QueueTimeline> timeline(QueueIndex queue) const override {
    return inner_->timeline(queue);
  }
  void* begin(SlotIndex slot) override { return inner_->begin(slot); }
  [[nodiscard]] NativeSlot* native_slot(SlotIndex slot) noexcept override {
    return inner_->native_slot(slot);
  }
  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    inner_->submit(slot, serial, waits);
  }
  [[nodiscard]] bool coalesces() const noexcept override { return inner_->coalesces(); }
  bool gather(SlotIndex slot, Serial serial, TimePoint send_by) override {
    return inner_->gather(slot, serial, send_by);
  }
  void flush(QueueIndex queue) override { inner_->flush(queue); }
  void discard(SlotIndex slot) noexcept override { inner_->discard(slot); }
  Serial completed(QueueIndex queue) override { return inner_->completed(queue); }
  Completion finish(SlotIndex slot) override { return inner_->finish(slot); }
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    return inner_->wait(points, wake_number, deadline);
  }
  void wake(std::uint64_t wake_number) override { inner_->wake(wake_number); }
  void relax() noexcept override { inner_->relax(); }
  [[nodiscard]] bool waits_spin() const noexcept override { return inner_->waits_spin(); }
  [[nodiscard]] bool has_virtual_clock() const noexcept override {
    return inner_->has_virtual_clock();
  }
  [[nodiscard]] TimePoint now() const noexcept override { return inner_->now(); }

 protected:
  /// Throws InvalidUsage if `inner` is null.
  explicit BackendDecorator(std::shared_ptr<Backend> inner) : inner_(std::move(inner)) {
    if (inner_ == nullptr) throw InvalidUsage("a decorator needs a backend to stand before");
  }
  [[nodiscard]] Backend& inner() const noexcept { return *inner_; }
  [[nodiscard]] QueueIndex queue_of(SlotIndex slot) const noexcept {
    return QueueIndex{to_number(slot) % inner_->queue_count()};
  }

 private:
  std::shared_ptr<Backend> inner_;
};

}  // namespace cbr::detail
