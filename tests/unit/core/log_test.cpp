#include <gtest/gtest.h>

#include <cbr/log.h>

namespace cbr {
namespace {

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(to_string(LogLevel::debug), "DEBUG");
  EXPECT_EQ(to_string(LogLevel::warning), "WARNING");
}

TEST(Log, ALineHasLevelRingAndText) {
  EXPECT_EQ(
      (LogMessage{.level = LogLevel::debug, .ring = "R", .text = "Waiting for slot #0..."}).line(),
      "[DEBUG] R: Waiting for slot #0...");
  EXPECT_EQ((LogMessage{.ring = "CommandRing", .text = "it hangs"}).line(),
            "[WARNING] CommandRing: it hangs")
      << "a message is a warning unless it says something else";
}

TEST(Log, ALineTakesTextsAsTheyAre) {
  EXPECT_EQ((LogMessage{.ring = "{}", .text = "100 % {0} %s"}).line(),
            "[WARNING] {}: 100 % {0} %s");
  EXPECT_EQ(LogMessage{}.line(), "[WARNING] : ");
}

}  // namespace
}  // namespace cbr
