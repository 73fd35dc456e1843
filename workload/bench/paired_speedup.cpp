#include "bench/paired_speedup.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "bench/sample_summary.h"

namespace cbr::bench {
namespace {

constexpr std::array<double, 30> t_table = {
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004,
    2.262157,  2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905,
    2.109816,  2.100922, 2.093024, 2.085963, 2.079614, 2.073873, 2.068658, 2.063899,
    2.059539,  2.055529, 2.051831, 2.048407, 2.045230, 2.042272};

/// The 97.5 % quantile of the standard normal distribution.
constexpr double z_975 = 1.959963985;

}  // namespace

double student_t_975(std::size_t degrees_of_freedom) {
  const std::size_t degrees = std::max<std::size_t>(degrees_of_freedom, 1);
  if (degrees <= t_table.size()) return t_table[degrees - 1];
  // Abramowitz and Stegun 26.7.5, the first four terms.
  const auto n = static_cast<double>(degrees);
  const double z = z_975;
  const double z3 = z * z * z;
  const double z5 = z3 * z * z;
  const double z7 = z5 * z * z;
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

std::optional<Speedup> paired_speedup(std::span<const double> baseline,
                                      std::span<const double> candidate) {
  const std::size_t pairs = std::min(baseline.size(), candidate.size());
  std::vector<double> log_ratios;
  for (std::size_t i = 0; i < pairs; ++i) {
    if (baseline[i] <= 0.0 || candidate[i] <= 0.0) continue;
    log_ratios.push_back(std::log(candidate[i] / baseline[i]));
  }
  if (log_ratios.empty()) return std::nullopt;

  const SampleSummary logs = summarize(log_ratios);
  Speedup speedup{.ratio = std::exp(logs.mean), .ci95 = std::nullopt};
  if (log_ratios.size() >= 2) {
    const double half_width = student_t_975(log_ratios.size() - 1) * logs.std_dev /
                              std::sqrt(static_cast<double>(log_ratios.size()));
    speedup.ci95 = Interval95{.low = std::exp(logs.mean - half_width),
                              .high = std::exp(logs.mean + half_width)};
  }
  return speedup;
}

}  // namespace cbr::bench
