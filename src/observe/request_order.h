// The order of a recording. Pure logic.
#pragma once

#include <vector>

#include <cbr/recording.h>

namespace cbr::observe {

/// Sorts submissions as their slots were asked for.
void sort_by_request(std::vector<RecordedSubmission>& submissions);

}  // namespace cbr::observe
