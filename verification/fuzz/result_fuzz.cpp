// Results of `cbr bench` as `cbr compare` reads them: two of them, with a zero byte between.
#include <string>
#include <string_view>
#include <vector>

#include <cbr/errors.h>

#include "bench/compare.h"
#include "bench/compare_input.h"
#include "bench/compare_table.h"
#include "bench/gate.h"
#include "fuzz/foreign_file.h"
#include "fuzz/harness.h"

namespace cbr::fuzz {

void check(std::string_view input) {
  static const ForeignDirectory directory;
  const auto [first, second] = cut_at_zero(input);
  const auto baseline = directory.write("baseline.json", first);
  const auto candidate = directory.write("candidate.json", second);
  try {
    const bench::CompareReport report = bench::compare(bench::read_comparable_result(baseline),
                                                       bench::read_comparable_result(candidate));
    const std::vector<bench::GateResult> judged = bench::judge_gate(report, 0.0);
    require(judged.size() <= report.changes.size(), "a gate judges rates that are there");
    const std::string table = bench::compare_table(report);
    require(table.ends_with('\n'), "a table ends with a line break");
  } catch (const InputError&) {
  }
}

}  // namespace cbr::fuzz
