// A backend with its faults, and the account of what a ring does on it.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <thread>

#include <cbr/backend.h>
#include <cbr/fault_injection.h>

#include "soak/ledger.h"
#include "soak/random.h"
#include "soak/target.h"

namespace cbr::soak {

/// From a ring's making to its end or reset. Outlives the ring's use of the backend.
class Life {
 public:
  Life(Target& target, Random& random);
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;
  ~Life() = default;

  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] Workplace& workplace() { return *workplace_; }
  [[nodiscard]] const std::shared_ptr<Backend>& backend() const { return backend_; }
  [[nodiscard]] bool may_lose_device() const { return may_lose_device_; }
  /// Whether calls of the backend fail so that they may be made again, and how many have.
  [[nodiscard]] bool calls_fail() const { return calls_fail_; }
  [[nodiscard]] std::uint64_t failed_calls() const;
  /// One in so many allocations is to fail; 0: none is.
  [[nodiscard]] std::uint32_t allocations_fail_one_in() const { return allocations_fail_one_in_; }
  /// Whether a ring, or anything that is left of one, has the backend.
  [[nodiscard]] bool in_use() const { return backend_.use_count() != references_; }

 private:
  /// Hung work is let go of a little later, whoever waits for it.
  void release_hangs(const std::stop_token& stop);

  const bool may_lose_device_;
  const bool calls_fail_;
  const std::uint32_t allocations_fail_one_in_;
  Ledger ledger_;
  std::unique_ptr<Workplace> workplace_;
  std::shared_ptr<FaultInjector> injector_;
  std::shared_ptr<Backend> backend_;
  long references_ = 0;
  std::jthread releaser_;
};

}  // namespace cbr::soak
