// What a program does with a ring, one thing at a time.
#pragma once

#include <functional>
#include <vector>

#include "unit/core/starved_bench.h"

namespace cbr::test {

/// Leaves the ring as it found it, but for work that ends by itself.
struct StarvedOperation {
  const char* name;
  std::function<void(Bench& bench, Attempt& attempt)> run;
};

[[nodiscard]] std::vector<StarvedOperation> starved_operations();

}  // namespace cbr::test
