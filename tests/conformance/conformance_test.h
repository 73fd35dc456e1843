// The base of all conformance tests: each runs once for every backend.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>

#include "conformance/harness.h"
#include "core/ring_context.h"
#include "support/eventually.h"

namespace cbr::test {

/// Arranges a fault, or skips the test with the reason why this backend can't have it. Leases in
/// held_ are given up first: a skip is no reason to report them as forgotten.
#define CBR_ARRANGE(fault)                                   \
  if (const std::string reason = (fault); !reason.empty()) { \
    held_.clear();                                           \
    GTEST_SKIP() << reason;                                  \
  }

/// Skips the test if the backend has fewer queues.
#define CBR_NEED_QUEUES(count)                                                       \
  if (!use_queues(count)) {                                                          \
    GTEST_SKIP() << "the device under test has fewer than " << (count) << " queues"; \
  }

/// Leases of the test, which are discarded at its end rather than reported.
class HeldLeases : public std::vector<Lease> {
 public:
  HeldLeases() = default;
  HeldLeases(const HeldLeases&) = delete;
  HeldLeases& operator=(const HeldLeases&) = delete;
  ~HeldLeases() { clear(); }
  void clear() {
    for (Lease& lease : *this) lease.discard();
    std::vector<Lease>::clear();
  }
};

class RingConformance : public testing::TestWithParam<HarnessFactory> {
 protected:
  void SetUp() override {
    if (harness_ == nullptr) GTEST_SKIP() << "this machine has no " << GetParam().name;
    detail::gathers_regardless = harness_->gathers();
  }

  /// Makes the ring under test. Its lines go to warnings(), then to the sink of the options.
  CommandBufferRing& make_ring(RingOptions options = {}) {
    options.coalescing = harness_->gathers() && !options.auto_ring_size;
    options.log_sink = [this, sink = std::move(options.log_sink)](const LogMessage& message) {
      {
        const std::lock_guard lock(warnings_mutex_);
        warnings_.push_back(message.line());
      }
      if (sink) sink(message);
    };
    return ring_.emplace(harness_->backend(), std::move(options));
  }
  CommandBufferRing& make_ring(std::uint32_t ring_size) {
    return make_ring(RingOptions{.ring_size = ring_size});
  }
  void destroy_ring() { ring_.reset(); }

  /// Makes the harness anew with so many queues; false if the backend has fewer.
  bool use_queues(std::uint32_t queue_count) {
    auto harness = GetParam().make(queue_count);
    if (harness == nullptr) return false;
    harness_ = std::move(harness);
    return true;
  }

  /// Acquires and records a little work.
  Lease record_one(const AcquireOptions& options = {}) {
    Lease lease = ring_->acquire(options);
    harness_->record(lease);
    return lease;
  }
  /// Acquires, records a little work, submits.
  Ticket submit_one(const AcquireOptions& options = {}) {
    Lease lease = record_one(options);
    return std::move(lease).submit();
  }

  /// Yields until so many acquisitions have waited.
  [[nodiscard]] bool waits(std::uint64_t count) {
    return eventually([&] { return ring_->statistics().wait_events == count; });
  }

  /// The equations of RingStatistics.
  void expect_equations() {
    const auto statistics = ring_->statistics();
    EXPECT_EQ(statistics.total_acquisitions, statistics.total_releases + statistics.leased);
    EXPECT_EQ(statistics.total_releases, statistics.submissions + statistics.discarded);
    EXPECT_EQ(statistics.submissions,
              statistics.completions + statistics.failures + statistics.in_flight);
  }

  /// That the GPU ran these submissions of one queue in this order.
  void expect_order(const std::vector<Ticket>& tickets) {
    for (std::size_t i = 1; i < tickets.size(); ++i) {
      EXPECT_TRUE(tickets[i - 1].sync_point() < tickets[i].sync_point()) << i;
      const auto before = tickets[i - 1].gpu_interval();
      const auto after = tickets[i].gpu_interval();
      ASSERT_TRUE(before && after) << i;
      EXPECT_LE(before->start, before->end) << i;
      EXPECT_LE(harness_->runs_one_at_a_time() ? before->end : before->start, after->start) << i;
    }
  }

  std::vector<std::string> warnings() {
    const std::lock_guard lock(warnings_mutex_);
    return warnings_;
  }

 private:
  std::mutex warnings_mutex_;
  std::vector<std::string> warnings_;

 protected:
  // After the warnings: a ring writes them until its end.
  std::unique_ptr<Harness> harness_ = GetParam().make(1);
  std::optional<CommandBufferRing> ring_;
  HeldLeases held_;
};

}  // namespace cbr::test
