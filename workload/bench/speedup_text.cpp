#include "bench/speedup_text.h"

#include <cmath>

#include <fmt/format.h>

namespace cbr::bench {
namespace {

int decimals(const Speedup& speedup) {
  const auto looks_like_one = [](double value) { return std::abs(value - 1.0) < 0.005; };
  if (!speedup.ci95) return 2;
  return looks_like_one(speedup.ci95->low) || looks_like_one(speedup.ci95->high) ? 3 : 2;
}

}  // namespace

std::string speedup_text(const Speedup& speedup) {
  return fmt::format("{:.{}f}×", speedup.ratio, decimals(speedup));
}

std::string interval_text(const Speedup& speedup) {
  if (!speedup.ci95) return "–";
  return fmt::format("{:.{}f}–{:.{}f}", speedup.ci95->low, decimals(speedup), speedup.ci95->high,
                     decimals(speedup));
}

}  // namespace cbr::bench
