// One round in which work waits for other work: rings of one device, and perhaps of another.
#pragma once

#include <cstdint>

#include "soak/round.h"
#include "soak/target.h"

namespace cbr::soak {

/// As run_round().
void run_graph_round(std::uint64_t seed, Target& target, Totals& totals, Count& heartbeat);

}  // namespace cbr::soak
