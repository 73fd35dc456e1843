// A ring's core for records that need one to belong to.
#pragma once

#include <memory>

#include <cbr/simulated.h>

#include "core/ring_core.h"

namespace cbr::detail {

/// Ends it afterwards, as a ring does.
class CoreForRecords {
 public:
  CoreForRecords() = default;
  CoreForRecords(const CoreForRecords&) = delete;
  CoreForRecords& operator=(const CoreForRecords&) = delete;
  ~CoreForRecords() { core_->close(); }
  [[nodiscard]] RingCore& operator*() const { return *core_; }

 private:
  std::shared_ptr<RingCore> core_ =
      RingCore::make(simulated::make_gpu(), {.ring_size = 1, .hang_warning_ms = 0});
};

}  // namespace cbr::detail
