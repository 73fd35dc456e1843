#include "bench/verdict.h"

#include <utility>

#include <gtest/gtest.h>

#include "bench/run_summary.h"

namespace cbr::bench {
namespace {

using Rates = std::vector<double>;

RunResult run_with(std::uint32_t ring_size, Rates rates) {
  RunResult run;
  run.ring_size = ring_size;
  run.samples.units_per_sec = std::move(rates);
  return run;
}

std::string verdict_of(std::vector<RunResult> runs) {
  BenchResult result;
  result.device.name = "X";
  result.runs = std::move(runs);
  result.comparisons = compare_runs(result.runs);
  return verdict(result);
}

const Rates hundred = {100, 100, 101, 99};

TEST(Verdict, AGainThatMoreSlotsDoNotAddTo) {
  EXPECT_EQ(
      verdict_of({run_with(1, hundred), run_with(2, {110, 110, 111, 110}),
                  run_with(3, {110, 111, 110, 110})}),
      "On X, ring size 2 gave 1.10× (95 % 1.09–1.11) over ring size 1; more slots gave nothing "
      "further.");
}

TEST(Verdict, AGainThatMoreSlotsAddTo) {
  EXPECT_EQ(verdict_of({run_with(1, {100, 100}), run_with(2, {150, 150}), run_with(3, {300, 300})}),
            "On X, ring size 2 gave 1.50× (95 % 1.50–1.50) over ring size 1; ring size 3 gave a "
            "further 2.00× (95 % 2.00–2.00).");
}

TEST(Verdict, AGainOfTheLastSizeOnly) {
  EXPECT_EQ(verdict_of({run_with(1, {100, 100}), run_with(2, {90, 111}), run_with(4, {200, 200})}),
            "On X, ring size 4 gave 2.00× (95 % 2.00–2.00) over ring size 1.");
}

TEST(Verdict, NothingMeasurable) {
  EXPECT_EQ(
      verdict_of({run_with(1, hundred), run_with(2, {103, 98, 99, 101})}),
      "On X, overlapping bought nothing measurable: the 95 % interval of ring size 2 over ring "
      "size 1 includes 1.");
}

TEST(Verdict, NothingMeasurableOnABusyGpuSaysWhy) {
  RunResult baseline = run_with(1, {100, 100});
  baseline.gpu.busy_fraction = 0.98;
  EXPECT_EQ(
      verdict_of({baseline, run_with(2, {100, 100}), run_with(3, {90, 112})}),
      "On X, overlapping bought nothing measurable: the 95 % intervals of ring sizes 2 and 3 "
      "over ring size 1 include 1; with ring size 1 the GPU was busy 98 % of the time already.");
}

TEST(Verdict, ALoss) {
  EXPECT_EQ(
      verdict_of({run_with(1, {100, 100}), run_with(2, {90, 90})}),
      "On X, overlapping cost speed: ring size 2 ran at 0.90× (95 % 0.90–0.90) the speed of ring "
      "size 1.");
}

TEST(Verdict, ALossOfSomeSizes) {
  EXPECT_EQ(
      verdict_of({run_with(1, {100, 100}), run_with(2, {90, 112}), run_with(3, {80, 80})}),
      "On X, overlapping cost speed: ring size 3 ran at 0.80× (95 % 0.80–0.80) the speed of ring "
      "size 1; the other ring sizes bought nothing measurable.");
}

TEST(Verdict, OneRoundTellsNothing) {
  EXPECT_EQ(
      verdict_of({run_with(1, {100}), run_with(2, {200})}),
      "On X, ring size 2 ran at 2.00× the speed of ring size 1, but a single round can't tell "
      "that from noise.");
}

TEST(Verdict, OneSizeHasNothingToCompareWith) {
  EXPECT_EQ(verdict_of({run_with(3, {100, 100})}),
            "On X, only ring size 3 was measured: there is nothing to compare it with.");
}

TEST(Verdict, NoRunAtAll) {
  EXPECT_EQ(verdict_of({}), "Nothing was measured: no round was completed.");
}

TEST(Verdict, DifferentResultsVoidTheSpeeds) {
  BenchResult result;
  result.device.name = "X";
  result.runs = {run_with(1, {100, 100}), run_with(2, {200, 200})};
  result.comparisons = compare_runs(result.runs);
  result.results_match = false;
  EXPECT_EQ(verdict(result),
            "On X, ring sizes or rounds computed different results, so their speeds mean nothing.");
}

TEST(Verdict, RoundingIsNoGain) {
  EXPECT_EQ(
      verdict_of({run_with(1, {0.1, 0.1}), run_with(2, {0.1 + 1e-16, 0.1 + 1e-16})}).substr(0, 44),
      "On X, overlapping bought nothing measurable:");
}

}  // namespace
}  // namespace cbr::bench
