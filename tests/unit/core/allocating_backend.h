// A backend whose calls allocate, as those of a driver do.
#pragma once

#include <memory>
#include <utility>

#include <cbr/backend.h>

#include "unit/core/allocations.h"

namespace cbr::test {

/// Passes everything on to another backend. What may throw allocates first, so that it can fail as
/// operator new can.
class AllocatingBackend final : public Backend {
 public:
  explicit AllocatingBackend(std::shared_ptr<Backend> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] Api api() const noexcept override { return inner_->api(); }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return inner_->queue_count();
  }
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept override {
    return inner_->queue_priority(queue);
  }
  void attach(const SlotLayout& layout) override {
    allocate();
    inner_->attach(layout);
  }
  void detach() noexcept override { inner_->detach(); }
  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    return inner_->abandon(slot);
  }
  void add_slot(SlotIndex slot) override {
    allocate();
    inner_->add_slot(slot);
  }
  void remove_slot(SlotIndex slot) noexcept override { inner_->remove_slot(slot); }
  void* begin(SlotIndex slot) override {
    allocate();
    return inner_->begin(slot);
  }
  void submit(SlotIndex slot, Serial serial) override {
    allocate();
    inner_->submit(slot, serial);
  }
  void discard(SlotIndex slot) noexcept override { inner_->discard(slot); }
  Serial completed(QueueIndex queue) override {
    allocate();
    return inner_->completed(queue);
  }
  Completion finish(SlotIndex slot) override { return inner_->finish(slot); }
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    allocate();
    return inner_->wait(points, wake_number, deadline);
  }
  void wake(std::uint64_t wake_number) override {
    // Where the ring could not be told, it would be woken by nobody here: after the call.
    inner_->wake(wake_number);
    allocate();
  }
  void relax() noexcept override { inner_->relax(); }
  [[nodiscard]] bool waits_spin() const noexcept override { return inner_->waits_spin(); }
  [[nodiscard]] bool has_virtual_clock() const noexcept override {
    return inner_->has_virtual_clock();
  }
  [[nodiscard]] TimePoint now() const noexcept override { return inner_->now(); }

 private:
  std::shared_ptr<Backend> inner_;
};

}  // namespace cbr::test
