// The base of all conformance tests: each runs once for every backend.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>

#include "conformance/harness.h"
#include "support/eventually.h"

namespace cbr::test {

class RingConformance : public testing::TestWithParam<HarnessFactory> {
 protected:
  /// Makes the ring under test. Its warnings go to warnings().
  CommandBufferRing& make_ring(RingOptions options = {}) {
    options.log_sink = [this](std::string_view line) {
      const std::lock_guard lock(warnings_mutex_);
      warnings_.emplace_back(line);
    };
    return ring_.emplace(harness_->backend(), std::move(options));
  }
  CommandBufferRing& make_ring(std::uint32_t ring_size) {
    return make_ring(RingOptions{.ring_size = ring_size});
  }
  void destroy_ring() { ring_.reset(); }

  /// Acquires, records a little work, submits.
  Ticket submit_one() {
    Lease lease = ring_->acquire();
    harness_->record(lease);
    return std::move(lease).submit();
  }

  std::vector<std::string> warnings() {
    const std::lock_guard lock(warnings_mutex_);
    return warnings_;
  }

  std::unique_ptr<Harness> harness_ = GetParam().make();
  std::optional<CommandBufferRing> ring_;

 private:
  std::mutex warnings_mutex_;
  std::vector<std::string> warnings_;
};

}  // namespace cbr::test
