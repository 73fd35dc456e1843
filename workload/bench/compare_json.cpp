#include "bench/compare_json.h"

#include <nlohmann/json.hpp>

namespace cbr::bench {
namespace {

// Keeps members in the order in which they are written here.
using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

const char* name_of(Judgement judgement) {
  switch (judgement) {
    case Judgement::better:
      return "better";
    case Judgement::worse:
      return "worse";
    case Judgement::noise:
      return "within_noise";
    case Judgement::too_few_rounds:
      break;
  }
  return "too_few_rounds";
}

const char* name_of(GateOutcome outcome) {
  switch (outcome) {
    case GateOutcome::passed:
      return "passed";
    case GateOutcome::failed:
      return "failed";
    case GateOutcome::undecided:
      break;
  }
  return "undecided";
}

Json json_of(const MetricChange& change) {
  return {{"ringSize", change.ring_size},  {"baselineRingSize", change.baseline_ring_size},
          {"metric", change.metric},       {"baseline", change.baseline},
          {"candidate", change.candidate}, {"percent", or_null(change.percent)},
          {"p", or_null(change.p)},        {"judgement", name_of(change.judgement)}};
}

Json json_of(const Gate& gate) {
  Json json = {{"failBelow", gate.fail_below},
               {"outcome", name_of(outcome_of(gate.results))},
               {"rates", Json::array()}};
  for (const GateResult& result : gate.results) {
    json["rates"].push_back({{"ringSize", result.change.ring_size},
                             {"percent", or_null(result.change.percent)},
                             {"p", or_null(result.p)},
                             {"outcome", name_of(result.outcome)}});
  }
  return json;
}

}  // namespace

std::string compare_json(const CompareReport& report, const std::optional<Gate>& gate) {
  Json json = {{"warnings", report.warnings},
               {"onlyInBaseline", report.only_in_baseline},
               {"onlyInCandidate", report.only_in_candidate},
               {"changes", Json::array()}};
  for (const MetricChange& change : report.changes) json["changes"].push_back(json_of(change));
  json["gate"] = gate ? json_of(*gate) : Json(nullptr);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace cbr::bench
