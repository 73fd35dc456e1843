// Results of `cbr bench` as `cbr compare` reads them: two of them, with a zero byte between.
#include <cstddef>
#include <string>

#include <cbr/errors.h>

#include "bench/compare.h"
#include "bench/compare_input.h"
#include "bench/compare_table.h"
#include "fuzz/foreign_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace cbr;
  static const fuzz::ForeignDirectory directory;
  const auto [first, second] = fuzz::cut_at_zero(fuzz::text_of(data, size));
  const auto baseline = directory.write("baseline.json", first);
  const auto candidate = directory.write("candidate.json", second);
  try {
    const bench::CompareReport report = bench::compare(bench::read_comparable_result(baseline),
                                                       bench::read_comparable_result(candidate));
    static_cast<void>(bench::rates_below(report, 0));
    const std::string table = bench::compare_table(report);
    fuzz::require(table.ends_with('\n'), "a table ends with a line break");
  } catch (const InputError&) {
  }
  return 0;
}
