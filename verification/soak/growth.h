// Whether a process that does the same again and again takes more and more. Pure logic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "soak/process_usage.h"

namespace cbr::soak {

/// Usage at even distances over a run: the run's second quarter, after warm-up, is compared with
/// its last.
class Growth {
 public:
  /// Less than this many samples are too few to tell.
  static constexpr std::size_t least_samples = 64;
  /// The heap settles in steps: an arena for another thread, a longer vector somewhere. A leak
  /// of one object a round is far more than this over a run of minutes.
  static constexpr std::uint64_t memory_tolerance = std::uint64_t{8} << 20;

  void add(const ProcessUsage& usage) { samples_.push_back(usage); }
  [[nodiscard]] bool enough() const { return samples_.size() >= least_samples; }

  /// The medians of a quarter, from 0 to 3.
  [[nodiscard]] ProcessUsage quarter(std::size_t index) const;
  /// What has grown by more than its tolerance, in words; empty if nothing has or there are too few
  /// samples. Files and threads have none.
  [[nodiscard]] std::string complaint() const;

 private:
  std::vector<ProcessUsage> samples_;
};

}  // namespace cbr::soak
