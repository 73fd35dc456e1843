#include "bench/rank_sum.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <vector>

namespace cbr::bench {
namespace {

/// Counting all ways takes time in the cube of the number and more; from here on the approximation
/// is within 0.01 of the count.
constexpr std::size_t max_exact_samples = 30;

/// Twice the mid-rank of each sample of a and then of b: doubled, ranks of ties are whole numbers.
std::vector<std::size_t> doubled_ranks(std::span<const double> a, std::span<const double> b) {
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  std::vector<double> sorted = all;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> ranks;
  ranks.reserve(all.size());
  for (const double value : all) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
    // Ranks from first + 1 to last, of which the mean is (first + 1 + last) / 2.
    ranks.push_back(
        static_cast<std::size_t>((first - sorted.begin()) + 1 + (last - sorted.begin())));
  }
  return ranks;
}

/// The share of all ways to choose `chosen` of the ranks whose sum lies at least as far from the
/// expected sum as `observed_sum` does.
double exact_p(const std::vector<std::size_t>& ranks, std::size_t chosen,
               std::size_t observed_sum) {
  const std::size_t total = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  // ways[k][s]: in how many ways k of the ranks seen so far add up to s, at most `seen`.
  std::vector<std::vector<double>> ways(chosen + 1, std::vector<double>(total + 1, 0.0));
  ways[0][0] = 1.0;
  std::size_t seen = 0;
  for (const std::size_t rank : ranks) {
    seen += rank;
    for (std::size_t k = chosen; k >= 1; --k) {
      for (std::size_t sum = rank; sum <= seen; ++sum) ways[k][sum] += ways[k - 1][sum - rank];
    }
  }
  // Distances from the expected sum, chosen · total / n, all multiplied by n to stay whole.
  const auto n = static_cast<long long>(ranks.size());
  const long long expected = static_cast<long long>(chosen) * static_cast<long long>(total);
  const long long observed = std::llabs(static_cast<long long>(observed_sum) * n - expected);
  double all = 0.0;
  double as_far = 0.0;
  for (std::size_t sum = 0; sum <= total; ++sum) {
    const double count = ways[chosen][sum];
    all += count;
    if (std::llabs(static_cast<long long>(sum) * n - expected) >= observed) as_far += count;
  }
  return as_far / all;
}

double approximate_p(const std::vector<std::size_t>& ranks, std::size_t chosen,
                     std::size_t observed_sum) {
  const auto n = static_cast<double>(ranks.size());
  const auto k = static_cast<double>(chosen);
  double mean = 0.0;
  for (const std::size_t rank : ranks) mean += static_cast<double>(rank) / n;
  double variance = 0.0;
  for (const std::size_t rank : ranks) {
    variance += (static_cast<double>(rank) - mean) * (static_cast<double>(rank) - mean) / (n - 1);
  }
  // The variance of a sum of k values drawn without replacement; ties are in it already.
  const double deviation = std::sqrt(k * (n - k) / n * variance);
  if (deviation == 0.0) return 1.0;
  // One step of a doubled rank sum is 2, hence 1 for the continuity correction.
  const double distance =
      std::max(std::abs(static_cast<double>(observed_sum) - k * mean) - 1.0, 0.0);
  return std::erfc(distance / deviation / std::sqrt(2.0));
}

}  // namespace

double mann_whitney_p(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 1.0;
  const std::vector<std::size_t> ranks = doubled_ranks(a, b);
  const std::size_t sum = std::accumulate(
      ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(a.size()), std::size_t{0});
  return ranks.size() <= max_exact_samples ? exact_p(ranks, a.size(), sum)
                                           : approximate_p(ranks, a.size(), sum);
}

double smallest_mann_whitney_p(std::size_t a_count, std::size_t b_count) {
  // Of all ways to choose the ranks of the smaller set, which are equally likely, the two that are
  // most unlike: all the lowest and all the highest.
  const std::size_t smaller = std::min(a_count, b_count);
  double p = 2.0;
  for (std::size_t i = 1; i <= smaller && p > 0.0; ++i) {
    p *= static_cast<double>(i) / static_cast<double>(a_count + b_count - smaller + i);
  }
  return std::min(p, 1.0);
}

}  // namespace cbr::bench
