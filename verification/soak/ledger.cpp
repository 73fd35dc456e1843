#include "soak/ledger.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace cbr::soak {
namespace {

/// leaked() holds no more.
constexpr std::size_t most_leaks = 100;

/// Collects what is not as it should be.
class Comparison {
 public:
  void equal(std::string_view what, std::uint64_t is, std::uint64_t should_be) {
    if (is != should_be) add(fmt::format("{} is {}, it must be {}", what, is, should_be));
  }
  void at_most(std::string_view what, std::uint64_t is, std::uint64_t limit) {
    if (is > limit) add(fmt::format("{} is {}, it must be at most {}", what, is, limit));
  }
  void at_least(std::string_view what, std::uint64_t is, std::uint64_t limit) {
    if (is < limit) add(fmt::format("{} is {}, it must be at least {}", what, is, limit));
  }
  /// Nothing if it is empty.
  void add(const std::string& what) {
    if (!text_.empty() && !what.empty()) text_ += "; ";
    text_ += what;
  }
  [[nodiscard]] std::string text() const { return text_; }

 private:
  std::string text_;
};

std::uint64_t count(const std::vector<Leak>& leaks, Leak::Kind kind) {
  return static_cast<std::uint64_t>(std::count_if(
      leaks.begin(), leaks.end(), [kind](const Leak& leak) { return leak.kind == kind; }));
}

}  // namespace

void Ledger::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (complaint_.empty()) complaint_ = what;
}

std::string Ledger::complaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

std::string broken_equation(const RingStatistics& statistics) {
  Comparison comparison;
  comparison.equal("total_acquisitions", statistics.total_acquisitions,
                   statistics.total_releases + statistics.leased);
  comparison.equal("total_releases", statistics.total_releases,
                   statistics.submissions + statistics.discarded);
  comparison.equal("submissions", statistics.submissions,
                   statistics.completions + statistics.failures + statistics.in_flight);
  return comparison.text();
}

std::string difference(const Ledger& ledger, const RingStatistics& statistics,
                       const std::vector<Leak>& leaks) {
  if (std::string broken = broken_equation(statistics); !broken.empty()) return broken;
  Comparison comparison;
  comparison.equal("in_flight", statistics.in_flight, 0);
  comparison.equal("leased", statistics.leased, 0);
  comparison.equal("kept objects", static_cast<std::uint64_t>(ledger.kept.load()), 0);
  comparison.add(callback_difference(ledger));

  const std::uint64_t unseen = count(leaks, Leak::Kind::unseen_failure);
  const bool all_leaks = leaks.size() < most_leaks;
  comparison.at_most("unseen failures", unseen, ledger.blind);
  if (all_leaks) {
    // One that there is no memory to tell of is not told of.
    const std::uint64_t told = count(leaks, Leak::Kind::abandoned_lease);
    comparison.at_most("abandoned leases", told, ledger.abandoned);
    comparison.at_least("abandoned leases", told + ledger.failed_allocations, ledger.abandoned);
  }
  if (ledger.statistics_reset) return comparison.text();

  comparison.equal("submissions", statistics.submissions, ledger.submits);
  comparison.at_most("timeout_events", statistics.timeout_events,
                     ledger.came_away_empty + ledger.broken_acquires);
  // A begin on a lost device is an acquisition and a discard; an acquire that finds the loss is
  // neither. So it is with one that breaks off.
  const std::uint64_t acquired = ledger.leases + ledger.failed_begins;
  const std::uint64_t given_up =
      ledger.discards + ledger.abandoned + ledger.refused_submits + ledger.failed_begins;
  const std::uint64_t broken = statistics.total_acquisitions - acquired;
  comparison.at_most("acquisitions that broke off", broken,
                     ledger.lost_acquires + ledger.broken_acquires);
  comparison.equal("discarded", statistics.discarded, given_up + broken);
  // A lost device's failures are no leaks, whether a ticket told of them or not.
  if (ledger.lost) {
    comparison.at_most("failures seen", ledger.failures_seen + unseen, statistics.failures);
  } else if (all_leaks) {
    const std::uint64_t known = ledger.failures_seen + unseen;
    comparison.at_least("failures", statistics.failures, known);
    comparison.at_most("failures", statistics.failures, known + ledger.failed_allocations);
  }
  return comparison.text();
}

std::string callback_difference(const Ledger& ledger) {
  Comparison comparison;
  comparison.equal("callbacks run, taken back or refused",
                   ledger.callbacks_run + ledger.callbacks_refused + ledger.callbacks_cancelled +
                       ledger.coroutines_destroyed,
                   ledger.callbacks_due);
  return comparison.text();
}

std::string difference(const Ledger& ledger, const CountingObserver& observer) {
  Comparison comparison;
  comparison.equal("acquisitions told", observer.acquires, ledger.leases);
  const std::uint64_t given_up = ledger.discards + ledger.abandoned + ledger.refused_submits;
  comparison.at_most("discards told", observer.discards, given_up);
  comparison.at_least("discards told", observer.discards + ledger.late_ends, given_up);
  comparison.equal("losses told", observer.losses, ledger.lost ? 1 : 0);
  if (ledger.lost) {
    comparison.at_most("submissions told", observer.submits, ledger.submits);
    comparison.at_most("completions told", observer.completions, ledger.submits);
  } else {
    comparison.equal("submissions told", observer.submits, ledger.submits);
    comparison.equal("completions told", observer.completions, ledger.submits);
  }
  if (observer.heard_in_silence()) comparison.add("the ring tells something after its end");
  return comparison.text();
}

}  // namespace cbr::soak
