#include "observe/request_order.h"

#include <algorithm>
#include <tuple>

namespace cbr::observe {

void sort_by_request(std::vector<RecordedSubmission>& submissions) {
  const auto order = [](const RecordedSubmission& submission) {
    return std::tuple(submission.times.acquire_begin, submission.times.submit_begin,
                      to_number(submission.queue), submission.serial.value());
  };
  std::sort(submissions.begin(), submissions.end(),
            [&](const auto& left, const auto& right) { return order(left) < order(right); });
}

}  // namespace cbr::observe
