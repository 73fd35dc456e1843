// How rules for the size of a submission compare, on the simulated GPU: exact, and the same on
// every machine.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "unit/core/submission_workloads.h"

namespace cbr::test {
namespace {

/// A row of the table: how far each rule is from the best constant, in percent of its rate.
std::string row(const Workload& workload, const Machine& machine) {
  const Rule best = best_constant(workload, machine);
  const Outcome outcome = run(workload, gpu_time(), machine);
  std::string row = fmt::format("| {} | {} | {:+.1f} | {:.2f} ms |", workload.name, best.name,
                                100 * gain(workload, gpu_time(), best, machine),
                                static_cast<double>(outcome.longest_of_several.count()) / 1e6);
  for (const Rule& rule : constants_of_the_field()) {
    row += fmt::format(" {:+.1f} |", 100 * gain(workload, rule, best, machine));
  }
  return row;
}

void print_table(const Machine& machine) {
  std::string head = fmt::format("| ring {} | best constant | {} | longest of several |",
                                 machine.ring_size, gpu_time().name);
  for (const Rule& rule : constants_of_the_field()) head += fmt::format(" {} |", rule.name);
  std::puts(head.c_str());
  std::puts("|---|---|---|---|---|---|---|---|");
  for (const Workload& workload : workloads()) std::puts(row(workload, machine).c_str());
}

/// Whether the budget does well only where it was looked at.
void print_random_cases() {
  constexpr std::size_t count = 250;
  std::vector<double> gains;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    const Case drawn = random_case(seed);
    const Rule best = best_constant(drawn.workload, drawn.machine);
    gains.push_back(100 * gain(drawn.workload, gpu_time(), best, drawn.machine));
  }
  std::sort(gains.begin(), gains.end());
  const auto within = std::count_if(gains.begin(), gains.end(), [](double g) { return g >= -1; });
  std::puts(fmt::format("{} random cases: {} within 1 %; worst {:+.1f}, 5th percentile {:+.1f}, "
                        "median {:+.1f}, best {:+.1f}",
                        count, within, gains.front(), gains[count / 20], gains[count / 2],
                        gains.back())
                .c_str());
}

}  // namespace
}  // namespace cbr::test

int main() {
  for (const std::uint32_t ring_size : {2U, 3U}) cbr::test::print_table({.ring_size = ring_size});
  cbr::test::print_random_cases();
}
