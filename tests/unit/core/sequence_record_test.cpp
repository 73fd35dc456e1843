#include "core/sequence_record.h"

#include <array>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

TEST(SequenceRecord, TheFirstIsWhoeverReservedFirst) {
  SequenceRecord record(QueueIndex{3});
  std::array<Submission, 4> parts;
  EXPECT_EQ(record.queue, QueueIndex{3});
  EXPECT_FALSE(record.first(parts[0]));
  EXPECT_EQ(record.front(), nullptr);
  for (std::size_t i : {2U, 1U, 3U}) record.reserve(parts.at(i));
  EXPECT_TRUE(record.first(parts[2]));
  EXPECT_FALSE(record.first(parts[1]));
  record.give_up(parts[1]);
  EXPECT_TRUE(record.first(parts[2])) << "who stood behind moves on, the first stays";
  record.give_up(parts[2]);
  EXPECT_TRUE(record.first(parts[3]));
  EXPECT_EQ(record.front(), &parts[3]);
  record.give_up(parts[3]);
  EXPECT_EQ(record.front(), nullptr);
}

TEST(SequenceRecord, APlaceIsGivenUpOnce) {
  SequenceRecord record(QueueIndex{0});
  std::array<Submission, 2> parts;
  EXPECT_FALSE(parts[0].in_sequence);
  record.give_up(parts[0]);
  record.reserve(parts[0]);
  record.reserve(parts[1]);
  EXPECT_TRUE(parts[0].in_sequence);
  record.give_up(parts[0]);
  EXPECT_FALSE(parts[0].in_sequence);
  record.give_up(parts[0]);
  EXPECT_TRUE(record.first(parts[1])) << "the second time takes nobody's";
}

TEST(SequenceRecord, ARecordMayReserveAgain) {
  SequenceRecord record(QueueIndex{0});
  std::array<Submission, 2> parts;
  record.reserve(parts[0]);
  record.reserve(parts[1]);
  record.give_up(parts[0]);
  record.reserve(parts[0]);
  EXPECT_TRUE(record.first(parts[1])) << "at the end";
  record.give_up(parts[1]);
  EXPECT_TRUE(record.first(parts[0]));
}

}  // namespace
}  // namespace cbr::detail
