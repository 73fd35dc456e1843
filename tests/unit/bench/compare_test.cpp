#include "bench/compare.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "bench/compare_table.h"
#include "bench/result_json.h"

namespace cbr::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

MeasuredValue value_of(const std::vector<double>& samples) {
  return {.value = summarize(samples).median, .samples = samples};
}

ComparableResult result_with(const std::string& file, const std::vector<double>& rates,
                             const std::vector<double>& step_ms = {1, 1, 1, 1, 1}) {
  ComparableResult result;
  result.file = file;
  result.unit = "tokens";
  result.runs = {{.ring_size = 2,
                  .tokens_sha256 = "a",
                  .metrics = {{rate_metric, value_of(rates)}, {"step ms", value_of(step_ms)}}}};
  return result;
}

const std::vector<double> slow = {100, 101, 99, 102, 98};
const std::vector<double> fast = {110, 111, 109, 112, 108};

TEST(Compare, MoreTokensAreBetter) {
  const CompareReport report = compare(result_with("A", slow), result_with("B", fast));
  const MetricChange& change = report.changes.at(0);
  EXPECT_EQ(change.metric, "tokens/s");
  EXPECT_EQ(change.ring_size, 2U);
  EXPECT_NEAR(*change.percent, 10.0, 1e-9);
  EXPECT_NEAR(*change.p, 2.0 / 252, 1e-12);
  EXPECT_EQ(change.judgement, Judgement::better);
  EXPECT_EQ(compare(result_with("A", fast), result_with("B", slow)).changes.at(0).judgement,
            Judgement::worse);
}

TEST(Compare, LongerStepsAreWorse) {
  const CompareReport report = compare(result_with("A", slow, slow), result_with("B", slow, fast));
  EXPECT_EQ(report.changes.at(0).judgement, Judgement::noise);
  EXPECT_EQ(report.changes.at(1).metric, "step ms");
  EXPECT_EQ(report.changes.at(1).judgement, Judgement::worse);
}

TEST(Compare, OverlappingRoundsAreNoise) {
  const CompareReport report =
      compare(result_with("A", slow), result_with("B", {100, 103, 97, 104, 99}));
  EXPECT_EQ(report.changes.at(0).judgement, Judgement::noise);
}

TEST(Compare, ThreeRoundsAreTooFew) {
  const CompareReport report =
      compare(result_with("A", {1, 2, 3}), result_with("B", {101, 102, 103}));
  EXPECT_EQ(report.changes.at(0).judgement, Judgement::too_few_rounds);
  EXPECT_FALSE(report.changes.at(0).p);
}

TEST(Compare, AZeroBaselineHasNoPercentage) {
  const CompareReport report =
      compare(result_with("A", slow, {0, 0, 0, 0}), result_with("B", slow, slow));
  EXPECT_FALSE(report.changes.at(1).percent);
}

TEST(Compare, ListsSizesThatOnlyOneHas) {
  ComparableResult baseline = result_with("A", slow);
  ComparableResult candidate = result_with("B", slow);
  baseline.runs.push_back(baseline.runs.front());
  baseline.runs.back().ring_size = 1;
  candidate.runs.push_back(candidate.runs.front());
  candidate.runs.back().ring_size = 8;
  const CompareReport report = compare(baseline, candidate);
  EXPECT_THAT(report.only_in_baseline, ElementsAre(1));
  EXPECT_THAT(report.only_in_candidate, ElementsAre(8));
  const std::string text = compare_table(report);
  EXPECT_THAT(text, HasSubstr("Only in the baseline: ring size 1."));
  EXPECT_THAT(text, HasSubstr("Only in the candidate: ring size 8."));
}

TEST(Compare, OneSizeEachIsComparedWithAWarning) {
  ComparableResult baseline = result_with("A", slow);
  baseline.runs.front().ring_size = 1;
  const CompareReport report = compare(baseline, result_with("B", fast));
  EXPECT_THAT(report.warnings, ElementsAre("the ring size differs: 1 in A, 2 in B"));
  EXPECT_THAT(report.only_in_baseline, IsEmpty());
  EXPECT_EQ(report.changes.at(0).baseline_ring_size, 1U);
  EXPECT_EQ(report.changes.at(0).ring_size, 2U);
  EXPECT_NEAR(*report.changes.at(0).percent, 10.0, 1e-9);
}

TEST(Compare, TheSizesAskedForAndNoOthers) {
  ComparableResult result = result_with("A", fast);
  result.runs.push_back(
      {.ring_size = 1, .tokens_sha256 = "b", .metrics = {{rate_metric, value_of(slow)}}});
  const CompareReport report = compare(result, result, RingSizes{.baseline = 1, .candidate = 2});
  EXPECT_THAT(report.warnings,
              ElementsAre("the ring size differs: 1 in A, 2 in A", HasSubstr("different results")));
  ASSERT_EQ(report.changes.size(), 1U);
  EXPECT_EQ(report.changes.front().baseline_ring_size, 1U);
  EXPECT_EQ(report.changes.front().ring_size, 2U);
  EXPECT_NEAR(*report.changes.front().percent, 10.0, 1e-9);
  EXPECT_THAT(report.only_in_candidate, IsEmpty());
  EXPECT_THAT(compare(result, result, RingSizes{.baseline = 2, .candidate = 2}).warnings,
              IsEmpty());
  try {
    (void)compare(result, result, RingSizes{.baseline = 1, .candidate = 3});
    FAIL() << "it compared a size that is not there";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "A has no ring size 3, it has 2, 1");
  }
}

std::shared_ptr<const nlohmann::json> conditions(const std::string& text) {
  return std::make_shared<const nlohmann::json>(nlohmann::json::parse(text));
}

TEST(Compare, WarnsOfDifferentConditions) {
  ComparableResult baseline = result_with("A", slow);
  ComparableResult candidate = result_with("B", slow);
  baseline.conditions = conditions(R"({"config": {"model": "x"}, "device": {"name": "same"}})");
  candidate.conditions =
      conditions(R"({"config": {"model": "y"}, "device": {"name": "same", "extra": {"a": 1}}})");
  candidate.complete = false;
  EXPECT_THAT(compare(baseline, candidate).warnings,
              ElementsAre("config.model differs: \"x\" in A, \"y\" in B",
                          "device.extra differs: absent in A, an object in B",
                          "B was stopped before its end"));
  EXPECT_THAT(compare(baseline, baseline).warnings, IsEmpty());
}

TEST(Compare, WarnsOfTheFirstConditionsAndCountsTheOthers) {
  ComparableResult baseline = result_with("A", slow);
  ComparableResult candidate = result_with("B", slow);
  nlohmann::json many = nlohmann::json::object();
  for (int i = 0; i < 50'000; ++i) many[std::to_string(100'000 + i)] = 0;
  // Names that hold all names above them would take gigabytes.
  baseline.conditions = conditions("{}");
  candidate.conditions = std::make_shared<const nlohmann::json>(
      nlohmann::json{{std::string(500'000, 'x'), std::move(many)}});
  EXPECT_THAT(compare(baseline, candidate).warnings, SizeIs(1));
  baseline.conditions = std::make_shared<const nlohmann::json>(
      nlohmann::json{{std::string(500'000, 'x'), nlohmann::json::object()}});
  const std::vector<std::string> warnings = compare(baseline, candidate).warnings;
  ASSERT_THAT(warnings, SizeIs(21));
  EXPECT_EQ(warnings.front(), std::string(120, 'x') + "....100000 differs: absent in A, 0 in B");
  EXPECT_EQ(warnings.back(), "49980 more conditions differ");
}

TEST(Compare, ShowsNamesOfConditionsThatCanNotForgeALine) {
  ComparableResult baseline = result_with("A", slow);
  ComparableResult candidate = result_with("B", slow);
  baseline.conditions = conditions("{}");
  candidate.conditions = conditions(R"({"a\u001b]0;x\u0007\nWarning: b\u202e": "\u009b2J"})");
  EXPECT_THAT(compare(baseline, candidate).warnings,
              ElementsAre("a\\x1b]0;x\\x07\\nWarning: b\\u202e differs: absent in A, "
                          "\"\\u009b2J\" in B"));
}

TEST(Compare, WarnsOfDifferentResults) {
  ComparableResult candidate = result_with("B", slow);
  candidate.runs.front().tokens_sha256 = "b";
  EXPECT_THAT(compare(result_with("A", slow), candidate).warnings,
              ElementsAre(HasSubstr("different results")));
}

TEST(Compare, RefusesTokensAgainstSteps) {
  ComparableResult candidate = result_with("B", slow);
  candidate.unit = "steps";
  EXPECT_THROW((void)compare(result_with("A", slow), candidate), InputError);
}

TEST(Compare, RefusesFilesWithoutACommonSize) {
  ComparableResult candidate = result_with("B", slow);
  candidate.runs.front().ring_size = 3;
  candidate.runs.push_back(candidate.runs.front());
  candidate.runs.back().ring_size = 4;
  EXPECT_THROW((void)compare(result_with("A", slow), candidate), InputError);
}

TEST(PercentText, HasASign) {
  EXPECT_EQ(percent_text(3.21), "+3.2 %");
  EXPECT_EQ(percent_text(-3.21), "−3.2 %");
  EXPECT_EQ(percent_text(-0.01), "±0.0 %");
}

/// Writes text to a file of its own and reads it as a result.
ComparableResult read_back(const std::string& text) {
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / (std::string("cbr_") + test->name() + ".json");
  std::ofstream(path) << text;
  try {
    ComparableResult result = read_comparable_result(path);
    std::filesystem::remove(path);
    return result;
  } catch (...) {
    std::filesystem::remove(path);
    throw;
  }
}

BenchResult example() {
  BenchResult result;
  result.config.decode =
      DecodeConfig{.model = "m", .prompts = "p", .questions = 1, .max_tokens = 2};
  result.config.ring_sizes = {1};
  RunResult run;
  run.ring_size = 1;
  run.samples.units_per_sec = slow;
  run.units_per_sec = summarize(slow);
  run.ttft_ms = summarize(fast);
  run.samples.ttft_ms = fast;
  run.gpu.busy_fraction = 0.5;
  result.runs = {run};
  return result;
}

TEST(ReadComparableResult, ReadsWhatIsWritten) {
  const ComparableResult read = read_back(result_json(example()));
  EXPECT_EQ(read.unit, "tokens");
  EXPECT_FALSE(read.complete);
  ASSERT_EQ(read.runs.size(), 1U);
  EXPECT_EQ(read.runs[0].metrics.at(rate_metric).samples, slow);
  EXPECT_DOUBLE_EQ(read.runs[0].metrics.at("ttft ms").value, 110);
  EXPECT_DOUBLE_EQ(read.runs[0].metrics.at("GPU busy").value, 0.5);
  EXPECT_FALSE(read.runs[0].metrics.contains("idle gap µs"));
  EXPECT_EQ(read.conditions->at("config").at("decode").at("questions"), 1);
  EXPECT_FALSE(read.conditions->at("config").contains("rounds"));
}

TEST(ReadComparableResult, RefusesWhatItDoesNotKnow) {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = result_json(example());
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_THROW((void)read_back("{"), InputError);
  EXPECT_THROW((void)read_back("[]"), InputError);
  EXPECT_THROW((void)read_back("{}"), InputError);
  EXPECT_THROW((void)read_back(with("\"schemaVersion\": 1", "\"schemaVersion\": 2")), InputError);
  EXPECT_THROW((void)read_back(with("\"ringSize\": 1", "\"ringSize\": 0")), InputError);
  EXPECT_THROW((void)read_back(with("\"tokensPerSec\"", "\"tokensPerHour\"")), InputError);
  EXPECT_THROW((void)read_back(with("\"median\": 100.0", "\"median\": \"x\"")), InputError);
}

}  // namespace
}  // namespace cbr::bench
