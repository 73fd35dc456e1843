// What takes the header alone, compiled as those may who can use nothing else of the library:
// C++17, no exceptions, no RTTI, and no include path but to the header's own folder.
#include "submit_budget.h"
#include "submit_budget.h"  // twice is once

#if __cplusplus >= 202002L || defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this is to be compiled as C++17, without exceptions and RTTI"
#endif

// For submit_budget_test.cpp.
extern "C" std::uint64_t cbr_submit_budget_alone(std::uint64_t commands, std::int64_t command_ns);

std::uint64_t cbr_submit_budget_alone(std::uint64_t commands, std::int64_t command_ns) {
  cbr::SubmitBudget budget;
  std::int64_t recorded_ns = 0;
  for (std::uint64_t i = 0; i < commands; ++i) {
    recorded_ns += command_ns;
    if (!budget.add()) continue;
    budget.measured(budget.submitted(), recorded_ns);
    recorded_ns = 0;
  }
  return budget.submitted();
}
