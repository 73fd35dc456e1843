#include "bench/result_report.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/diagnosis.h>
#include <cbr/gpu_activity.h>
#include <cbr/options.h>
#include <cbr/statistics.h>

#include "bench/bench_result.h"
#include "bench/paired_speedup.h"
#include "bench/result_json.h"
#include "bench/sample_summary.h"
#include "observe/report_page.h"
#include "text/json_object.h"
#include "text/printable.h"

namespace cbr::bench {
namespace {

// Keeps members in the order in which they are written here.
using Json = nlohmann::ordered_json;
using text::JsonObject;

constexpr double largest_number = std::numeric_limits<double>::max();
constexpr std::uint64_t most_count = std::uint64_t{1} << 53U;
/// 30 years: sums of such times don't overflow.
constexpr double most_seconds = 1e9;

double number(const JsonObject& object, const char* key) {
  return object.number(key, 0.0, largest_number);
}
Json number_or_null(const JsonObject& object, const char* key) {
  return object.has(key) ? Json(number(object, key)) : Json();
}
std::string line(const JsonObject& object, const char* key) {
  return text::printable_line(object.string(key));
}

std::chrono::nanoseconds seconds(const JsonObject& object, const std::string& key) {
  return std::chrono::nanoseconds(
      std::llround(object.number(key, 0.0, most_seconds / gap_cause_count) * 1e9));
}

IdleByCause read_idle(const JsonObject& object) {
  IdleByCause idle;
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    const auto cause = static_cast<GapCause>(i);
    const std::string key = key_of(cause);
    if (object.has(key)) idle[cause] = seconds(object, key);
  }
  return idle;
}

GpuActivity read_activity(const JsonObject& gpu, std::uint32_t queues) {
  GpuActivity activity;
  activity.queues = queues;
  activity.busy = seconds(gpu, "busySeconds");
  activity.idle = seconds(gpu, "idleSeconds");
  activity.idle_by_cause = read_idle(gpu.object("idleByCause"));
  if (gpu.has("idleAfterWait")) activity.idle_after_wait = read_idle(gpu.object("idleAfterWait"));
  activity.submissions = gpu.integer("submissions", 0, most_count);
  activity.gaps = gpu.integer("gaps", 0, most_count);
  activity.encode = seconds(gpu, "encodeSeconds");
  activity.submit = seconds(gpu, "submitSeconds");
  activity.peak_in_use =
      static_cast<std::uint32_t>(gpu.integer("peakInUse", 0, max_ring_size * std::uint64_t{64}));
  std::size_t index = 0;
  for (const nlohmann::json& entry : gpu.array("gapHistogram")) {
    const JsonObject gaps(entry, gpu.file(),
                          fmt::format("{}[{}]", gpu.place_of("gapHistogram"), index++));
    const double from_us = gaps.number("fromUs", 0.0, most_seconds);
    activity.gap_histogram.add(std::chrono::nanoseconds(std::llround(from_us * 1e3)),
                               gaps.integer("count", 0, most_count));
  }
  return activity;
}

std::vector<double> read_samples(const JsonObject& run, const std::string& key) {
  std::vector<double> values;
  if (!run.has("samples")) return values;
  const JsonObject samples = run.object("samples");
  if (!samples.has(key)) return values;
  for (const nlohmann::json& value : samples.array(key)) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) {
      samples.fail(key, fmt::format("holds {}; expected numbers only", text::describe(value)));
    }
    values.push_back(value.get<double>());
  }
  return values;
}

/// Student's t interval of the mean.
Json interval_of_mean(const std::vector<double>& samples) {
  if (samples.size() < 2) return nullptr;
  const SampleSummary summary = summarize(samples);
  const double half = student_t_975(samples.size() - 1) * summary.std_dev /
                      std::sqrt(static_cast<double>(samples.size()));
  return Json::array({summary.mean - half, summary.mean + half});
}

/// What the figures of one ring mean, all rounds together.
Diagnosis diagnosis_of(std::uint32_t ring_size, const std::optional<GpuActivity>& activity) {
  RingStatistics statistics;
  statistics.ring_size = ring_size;
  statistics.gpu = activity;
  // Of what has no times, only their want is to be told.
  statistics.submissions = activity ? activity->submissions : most_count;
  return diagnose(statistics);
}

Json read_run(const JsonObject& run, const std::string& rate_key, std::uint32_t queues) {
  const auto ring_size = static_cast<std::uint32_t>(run.integer("ringSize", 1, max_ring_size));
  const JsonObject rate = run.object(rate_key);
  const std::vector<double> samples = read_samples(run, rate_key);
  const JsonObject gpu = run.object("gpu");
  std::optional<GpuActivity> activity;
  // Files of before have no idle time by its causes.
  if (run.has("ring") && run.object("ring").has("gpu")) {
    activity = read_activity(run.object("ring").object("gpu"), queues);
  }
  Diagnosis diagnosis;
  if (activity || !gpu.has("busyFraction")) diagnosis = diagnosis_of(ring_size, activity);
  Json gap;
  if (gpu.has("idleGapUs")) {
    const JsonObject gaps = gpu.object("idleGapUs");
    gap = {{"median", number(gaps, "median")}, {"p99", number(gaps, "p99")}};
  }
  return {{"ringSize", ring_size},
          {"rounds", run.integer("rounds", 0, most_count)},
          {"rate",
           {{"mean", number(rate, "mean")},
            {"median", number(rate, "median")},
            {"min", number(rate, "min")},
            {"max", number(rate, "max")}}},
          {"rateCi95", interval_of_mean(samples)},
          {"samples", samples},
          {"busyFraction", number_or_null(gpu, "busyFraction")},
          {"idleGapUs", gap},
          {"encodeUs", number(gpu, "encodeUs")},
          {"speedup", nullptr},
          {"speedupCi95", nullptr},
          {"gpu", activity ? observe::report_json(*activity) : Json()},
          {"findings", observe::report_json(diagnosis)}};
}

/// Puts the speed-ups where their runs are. Returns the baseline's size.
std::uint64_t add_comparison(const JsonObject& root, Json& runs) {
  std::uint64_t baseline = runs.empty() ? 1 : runs.front()["ringSize"].get<std::uint64_t>();
  if (!root.has("comparison")) return baseline;
  std::size_t index = 0;
  for (const nlohmann::json& entry : root.array("comparison")) {
    const JsonObject each(entry, root.file(), fmt::format("comparison[{}]", index++));
    const std::uint64_t size = each.integer("ringSize", 1, max_ring_size);
    baseline = each.integer("baseline", 1, max_ring_size);
    for (Json& run : runs) {
      if (run["ringSize"] != size) continue;
      run["speedup"] = number(each, "speedup");
      if (!each.has("ci95")) continue;
      const nlohmann::json& bounds = each.array("ci95");
      if (bounds.size() != 2 || !bounds[0].is_number() || !bounds[1].is_number()) {
        each.fail("ci95", fmt::format("is {}; expected two numbers", text::describe(bounds)));
      }
      run["speedupCi95"] = Json::array({bounds[0].get<double>(), bounds[1].get<double>()});
    }
  }
  return baseline;
}

/// What was measured, in a few words.
std::string workload_text(const JsonObject& config) {
  const auto count = [](const JsonObject& object, const char* key) {
    return object.integer(key, 0, most_count);
  };
  std::string text;
  if (config.has("decode")) {
    const JsonObject decode = config.object("decode");
    text = fmt::format("model {}, {} questions, {} tokens each", line(decode, "model"),
                       count(decode, "questions"), count(decode, "maxTokens"));
  } else if (config.has("simulated")) {
    const JsonObject times = config.object("simulated");
    text =
        fmt::format("steps of {} µs to encode, {} µs to submit, {} µs on the GPU",
                    number(times, "encodeUs"), number(times, "submitUs"), number(times, "gpuUs"));
  } else if (config.has("synthetic")) {
    const JsonObject shape = config.object("synthetic");
    text = fmt::format("steps of {} dispatches, {} elements, {} iterations",
                       count(shape, "dispatches"), count(shape, "elements"),
                       count(shape, "iterations"));
  }
  if (!config.has("rounds")) return text;
  return text + fmt::format("{}{} rounds", text.empty() ? "" : ", ", count(config, "rounds"));
}

std::string string_or_empty(const JsonObject& object, const char* key) {
  return object.has(key) ? line(object, key) : std::string();
}

}  // namespace

std::string result_for_report(std::string_view text, const std::string& name,
                              const std::string& shown) {
  const nlohmann::json document = text::parse_json_object(text, name);
  const JsonObject root(document, name);
  (void)root.integer("schemaVersion", schema_version, schema_version);
  const JsonObject device = root.object("device");
  const JsonObject config = root.object("config");
  const std::uint32_t queues =
      config.has("synthetic") && config.object("synthetic").has("queues")
          ? static_cast<std::uint32_t>(
                config.object("synthetic").integer("queues", 1, max_ring_size))
          : 1;
  std::string unit;
  Json runs = Json::array();
  for (const nlohmann::json& entry : root.array("runs")) {
    const JsonObject run(entry, name, fmt::format("runs[{}]", runs.size()));
    const std::string found = run.has("tokensPerSec") ? "tokens" : "steps";
    if (unit.empty()) unit = found;
    if (unit != found) run.fail(found + "PerSec", "differs in kind from the runs before");
    runs.push_back(read_run(run, found + "PerSec", queues));
  }
  const std::uint64_t baseline = add_comparison(root, runs);
  const Json result = {
      {"file", shown},
      {"timestamp", string_or_empty(root, "timestamp")},
      {"device", line(device, "name")},
      {"driver", string_or_empty(device, "driver")},
      {"machine", root.has("systemInfo") ? string_or_empty(root.object("systemInfo"), "cpu") : ""},
      {"workload", workload_text(config)},
      {"unit", unit.empty() ? "steps" : unit},
      {"complete", root.boolean("complete", true)},
      {"verdict", line(root, "verdict")},
      {"baseline", baseline},
      {"runs", runs}};
  return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cbr::bench
