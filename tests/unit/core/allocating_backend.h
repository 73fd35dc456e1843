// A backend whose calls allocate, as those of a driver do.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include <cbr/backend.h>

#include "backends/decorators/backend_decorator.h"
#include "unit/core/allocations.h"

namespace cbr::test {

/// Allocates in what may throw and changes nothing then, before the call goes on.
class AllocatingBackend final : public detail::BackendDecorator<Backend> {
 public:
  explicit AllocatingBackend(std::shared_ptr<Backend> inner) : BackendDecorator(std::move(inner)) {}

  void attach(const SlotLayout& layout) override {
    allocate();
    inner().attach(layout);
  }
  void add_slot(SlotIndex slot) override {
    allocate();
    inner().add_slot(slot);
  }
  void* begin(SlotIndex slot) override {
    allocate();
    return inner().begin(slot);
  }
  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    allocate();
    inner().submit(slot, serial, waits);
  }
  Serial completed(QueueIndex queue) override {
    allocate();
    return inner().completed(queue);
  }
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    allocate();
    return inner().wait(points, wake_number, deadline);
  }
  void wake(std::uint64_t wake_number) override {
    // Afterwards: the simulated GPU doesn't look at wake numbers by itself.
    inner().wake(wake_number);
    allocate();
  }
};

}  // namespace cbr::test
