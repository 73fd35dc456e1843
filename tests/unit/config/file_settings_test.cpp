#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings.h"

namespace cbr::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::vector<std::string> problems_of(std::string_view yaml) {
  Settings result = read_yaml_settings(yaml, "f");
  EXPECT_THAT(result.problems, testing::Each(testing::Not(testing::HasSubstr("\n"))));
  return result.problems;
}

/// "NAME=VALUE@LINE:COLUMN" for each setting.
std::vector<std::string> settings_of(std::string_view yaml) {
  const Settings result = read_yaml_settings(yaml, "f");
  EXPECT_THAT(result.problems, IsEmpty());
  std::vector<std::string> texts;
  texts.reserve(result.settings.size());
  for (const Setting& each : result.settings) {
    texts.push_back(std::string(each.spec->name()) + "=" + to_string(each.value) + "@" +
                    std::to_string(each.origin.line) + ":" + std::to_string(each.origin.column));
  }
  return texts;
}

TEST(FileSettings, ReadsTheSectionUnderEitherNameOrAlone) {
  EXPECT_THAT(settings_of("metal_optimizations:\n  command_buffer_ring:\n    ring_size: 2\n"),
              ElementsAre("ring_size=2@3:16"));
  EXPECT_THAT(settings_of("gpu_optimizations: {command_buffer_ring: {ring_size: 2}}"),
              ElementsAre("ring_size=2@1:54"));
  EXPECT_THAT(settings_of("command_buffer_ring:\n  ring_size: 2\n"),
              ElementsAre("ring_size=2@2:14"));
  EXPECT_THAT(settings_of("enabled: false\ncommand_buffer_ring:\n  enabled: true\n"),
              ElementsAre("enabled=false@1:10", "ring_enabled=true@3:12"));
  EXPECT_THAT(settings_of("{}"), IsEmpty());
}

TEST(FileSettings, ReadsEachKindOfValue) {
  EXPECT_THAT(settings_of("device: 0\nbackend: 'vulkan'\ncommand_buffer_ring:\n"
                          "  reserved_slots: [1, 0]\n  ring_size: auto\n  name: \"a b\"\n"),
              ElementsAre("device=0@1:9", "backend=vulkan@2:10", "reserved_slots=1,0@4:19",
                          "ring_size=auto@5:14", "name=a b@6:9"));
  EXPECT_THAT(settings_of("command_buffer_ring:\n  reserved_slots:\n  - 3\n  - 4\n"),
              ElementsAre("reserved_slots=3,4@3:3"));
  EXPECT_THAT(settings_of("command_buffer_ring: {reserved_slots: []}"),
              ElementsAre("reserved_slots=@1:39"));
}

TEST(FileSettings, UnknownKeysNameTheNearest) {
  EXPECT_THAT(problems_of("command_buffer_ring:\n  rign_size: 2\n"),
              ElementsAre("f:2:3: \"rign_size\" is no option; did you mean ring_size?"));
  EXPECT_THAT(problems_of("metal_optimisations:\n  enabled: true\n"),
              ElementsAre("f:1:1: \"metal_optimisations\" is no option; did you mean "
                          "metal_optimizations?"));
  EXPECT_THAT(problems_of("comand_buffer_ring: {}\n"),
              ElementsAre("f:1:1: \"comand_buffer_ring\" is no option; did you mean "
                          "command_buffer_ring?"));
  EXPECT_THAT(problems_of("timeoutms: 1\n"),
              ElementsAre("f:1:1: \"timeoutms\" is no option; did you mean timeout_ms?"));
  EXPECT_THAT(
      problems_of("command_buffer_ring: {size: 2, strategy: priority}\n"),
      ElementsAre("f:1:23: \"size\" is no option; did you mean ring_size or largest_ring_size?",
                  "f:1:32: \"strategy\" is no option; did you mean allocation_strategy or "
                  "wait_strategy?"));
  EXPECT_THAT(problems_of("xyzzy: 1\n"),
              ElementsAre(StartsWith("f:1:1: \"xyzzy\" is no option; expected enabled, ")));
}

TEST(FileSettings, OptionsInTheWrongSectionSayWhereTheyBelong) {
  EXPECT_THAT(problems_of("ring_size: 2\n"),
              ElementsAre("f:1:1: ring_size belongs under command_buffer_ring"));
  EXPECT_THAT(problems_of("command_buffer_ring:\n  backend: auto\n"),
              ElementsAre("f:2:3: backend belongs a level above, beside command_buffer_ring"));
  EXPECT_THAT(problems_of("metal_optimizations: {}\ncommand_buffer_ring: {}\n"),
              ElementsAre("f:2:1: command_buffer_ring belongs under metal_optimizations"));
  EXPECT_THAT(problems_of("gpu_optimizations: {}\nring_size: 2\nenabled: true\n"),
              ElementsAre("f:2:1: ring_size belongs under gpu_optimizations.command_buffer_ring",
                          "f:3:1: enabled belongs under gpu_optimizations"));
}

TEST(FileSettings, TheOuterSectionStandsAloneAndOnce) {
  EXPECT_THAT(problems_of("metal_optimizations: {}\ngpu_optimizations: {}\n"),
              ElementsAre("f:2:1: metal_optimizations and gpu_optimizations are names of the same "
                          "section; give one of them"));
  EXPECT_THAT(problems_of("gpu_optimizations: {}\nserver: {}\n"),
              ElementsAre("f:2:1: \"server\" is no option; expected gpu_optimizations alone"));
}

TEST(FileSettings, DuplicatesAreErrorsAtEveryLevel) {
  EXPECT_THAT(problems_of("command_buffer_ring:\n  ring_size: 2\n  ring_size: 2\n"),
              ElementsAre("f:3:3: \"ring_size\" stands twice; first in line 2"));
  EXPECT_THAT(problems_of("enabled: true\nenabled: true\n"), SizeIs(1));
  EXPECT_THAT(problems_of("command_buffer_ring: {}\ncommand_buffer_ring: {}\n"), SizeIs(1));
  EXPECT_THAT(problems_of("metal_optimizations: {}\nmetal_optimizations: {}\n"), SizeIs(1));
}

TEST(FileSettings, WrongTypesAndLimits) {
  const std::string ring = "command_buffer_ring:\n  ";
  EXPECT_THAT(problems_of(ring + "ring_size: 0"),
              ElementsAre("f:2:14: command_buffer_ring.ring_size: found \"0\"; expected a whole "
                          "number from 1 to 1024, or auto"));
  EXPECT_THAT(problems_of(ring + "ring_size: '3'"),
              ElementsAre("f:2:14: command_buffer_ring.ring_size: found the text \"3\" in quotes; "
                          "expected a whole number from 1 to 1024, or auto"));
  EXPECT_THAT(
      problems_of(ring + "ring_size:"),
      ElementsAre(StartsWith("f:2:3: command_buffer_ring.ring_size: found nothing; expected")));
  EXPECT_THAT(problems_of(ring + "ring_size: [1]"),
              ElementsAre(StartsWith("f:2:14: command_buffer_ring.ring_size: found a list;")));
  EXPECT_THAT(problems_of(ring + "timeout_ms: {a: 1}"),
              ElementsAre(StartsWith("f:2:15: command_buffer_ring.timeout_ms: found a section;")));
  EXPECT_THAT(problems_of(ring + "track_statistics: yes"),
              ElementsAre("f:2:21: command_buffer_ring.track_statistics: found \"yes\"; expected "
                          "true or false"));
  EXPECT_THAT(problems_of(ring + "reserved_slots: [1, x]"),
              ElementsAre(StartsWith("f:2:23: command_buffer_ring.reserved_slots: found \"x\"")));
  EXPECT_THAT(problems_of(ring + "reserved_slots: [\"1,2\"]"), SizeIs(1));
  EXPECT_THAT(problems_of(ring + "reserved_slots: 1"), SizeIs(1));
  EXPECT_THAT(problems_of(ring + "reserved_slots: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"),
              ElementsAre(testing::HasSubstr("found a list of 17; expected a list of at most 16")));
  EXPECT_THAT(problems_of("command_buffer_ring: true"),
              ElementsAre("f:1:22: command_buffer_ring: found \"true\"; expected a section of "
                          "options"));
  EXPECT_THAT(problems_of("metal_optimizations:\n"), SizeIs(1));
  EXPECT_THAT(problems_of("- a\n"),
              ElementsAre("f:1:1: found a list; expected options (key: value)"));
  EXPECT_THAT(problems_of("---\n"), ElementsAre(testing::HasSubstr("the file is empty")));
  EXPECT_THAT(problems_of("? [a]\n: 1\n"),
              ElementsAre("f:1:3: found a list; expected the name of an option"));
}

TEST(FileSettings, ReportsEveryMistakeInTheOrderOfTheFile) {
  EXPECT_THAT(problems_of("enabled: 1\ncommand_buffer_ring:\n  ring_size: 0\nqueus: 2\n"),
              ElementsAre(StartsWith("f:1:10: "), StartsWith("f:3:14: "), StartsWith("f:4:1: ")));
  EXPECT_THAT(problems_of("enabled: 1\nqueues: 1\nqueues: 0\n"),
              ElementsAre(StartsWith("f:1:10: "), "f:3:1: \"queues\" stands twice; first in line 2",
                          StartsWith("f:3:9: ")));
  EXPECT_THAT(problems_of("metal_optimizations: {enabled: 1}\nmore: 1\n"),
              ElementsAre(StartsWith("f:1:32: "), StartsWith("f:2:1: ")));
}

// As many keys as the largest file can hold: what grows with their square takes minutes.
TEST(FileSettings, ManyKeysAreReadInTheTimeOfOnePass) {
  std::string yaml;
  for (int i = 0; i < 90'000; ++i) yaml += "k" + std::to_string(i) + ": 1\n";
  const std::vector<std::string> problems = problems_of(yaml);
  ASSERT_THAT(problems, SizeIs(11));
  EXPECT_THAT(problems[9], StartsWith("f:10:1: \"k9\" is no option"));
  EXPECT_EQ(problems[10], "f: 89990 more mistakes");
}

TEST(FileSettings, NeighboursOfTheRingAreIgnoredWithAWarning) {
  const Settings result = read_yaml_settings(
      "metal_optimizations:\n  memory_pool: {enabled: true}\n  blit_queue: 3\n", "f");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.warnings,
              ElementsAre("f:2:3: memory_pool is ignored: it is no part of this library",
                          "f:3:3: blit_queue is ignored: it is no part of this library"));
  EXPECT_THAT(problems_of("command_buffer_ring: {memory_pool: 1}"), SizeIs(1));
}

TEST(FileSettings, BrokenYamlIsOneProblem) {
  EXPECT_THAT(problems_of("a: [1\nb"), ElementsAre(StartsWith("f:")));
  EXPECT_THAT(problems_of("enabled: &a true\n"), ElementsAre(StartsWith("f:1:10: an anchor")));
  EXPECT_THAT(problems_of("a: {\"x\\ny\": 1, \"x\\ny\": 1}\n"), SizeIs(1));
}

// Whatever stands in a file: it is read, or refused in whole lines.
TEST(FileSettings, NothingBreaksTheReader) {
  const std::string example = config_example();
  for (std::size_t length = 0; length < example.size(); length += 7) {
    (void)problems_of(example.substr(0, length));
  }
  for (const char byte : {'\0', '\t', '\n', '[', '{', '"', '&', '*', '!', '-', '%', '\xFF', ':'}) {
    for (std::size_t i = 0; i < example.size(); i += 37) {
      std::string changed = example;
      changed[i] = byte;
      (void)problems_of(changed);
    }
  }
}

}  // namespace
}  // namespace cbr::config
