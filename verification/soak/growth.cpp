#include "soak/growth.h"

#include <algorithm>

#include <fmt/format.h>

namespace cbr::soak {

ProcessUsage Growth::quarter(std::size_t index) const {
  const std::size_t first = samples_.size() * index / 4;
  const std::size_t last = samples_.size() * (index + 1) / 4;
  const auto median = [&](std::uint64_t ProcessUsage::*member) -> std::uint64_t {
    std::vector<std::uint64_t> values;
    values.reserve(last - first);
    for (std::size_t i = first; i < last; ++i) values.push_back(samples_[i].*member);
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  };
  return {.memory = median(&ProcessUsage::memory),
          .files = median(&ProcessUsage::files),
          .threads = median(&ProcessUsage::threads)};
}

std::string Growth::complaint() const {
  if (!enough()) return {};
  const ProcessUsage before = quarter(1);
  const ProcessUsage after = quarter(3);
  if (after.memory > before.memory + memory_tolerance) {
    return fmt::format("resident memory grew from {} to {} KiB, allowed are {} more",
                       before.memory >> 10, after.memory >> 10, memory_tolerance >> 10);
  }
  if (after.files > before.files) {
    return fmt::format("open files grew from {} to {}", before.files, after.files);
  }
  if (after.threads > before.threads) {
    return fmt::format("threads grew from {} to {}", before.threads, after.threads);
  }
  return {};
}

}  // namespace cbr::soak
