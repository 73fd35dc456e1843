// A simulated device for random graphs of work. Its faults are planned, one submission at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <cbr/simulated.h>

#include "core/sync.h"
#include "graphs/device.h"

namespace cbr::graphs {

/// What may be planned.
struct PlannedFaults {
  /// One submission in so many has one; 0: none.
  std::uint32_t one_in = 0;
  bool hangs = false;
  bool loss = false;
};

class SimulatedDevice final : public Device {
 public:
  explicit SimulatedDevice(const PlannedFaults& faults) : faults_(faults) {}

  [[nodiscard]] std::shared_ptr<Backend> backend(soak::Random& random) override;
  [[nodiscard]] std::shared_ptr<Work> record(Lease& lease,
                                             std::span<const std::shared_ptr<Work>> earlier,
                                             soak::Random& random) override;
  void release() override;
  [[nodiscard]] Dangers dangers() const override { return {.loss = faults_.loss}; }

 private:
  [[nodiscard]] Fault draw_fault(soak::Random& random) const;

  const PlannedFaults faults_;
  detail::Mutex mutex_;
  /// Those that may have a ring. The mutex guards them.
  std::vector<std::shared_ptr<simulated::Gpu>> gpus_;
};

}  // namespace cbr::graphs
