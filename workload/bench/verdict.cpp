#include "bench/verdict.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "bench/speedup_text.h"

namespace cbr::bench {
namespace {

enum class Effect { gain, nothing, loss };

/// Rates that are equal but for rounding are no gain.
constexpr double rounding = 1e-9;

Effect effect_of(const Speedup& speedup) {
  if (!speedup.ci95) return Effect::nothing;
  if (speedup.ci95->low > 1.0 + rounding) return Effect::gain;
  if (speedup.ci95->high < 1.0 - rounding) return Effect::loss;
  return Effect::nothing;
}

std::string with_interval(const Speedup& speedup) {
  return fmt::format("{} (95 % {})", speedup_text(speedup), interval_text(speedup));
}

/// "2", "2 and 3", "2, 3 and 4".
std::string list_of(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text += i + 1 == numbers.size() ? " and " : ", ";
    text += fmt::format("{}", numbers[i]);
  }
  return text;
}

std::vector<Comparison> with_effect(const std::vector<Comparison>& comparisons, Effect effect) {
  std::vector<Comparison> found;
  for (const Comparison& each : comparisons) {
    if (effect_of(each.speedup) == effect) found.push_back(each);
  }
  std::sort(found.begin(), found.end(),
            [](const Comparison& a, const Comparison& b) { return a.ring_size < b.ring_size; });
  return found;
}

const RunResult& run_of(const BenchResult& result, std::uint32_t ring_size) {
  return *std::find_if(result.runs.begin(), result.runs.end(),
                       [&](const RunResult& run) { return run.ring_size == ring_size; });
}

/// What ring sizes larger than `gain` add to it, by pairing their rounds with its own.
std::string further_gain(const BenchResult& result, std::uint32_t gain) {
  std::vector<std::uint32_t> larger;
  for (const RunResult& run : result.runs) {
    if (run.ring_size > gain) larger.push_back(run.ring_size);
  }
  if (larger.empty()) return "";
  std::sort(larger.begin(), larger.end());
  const RunResult& reference = run_of(result, gain);
  for (const std::uint32_t ring_size : larger) {
    const std::optional<Speedup> more = paired_speedup(
        reference.samples.units_per_sec, run_of(result, ring_size).samples.units_per_sec);
    if (more && effect_of(*more) == Effect::gain) {
      return fmt::format("; ring size {} gave a further {}", ring_size, with_interval(*more));
    }
  }
  return "; more slots gave nothing further";
}

std::string gain_sentence(const BenchResult& result, const std::vector<Comparison>& gains) {
  const Comparison& first = gains.front();
  return fmt::format("On {}, ring size {} gave {} over ring size {}{}.", result.device.name,
                     first.ring_size, with_interval(first.speedup), first.baseline,
                     further_gain(result, first.ring_size));
}

std::string loss_sentence(const BenchResult& result, const std::vector<Comparison>& losses) {
  const Comparison& first = losses.front();
  const bool all = losses.size() == result.comparisons.size();
  return fmt::format(
      "On {}, overlapping cost speed: ring size {} ran at {} the speed of ring size {}{}.",
      result.device.name, first.ring_size, with_interval(first.speedup), first.baseline,
      all ? "" : "; the other ring sizes bought nothing measurable");
}

std::string nothing_sentence(const BenchResult& result) {
  std::vector<std::uint32_t> sizes;
  sizes.reserve(result.comparisons.size());
  for (const Comparison& each : result.comparisons) sizes.push_back(each.ring_size);
  const bool one = sizes.size() == 1;
  std::string reason;
  const RunResult& baseline = result.runs.front();
  // Worth saying only where it explains the outcome.
  if (baseline.gpu.busy_fraction.value_or(0.0) >= 0.9) {
    reason = fmt::format("; with ring size {} the GPU was busy {:.0f} % of the time already",
                         baseline.ring_size, *baseline.gpu.busy_fraction * 100.0);
  }
  return fmt::format(
      "On {}, overlapping bought nothing measurable: the 95 % interval{} of ring size{} {} over "
      "ring "
      "size {} include{} 1{}.",
      result.device.name, one ? "" : "s", one ? "" : "s", list_of(sizes), baseline.ring_size,
      one ? "s" : "", reason);
}

}  // namespace

std::string verdict(const BenchResult& result) {
  if (result.runs.empty()) return "Nothing was measured: no round was completed.";
  if (!result.results_match) {
    return fmt::format(
        "On {}, ring sizes or rounds computed different results, so their speeds mean nothing.",
        result.device.name);
  }
  if (result.comparisons.empty()) {
    return fmt::format(
        "On {}, only ring size {} was measured: there is nothing to compare it with.",
        result.device.name, result.runs.front().ring_size);
  }
  const bool has_intervals =
      std::any_of(result.comparisons.begin(), result.comparisons.end(),
                  [](const Comparison& each) { return each.speedup.ci95.has_value(); });
  if (!has_intervals) {
    const Comparison& first = result.comparisons.front();
    return fmt::format(
        "On {}, ring size {} ran at {} the speed of ring size {}, but a single round can't tell "
        "that "
        "from noise.",
        result.device.name, first.ring_size, speedup_text(first.speedup), first.baseline);
  }
  const std::vector<Comparison> gains = with_effect(result.comparisons, Effect::gain);
  if (!gains.empty()) return gain_sentence(result, gains);
  const std::vector<Comparison> losses = with_effect(result.comparisons, Effect::loss);
  if (!losses.empty()) return loss_sentence(result, losses);
  return nothing_sentence(result);
}

}  // namespace cbr::bench
