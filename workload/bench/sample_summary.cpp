#include "bench/sample_summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace cbr::bench {
namespace {

std::vector<double> sorted_copy(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double sample_deviation(std::span<const double> samples, double mean) {
  if (samples.size() < 2) return 0.0;
  double squares = 0.0;
  for (const double sample : samples) squares += (sample - mean) * (sample - mean);
  return std::sqrt(squares / static_cast<double>(samples.size() - 1));
}

}  // namespace

double percentile(std::span<const double> sorted, double quantile) {
  if (sorted.empty()) return 0.0;
  const double position = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto lower = static_cast<std::size_t>(position);
  const std::size_t upper = std::min(lower + 1, sorted.size() - 1);
  const double fraction = position - static_cast<double>(lower);
  return sorted[lower] + fraction * (sorted[upper] - sorted[lower]);
}

double median(std::span<const double> samples) {
  return percentile(sorted_copy(samples), 0.5);
}

SampleSummary summarize(std::span<const double> samples) {
  if (samples.empty()) return {};
  const std::vector<double> sorted = sorted_copy(samples);
  SampleSummary summary;
  summary.mean =
      std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(sorted.size());
  summary.median = percentile(sorted, 0.5);
  summary.p95 = percentile(sorted, 0.95);
  summary.p99 = percentile(sorted, 0.99);
  summary.min = sorted.front();
  summary.max = sorted.back();
  summary.std_dev = sample_deviation(sorted, summary.mean);
  return summary;
}

}  // namespace cbr::bench
