// What a diagnosis says beyond what cbr::diagnose() is told. Pure logic.
#pragma once

#include <cstddef>
#include <string_view>

#include <cbr/diagnosis.h>
#include <cbr/statistics.h>

namespace cbr::observe {

/// As cbr::diagnose(). `oldest_lease_at` is where the lease of RingStatistics::oldest_lease_slot
/// was acquired; empty where that is not known.
[[nodiscard]] Diagnosis diagnose(const RingStatistics& statistics, std::size_t leaked,
                                 std::string_view oldest_lease_at);

}  // namespace cbr::observe
