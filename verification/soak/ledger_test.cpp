#include "soak/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cbr::soak {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// A ring that was worked without fault, and its account: 10 leases, 7 submissions, 3 discards.
struct Account {
  Account() {
    ledger.leases = 10;
    ledger.submits = 7;
    ledger.discards = 3;
    statistics.total_acquisitions = 10;
    statistics.total_releases = 10;
    statistics.submissions = 7;
    statistics.completions = 7;
    statistics.discarded = 3;
    observer.acquires = 10;
    observer.submits = 7;
    observer.completions = 7;
    observer.discards = 3;
  }
  [[nodiscard]] std::string difference() const {
    return soak::difference(ledger, statistics, leaks);
  }
  void fail_one() {
    --statistics.completions;
    ++statistics.failures;
  }

  Ledger ledger;
  RingStatistics statistics;
  std::vector<Leak> leaks;
  CountingObserver observer;
};

Leak abandoned_lease() {
  Leak leak;
  leak.kind = Leak::Kind::abandoned_lease;
  return leak;
}

TEST(Ledger, WhatAgreesIsWell) {
  const Account account;
  EXPECT_THAT(account.difference(), IsEmpty());
  EXPECT_THAT(difference(account.ledger, account.observer), IsEmpty());
  EXPECT_THAT(callback_difference(account.ledger), IsEmpty());
}

TEST(Ledger, ASlotThatIsLostShows) {
  Account account;
  ++account.statistics.total_acquisitions;
  ++account.statistics.leased;
  EXPECT_THAT(account.difference(), HasSubstr("leased is 1"));
}

TEST(Ledger, AnAcquisitionThatBreaksOffIsADiscardOrNothing) {
  Account account;
  account.ledger.broken_acquires = 2;
  EXPECT_THAT(account.difference(), IsEmpty());
  account.statistics.total_acquisitions += 2;
  account.statistics.total_releases += 2;
  account.statistics.discarded += 2;
  EXPECT_THAT(account.difference(), IsEmpty());
  ++account.statistics.total_acquisitions;
  ++account.statistics.total_releases;
  ++account.statistics.discarded;
  EXPECT_THAT(account.difference(), HasSubstr("broke off is 3, it must be at most 2"));
}

TEST(Ledger, EachCallbackRunsIsTakenBackOrIsRefused) {
  Ledger ledger;
  ledger.callbacks_due = 4;
  ledger.callbacks_run = 1;
  ledger.callbacks_refused = 1;
  ledger.callbacks_cancelled = 1;
  EXPECT_THAT(callback_difference(ledger), HasSubstr("is 3, it must be 4"));
  ledger.coroutines_destroyed = 1;
  EXPECT_THAT(callback_difference(ledger), IsEmpty());
  // One that was taken back and ran all the same.
  ++ledger.callbacks_run;
  EXPECT_THAT(callback_difference(ledger), HasSubstr("is 5, it must be 4"));
}

TEST(Ledger, AFailureIsSeenOrALeak) {
  Account account;
  account.fail_one();
  EXPECT_THAT(account.difference(), HasSubstr("failures is 1, it must be at most 0"));
  account.ledger.failures_seen = 1;
  EXPECT_THAT(account.difference(), IsEmpty());
  account.ledger.failures_seen = 2;
  EXPECT_THAT(account.difference(), HasSubstr("failures is 1, it must be at least 2"));
}

TEST(Ledger, ALeakThatThereIsNoMemoryForMayGoUntold) {
  Account account;
  account.ledger.abandoned = 2;
  account.ledger.discards = 1;
  account.leaks.push_back(abandoned_lease());
  EXPECT_THAT(account.difference(), HasSubstr("abandoned leases is 1, it must be at least 2"));
  account.ledger.failed_allocations = 1;
  EXPECT_THAT(account.difference(), IsEmpty());
  account.leaks.resize(3, abandoned_lease());
  EXPECT_THAT(account.difference(), HasSubstr("abandoned leases is 3, it must be at most 2"));
}

TEST(Ledger, ADiscardMayGoUntoldOnceTheRingEnds) {
  Account account;
  --account.observer.discards;
  EXPECT_THAT(difference(account.ledger, account.observer), HasSubstr("discards told"));
  account.ledger.late_ends = 1;
  EXPECT_THAT(difference(account.ledger, account.observer), IsEmpty());
  account.observer.discards = 4;
  EXPECT_THAT(difference(account.ledger, account.observer), HasSubstr("at most 3"));
}

TEST(Ledger, NothingIsToldAfterTheEnd) {
  Account account;
  account.observer.expect_silence();
  EXPECT_THAT(difference(account.ledger, account.observer), IsEmpty());
  account.observer.hear(account.observer.others);
  EXPECT_THAT(difference(account.ledger, account.observer), HasSubstr("after its end"));
  account.observer.clear();
  EXPECT_FALSE(account.observer.heard_in_silence());
  account.observer.hear(account.observer.others);
  EXPECT_FALSE(account.observer.heard_in_silence());
}

}  // namespace
}  // namespace cbr::soak
