// Claims of waits stay until `completed` settles them.
#include "backends/decorators/wait_claims.h"

#include <array>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

constexpr QueueIndex queue0{0};
constexpr QueueIndex queue1{1};
constexpr std::array points{SyncPoint{queue0, Serial(3)}, SyncPoint{queue1, Serial(5)}};

TEST(WaitClaims, OneQueueThatConfirmsIsEnough) {
  WaitClaims claims;
  claims.add(points);
  EXPECT_EQ(claims.settle(queue0, claims.made(), Serial(2)), 0U);
  EXPECT_EQ(claims.settle(queue1, claims.made(), Serial(5)), 0U);
  EXPECT_EQ(claims.settle(queue1, claims.made(), Serial(4)), 0U) << "it is settled";
}

TEST(WaitClaims, AClaimThatEveryQueueContradictsIsFalse) {
  WaitClaims claims;
  claims.add(points);
  EXPECT_EQ(claims.settle(queue0, claims.made(), Serial(2)), 0U);
  EXPECT_EQ(claims.settle(queue1, claims.made(), Serial(4)), 1U);
  EXPECT_EQ(claims.settle(queue1, claims.made(), Serial(4)), 0U) << "told once";
}

TEST(WaitClaims, WhatWasAskedBeforeTheClaimSaysNothing) {
  WaitClaims claims;
  const std::uint64_t before = claims.made();
  claims.add(points);
  EXPECT_EQ(claims.settle(queue0, before, Serial(2)), 0U);
  EXPECT_EQ(claims.settle(queue1, before, Serial(4)), 0U);
  EXPECT_EQ(claims.settle(queue0, claims.made(), Serial(3)), 0U) << "it was there still";
}

TEST(WaitClaims, SeveralPointsOfOneQueueAreContradictedTogether) {
  WaitClaims claims;
  const std::array same{SyncPoint{queue0, Serial(3)}, SyncPoint{queue0, Serial(1)}};
  claims.add(same);
  EXPECT_EQ(claims.settle(queue0, claims.made(), Serial(1)), 0U);
  claims.add(same);
  EXPECT_EQ(claims.settle(queue0, claims.made(), Serial()), 1U);
}

TEST(WaitClaims, TheNextRingStartsWithNone) {
  WaitClaims claims;
  claims.add(points);
  claims.clear();
  EXPECT_EQ(claims.settle(queue0, claims.made(), Serial()), 0U);
  EXPECT_EQ(claims.settle(queue1, claims.made(), Serial()), 0U);
}

TEST(WaitClaims, OnlySoManyAreKept) {
  WaitClaims claims;
  for (int i = 0; i < 1000; ++i) claims.add(points);
  (void)claims.settle(queue0, claims.made(), Serial());
  EXPECT_EQ(claims.settle(queue1, claims.made(), Serial()), 256U);
}

}  // namespace
}  // namespace cbr::detail
