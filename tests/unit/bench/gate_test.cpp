#include "bench/gate.h"

#include <string>

#include <gmock/gmock.h>

#include "bench/sample_summary.h"

namespace cbr::bench {
namespace {

using testing::SizeIs;

MeasuredValue value_of(const std::vector<double>& samples) {
  return {.value = summarize(samples).median, .samples = samples};
}

/// A report on one ring size, with a rate and a metric that is none.
CompareReport report_on(const std::vector<double>& before, const std::vector<double>& after) {
  const auto result = [](const std::string& file, const std::vector<double>& rates) {
    ComparableResult made;
    made.file = file;
    made.unit = "steps";
    made.runs = {{.ring_size = 2,
                  .tokens_sha256 = "a",
                  .metrics = {{rate_metric, value_of(rates)}, {"step ms", value_of(rates)}}}};
    return made;
  };
  return compare(result("A", before), result("B", after));
}

GateOutcome outcome(const std::vector<double>& before, const std::vector<double>& after,
                    double percent) {
  return outcome_of(judge_gate(report_on(before, after), percent));
}

const std::vector<double> slow = {100, 101, 99, 102, 98};
const std::vector<double> fast = {110, 111, 109, 112, 108};
// The median is that of `fast`, most rounds are not.
const std::vector<double> noisy = {110, 111, 90, 112, 95};

TEST(Gate, LooksAtRatesOnly) {
  const auto results = judge_gate(report_on(slow, slow), 0);
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_TRUE(results.front().change.is_rate);
}

TEST(Gate, FailsALossThatIsMoreThanNoise) {
  EXPECT_EQ(outcome(fast, slow, -5), GateOutcome::failed);
}

TEST(Gate, PassesALossThatIsAllowed) {
  EXPECT_EQ(outcome(fast, slow, -10), GateOutcome::passed);
}

TEST(Gate, IsUndecidedWithinNoise) {
  // Both ways: −9 % of the median is below −5 %, and of 10 % all but one is demanded.
  EXPECT_EQ(outcome(noisy, slow, -5), GateOutcome::undecided);
  EXPECT_EQ(outcome(slow, noisy, 11), GateOutcome::undecided);
}

TEST(Gate, IsUndecidedOnALossThatMayBeTheOneAllowed) {
  // A loss beyond doubt; whether it is over 9 % is not.
  const CompareReport report = report_on(fast, slow);
  EXPECT_EQ(report.changes.front().judgement, Judgement::worse);
  EXPECT_EQ(outcome_of(judge_gate(report, -9)), GateOutcome::undecided);
}

TEST(Gate, FailsAGainThatIsSurelyMissed) {
  EXPECT_EQ(outcome(slow, slow, 8), GateOutcome::failed);
}

TEST(Gate, IsUndecidedWithTooFewRounds) {
  EXPECT_EQ(outcome({110, 111, 109}, {50, 51, 52}, -5), GateOutcome::undecided);
  const auto results = judge_gate(report_on({110, 111, 109}, {50, 51, 52}), -5);
  EXPECT_FALSE(results.front().p.has_value());
}

TEST(Gate, OneFailureIsAFailureOfAll) {
  const GateResult passed{.change = {}, .outcome = GateOutcome::passed, .p = {}};
  const GateResult failed{.change = {}, .outcome = GateOutcome::failed, .p = {}};
  const GateResult undecided{.change = {}, .outcome = GateOutcome::undecided, .p = {}};
  EXPECT_EQ(outcome_of({passed, undecided, failed}), GateOutcome::failed);
  EXPECT_EQ(outcome_of({passed, undecided}), GateOutcome::undecided);
  EXPECT_EQ(outcome_of({passed}), GateOutcome::passed);
  EXPECT_EQ(outcome_of({}), GateOutcome::passed);
}

}  // namespace
}  // namespace cbr::bench
