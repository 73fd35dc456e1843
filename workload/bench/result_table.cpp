#include "bench/result_table.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include <cbr/diagnosis.h>

#include "bench/speedup_text.h"
#include "bench/text_table.h"

namespace cbr::bench {
namespace {

constexpr const char* none = "–";

/// As many decimals as make about four digits.
std::string number(double value) {
  if (value >= 1000) return fmt::format("{:.0f}", value);
  if (value >= 100) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::string count_of(std::uint32_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string device_line(const DeviceDescription& device) {
  if (device.backend == "simulated") {
    return "Simulated device: all times below are simulated, none was measured.\n";
  }
  return fmt::format("{}: {}, Vulkan {}, {}\n", device.name, device.type, device.api_version,
                     device.driver);
}

std::string workload_line(const BenchConfig& config) {
  std::string text;
  if (config.decode) {
    text = fmt::format("{}: {} of at most {}", config.decode->model,
                       count_of(config.decode->questions, "question"),
                       count_of(config.decode->max_tokens, "token"));
  } else if (config.synthetic && config.simulated) {
    text = fmt::format("{} of {} µs encode, {} µs submit, {} µs GPU, {} µs until seen",
                       count_of(config.synthetic->steps, "step"), config.simulated->encode_us,
                       config.simulated->submit_us, config.simulated->gpu_us,
                       config.simulated->completion_us);
  } else if (config.synthetic) {
    text = fmt::format("{} of {} dispatch{} × {} elements × {}",
                       count_of(config.synthetic->steps, "step"), config.synthetic->dispatches,
                       config.synthetic->dispatches == 1 ? "" : "es", config.synthetic->elements,
                       count_of(config.synthetic->iterations, "iteration"));
  }
  if (config.synthetic && config.synthetic->queues > 1) {
    text += fmt::format(" on each of {} queues", config.synthetic->queues);
  }
  return fmt::format("{}; {}, interleaved\n", text, count_of(config.rounds, "round"));
}

std::string percent(std::optional<double> fraction) {
  return fraction ? fmt::format("{:.1f} %", *fraction * 100.0) : none;
}

std::vector<std::string> row_of(const BenchResult& result, const RunResult& run) {
  const auto comparison =
      std::find_if(result.comparisons.begin(), result.comparisons.end(),
                   [&](const Comparison& each) { return each.ring_size == run.ring_size; });
  const bool is_baseline = &run == &result.runs.front();
  const bool compared = comparison != result.comparisons.end();
  const bool same = run.tokens_sha256 == result.runs.front().tokens_sha256;
  return {
      fmt::format("{}", run.ring_size),
      number(run.units_per_sec.median),
      fmt::format("{}–{}", number(run.units_per_sec.min), number(run.units_per_sec.max)),
      compared ? speedup_text(comparison->speedup) : none,
      compared ? interval_text(comparison->speedup) : none,
      percent(run.gpu.busy_fraction),
      run.gpu.idle_gaps ? number(run.gpu.idle_gaps->median_us) : none,
      run.gpu.idle_gaps ? number(run.gpu.idle_gaps->p99_us) : none,
      number(run.gpu.encode_us),
      fmt::format("{}", run.ring.wait_events),
      fmt::format("{:.3f}", run.ring.avg_wait_ms),
      is_baseline ? "baseline" : (same ? "same" : "DIFFERENT"),
  };
}

/// The host's waiting between the queues beside the GPU's; empty for one queue.
std::string hand_over_table(const BenchResult& result) {
  if (result.hand_overs.empty()) return {};
  const std::string rate = result.config.unit() + "/s, ";
  TextTable table({"ring", rate + "host waits", "GPU busy", rate + "GPU waits", "GPU busy",
                   "speed-up", "95 % interval"});
  for (const HandOverResult& host : result.hand_overs) {
    const auto gpu =
        std::find_if(result.runs.begin(), result.runs.end(),
                     [&](const RunResult& run) { return run.ring_size == host.ring_size; });
    table.add_row({fmt::format("{}", host.ring_size), number(host.units_per_sec.median),
                   percent(host.busy_fraction), number(gpu->units_per_sec.median),
                   percent(gpu->gpu.busy_fraction),
                   host.speedup ? speedup_text(*host.speedup) : none,
                   host.speedup ? interval_text(*host.speedup) : none});
  }
  return "\nBetween the queues, the host waits or the GPU:\n" + table.text();
}

/// "idle 19.0 %: device 12.0 %, encode 5.0 %, wake_up 2.0 %": the largest first, without those that
/// would be 0.0 %.
std::string idle_line(const GpuActivity& gpu) {
  const auto whole = static_cast<double>((gpu.busy + gpu.idle).count());
  const auto share = [&](std::chrono::nanoseconds time) {
    return whole > 0 ? static_cast<double>(time.count()) / whole : 0.0;
  };
  std::vector<std::pair<double, GapCause>> causes;
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    const auto cause = static_cast<GapCause>(i);
    if (share(gpu.idle_by_cause[cause]) >= 0.0005) {
      causes.emplace_back(share(gpu.idle_by_cause[cause]), cause);
    }
  }
  std::stable_sort(causes.begin(), causes.end(),
                   [](const auto& left, const auto& right) { return left.first > right.first; });
  std::string text = "idle " + percent(share(gpu.idle));
  for (std::size_t i = 0; i < causes.size(); ++i) {
    text += fmt::format("{} {} {}", i == 0 ? ":" : ",", to_string(causes[i].second),
                        percent(causes[i].first));
  }
  return text;
}

/// Where the idle time went, and what that means for the smallest ring; empty where no ring size
/// has times of the GPU.
std::string idle_lines(const BenchResult& result) {
  std::string text;
  const RunResult* smallest = nullptr;
  for (const RunResult& run : result.runs) {
    if (!run.ring.gpu) continue;
    text += fmt::format("ring {}: {}\n", run.ring_size, idle_line(*run.ring.gpu));
    if (smallest == nullptr || run.ring_size < smallest->ring_size) smallest = &run;
  }
  if (smallest == nullptr) return {};
  const Finding main = diagnose(smallest->ring).findings.front();
  return fmt::format(
      "\nFrom the first step's start to the last one's end on the GPU:\n{}\n"
      "Ring size {}: {} {}\n",
      text, smallest->ring_size, main.text, main.action);
}

}  // namespace

std::string result_table(const BenchResult& result) {
  const std::string unit = result.config.unit();
  TextTable table({"ring", unit + "/s", "min–max", "speed-up", "95 % interval", "GPU busy",
                   "idle gap µs", "p99 µs", "encode µs", "waits", "avg wait ms",
                   result.config.decode ? "tokens" : "data"});
  for (const RunResult& run : result.runs) table.add_row(row_of(result, run));
  std::string text = device_line(result.device) + workload_line(result.config);
  if (!result.complete) text += "Stopped early: only the rounds completed before that count.\n";
  text += '\n' + table.text() + idle_lines(result) + hand_over_table(result);
  return text + '\n' + result.verdict + '\n';
}

}  // namespace cbr::bench
