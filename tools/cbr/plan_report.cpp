#include "plan_report.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/text_table.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

// Keeps members in the order in which they are written here.
using Json = nlohmann::ordered_json;

/// A rate that is lower by less than this is as good as the best.
constexpr double noticeable = 0.02;

PlanReport::Row predict_row(const PlanReport& plan, std::span<const StepCosts> merged,
                            std::uint32_t merge, std::uint32_t ring_size) {
  PlanReport::Row row{.merge = merge, .prediction = predict(merged, ring_size, plan.device)};
  const double seconds = std::chrono::duration<double>(row.prediction.span).count();
  // Steps without any duration take no time at all.
  row.steps_per_second = seconds > 0 ? static_cast<double>(plan.steps.size()) / seconds : 0.0;
  return row;
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

/// As many decimals as make about four digits.
std::string number(double value) {
  if (value >= 1000) return fmt::format("{:.0f}", value);
  if (value >= 100) return fmt::format("{:.1f}", value);
  if (value >= 1) return fmt::format("{:.2f}", value);
  return fmt::format("{:.4f}", value);
}

std::string percent(double fraction) {
  return fmt::format("{:.1f} %", 100.0 * fraction);
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double ratio(double value, double to) {
  return to > 0 ? value / to : 1.0;
}

std::string heading(const PlanReport& plan) {
  if (!plan.origin) {
    const StepCosts& step = plan.steps.front();
    return fmt::format(
        "{} of {} ms application, {} ms encode, {} ms submit, {} ms launch, {} ms GPU, {} ms until "
        "complete; {} ms pause\n",
        plural(plan.steps.size(), "step"), milliseconds(step.application),
        milliseconds(step.encode), milliseconds(step.submit), milliseconds(step.launch),
        milliseconds(step.execute), milliseconds(step.completion),
        milliseconds(plan.device.pause.value_or(std::chrono::nanoseconds(0))));
  }
  const Prediction& measured = plan.origin->measured;
  std::string text = fmt::format("{}: {}, recorded with a ring of {}",
                                 text::printable_line(plan.origin->ring_name),
                                 plural(measured.steps, "step"), plan.ring_size);
  if (!plan.origin->device.empty()) text += " on " + text::printable_line(plan.origin->device);
  return text + fmt::format(
                    "\nmeasured there:  {} steps/s, GPU busy {}, latency {} ms\n"
                    "predicted for it: {} steps/s, GPU busy {}, latency {} ms\n",
                    number(measured.steps_per_second), percent(measured.busy_fraction),
                    number(milliseconds(measured.latency)), number(plan.baseline.steps_per_second),
                    percent(plan.baseline.prediction.busy_fraction),
                    number(milliseconds(plan.baseline.prediction.latency)));
}

Json json_of(const Prediction& prediction, double steps_per_second) {
  return {{"ringSize", prediction.ring_size},
          {"stepsPerSec", steps_per_second},
          {"busyFraction", prediction.busy_fraction},
          {"latencyMs", milliseconds(prediction.latency)}};
}

Json json_of(const PlanReport& plan, const PlanReport::Row& row) {
  Json json = json_of(row.prediction, row.steps_per_second);
  json["merge"] = row.merge;
  json["speedup"] = ratio(row.steps_per_second, plan.baseline.steps_per_second);
  return json;
}

/// Whether the best of all is hardly faster than what there is.
bool nothing_to_gain(const PlanReport& plan) {
  return recommended(plan).steps_per_second <= plan.baseline.steps_per_second * (1 + noticeable);
}

}  // namespace

void predict_all(PlanReport& plan, std::span<const std::uint32_t> ring_sizes,
                 std::span<const std::uint32_t> merges) {
  plan.baseline = predict_row(plan, plan.steps, 1, plan.ring_size);
  for (const std::uint32_t merge : merges) {
    const std::vector<StepCosts> merged = merge_steps(plan.steps, merge);
    for (const std::uint32_t size : ring_sizes) {
      const bool is_there = merge == 1 && size == plan.ring_size;
      plan.rows.push_back(is_there ? plan.baseline : predict_row(plan, merged, merge, size));
    }
  }
}

const PlanReport::Row& recommended(const PlanReport& plan) {
  double best = 0.0;
  for (const PlanReport::Row& row : plan.rows) best = std::max(best, row.steps_per_second);
  const PlanReport::Row* found = nullptr;
  const auto change = [](const PlanReport::Row& row) {
    return std::pair(row.merge, row.prediction.ring_size);
  };
  for (const PlanReport::Row& row : plan.rows) {
    if (row.steps_per_second < best * (1 - noticeable)) continue;
    if (found == nullptr || change(row) < change(*found)) found = &row;
  }
  return *found;
}

std::string recommendation(const PlanReport& plan) {
  const PlanReport::Row& row = recommended(plan);
  const std::uint32_t size = row.prediction.ring_size;
  if (nothing_to_gain(plan)) {
    if (size < plan.ring_size && row.merge == 1) {
      return fmt::format(
          "Nothing to gain from {} slots: a ring of {} does as well, with less "
          "latency.",
          plan.ring_size, size);
    }
    return fmt::format("Nothing to gain: none of these is over {} % faster than a ring of {}.",
                       100 * noticeable, plan.ring_size);
  }
  return fmt::format(
      "Set ring_size to {}{}: {:.2f} times the steps/s of a ring of {}, with the GPU busy {} of "
      "the time.",
      size, row.merge > 1 ? fmt::format(" and record {} steps into a submission", row.merge) : "",
      ratio(row.steps_per_second, plan.baseline.steps_per_second), plan.ring_size,
      percent(row.prediction.busy_fraction));
}

std::string plan_table(const PlanReport& plan) {
  const bool merges = std::any_of(plan.rows.begin(), plan.rows.end(),
                                  [](const PlanReport::Row& row) { return row.merge > 1; });
  std::vector<std::string> header = {"ring"};
  if (merges) header.emplace_back("steps a submission");
  for (const char* name : {"steps/s", "speed-up", "GPU busy", "latency ms"}) {
    header.emplace_back(name);
  }
  bench::TextTable table(header);
  for (const PlanReport::Row& row : plan.rows) {
    std::vector<std::string> cells = {fmt::format("{}", row.prediction.ring_size)};
    if (merges) cells.push_back(fmt::format("{}", row.merge));
    cells.push_back(number(row.steps_per_second));
    cells.push_back(
        fmt::format("{:.2f}", ratio(row.steps_per_second, plan.baseline.steps_per_second)));
    cells.push_back(percent(row.prediction.busy_fraction));
    cells.push_back(number(milliseconds(row.prediction.latency)));
    table.add_row(std::move(cells));
  }
  return heading(plan) + '\n' + table.text() + '\n' + recommendation(plan) + '\n';
}

std::string plan_json(const PlanReport& plan) {
  Json json = {{"steps", plan.steps.size()}, {"baselineRingSize", plan.ring_size},
               {"ringName", nullptr},        {"device", nullptr},
               {"measured", nullptr},        {"predictions", Json::array()}};
  if (plan.origin) {
    json["ringName"] = plan.origin->ring_name;
    if (!plan.origin->device.empty()) json["device"] = plan.origin->device;
    json["measured"] = json_of(plan.origin->measured, plan.origin->measured.steps_per_second);
  }
  json["predicted"] = json_of(plan, plan.baseline);
  for (const PlanReport::Row& row : plan.rows) json["predictions"].push_back(json_of(plan, row));
  const PlanReport::Row& row = recommended(plan);
  json["recommendation"] = {{"ringSize", row.prediction.ring_size},
                            {"merge", row.merge},
                            {"nothingToGain", nothing_to_gain(plan)},
                            {"text", recommendation(plan)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace cbr::tool
