#include "backends/metal/event_work.h"

#include <utility>

namespace cbr::metal {

void EventWork::add_part() {
  const std::lock_guard lock(mutex_);
  ++parts_;
}

void EventWork::set_signals(EventPoints signals, bool by_host) {
  {
    const std::lock_guard lock(mutex_);
    by_host_ = by_host;
    if (parts_ > 0) {
      signals_ = std::move(signals);
      return;
    }
  }
  // The program committed it, and it has ended already.
  for (const EventPoint& point : signals) signal_by_host(point);
}

void EventWork::keep(EventPoints points) {
  const std::lock_guard lock(mutex_);
  kept_ = std::move(points);
}

void EventWork::part_ended(Progress& progress, Outcome outcome) {
  Outcome whole;
  EventPoints signals;
  bool by_host = false;
  {
    const std::lock_guard lock(mutex_);
    // The first failure tells.
    if (outcome_.error.empty()) outcome_.error = std::move(outcome.error);
    outcome_.device_lost |= outcome.device_lost;
    if (outcome.times.end) outcome_.times = outcome.times;
    if (--parts_ > 0) return;
    whole = std::move(outcome_);
    signals = std::move(signals_);
    by_host = by_host_ || !whole.error.empty();
  }
  // Before the slot is free: its next submission signals the same event.
  if (by_host) {
    for (const EventPoint& point : signals) signal_by_host(point);
  }
  progress.ended(*this, std::move(whole));
}

}  // namespace cbr::metal
