// Whether two sets of measurements differ by more than noise.
#pragma once

#include <span>

namespace cbr::bench {

/// The two-sided p value of the Mann-Whitney U test: the probability that samples which come from
/// one and the same source fall apart into two sets at least as unlike as these. 1 if either set is
/// empty.
///
/// A rank test, because rounds of a benchmark have outliers to one side and a handful of rounds is
/// too few to rely on a normal distribution. The distribution is exact, ties included, for up to 30
/// samples in all; above, the normal approximation with the correction for ties.
[[nodiscard]] double mann_whitney_p(std::span<const double> a, std::span<const double> b);

/// The smallest p value that sets of these sizes can give, however unlike they are. Where it is
/// over the level of the test, there are too few samples to find any difference.
[[nodiscard]] double smallest_mann_whitney_p(std::size_t a_count, std::size_t b_count);

}  // namespace cbr::bench
