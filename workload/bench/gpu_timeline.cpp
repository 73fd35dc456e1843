#include "bench/gpu_timeline.h"

#include <algorithm>

namespace cbr::bench {

GpuTimeline build_gpu_timeline(std::vector<GpuInterval> intervals) {
  std::erase_if(intervals, [](const GpuInterval& each) { return each.end <= each.start; });
  std::sort(intervals.begin(), intervals.end(),
            [](const GpuInterval& a, const GpuInterval& b) { return a.start < b.start; });

  GpuTimeline timeline;
  if (intervals.empty()) return timeline;
  GpuInterval part = intervals.front();
  for (const GpuInterval& next : intervals) {
    if (next.start <= part.end) {
      part.end = std::max(part.end, next.end);
      continue;
    }
    timeline.busy += part.end - part.start;
    timeline.idle_gaps.push_back(next.start - part.end);
    part = next;
  }
  timeline.busy += part.end - part.start;
  return timeline;
}

}  // namespace cbr::bench
