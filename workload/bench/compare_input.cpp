#include "bench/compare_input.h"

#include <cmath>
#include <limits>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/options.h>

#include "bench/bench_result.h"
#include "bench/compare.h"
#include "decode/json_file.h"
#include "text/printable.h"

namespace cbr::bench {
namespace {

using decode::JsonObject;

constexpr double largest_number = std::numeric_limits<double>::max();

std::vector<double> read_samples(const JsonObject& samples, const std::string& key) {
  std::vector<double> values;
  if (!samples.has(key)) return values;
  for (const nlohmann::json& value : samples.array(key)) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) {
      samples.fail(key, fmt::format("holds {}; expected numbers only", decode::describe(value)));
    }
    values.push_back(value.get<double>());
  }
  return values;
}

MeasuredRun read_run(const JsonObject& run, const std::string& rate_key) {
  MeasuredRun measured;
  measured.ring_size = static_cast<std::uint32_t>(run.integer("ringSize", 1, max_ring_size));
  measured.tokens_sha256 = run.string("tokensSha256");

  // Results may be cut down by hand: samples are welcome, not needed.
  const nlohmann::json no_samples = nlohmann::json::object();
  const JsonObject samples =
      run.has("samples") ? run.object("samples") : JsonObject(no_samples, run.file());
  const auto add = [&](const char* name, const std::string& samples_key, double value) {
    measured.metrics[name] = {.value = value, .samples = read_samples(samples, samples_key)};
  };
  const auto median_of = [](const JsonObject& parent, const std::string& key) {
    return parent.object(key).number("median", 0.0, largest_number);
  };
  add(rate_metric, rate_key, median_of(run, rate_key));
  if (run.has("ttftMs")) add("ttft ms", "ttftMs", median_of(run, "ttftMs"));
  if (run.has("stepMs")) add("step ms", "stepMs", median_of(run, "stepMs"));
  const JsonObject gpu = run.object("gpu");
  if (gpu.has("busyFraction")) {
    add("GPU busy", "busyFraction", gpu.number("busyFraction", 0.0, largest_number));
  }
  if (gpu.has("idleGapUs")) add("idle gap µs", "idleGapUs", median_of(gpu, "idleGapUs"));
  add("encode µs", "encodeUs", gpu.number("encodeUs", 0.0, largest_number));
  return measured;
}

/// The parts that a comparison depends on, without what only says how much was measured.
nlohmann::json conditions_of(const JsonObject& root) {
  nlohmann::json conditions = nlohmann::json::object();
  for (const char* part : {"config", "device"}) conditions[part] = root.at(part);
  if (nlohmann::json& config = conditions["config"]; config.is_object()) {
    config.erase("ringSizes");
    config.erase("rounds");
  }
  const JsonObject system = root.object("systemInfo");
  for (const char* key : {"cpu", "cores", "compiler", "buildType"}) {
    if (system.has(key)) conditions["systemInfo"][key] = system.at(key);
  }
  return conditions;
}

ComparableResult result_of(const nlohmann::json& document, const std::string& name) {
  const JsonObject root(document, name);
  (void)root.integer("schemaVersion", schema_version, schema_version);

  ComparableResult result;
  result.file = root.file();
  result.complete = root.boolean("complete", true);
  result.conditions = std::make_shared<const nlohmann::json>(conditions_of(root));

  std::size_t index = 0;
  std::set<std::uint32_t> seen;
  for (const nlohmann::json& entry : root.array("runs")) {
    const JsonObject run(entry, root.file(), fmt::format("runs[{}]", index++));
    const std::string unit = run.has("tokensPerSec") ? "tokens" : "steps";
    if (result.unit.empty()) result.unit = unit;
    if (unit != result.unit) run.fail(unit + "PerSec", "differs in kind from the runs before");
    result.runs.push_back(read_run(run, unit + "PerSec"));
    if (!seen.insert(result.runs.back().ring_size).second) {
      run.fail("ringSize", fmt::format("is {}, as in an earlier run; expected each size once",
                                       result.runs.back().ring_size));
    }
  }
  return result;
}

}  // namespace

ComparableResult read_comparable_result(const std::filesystem::path& path) {
  return result_of(decode::read_json_file(path, largest_result), text::printable_path(path));
}

ComparableResult parse_comparable_result(std::string_view text, const std::string& name) {
  return result_of(decode::parse_json_object(text, name), name);
}

}  // namespace cbr::bench
