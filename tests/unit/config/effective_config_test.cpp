#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/config.h>
#include <cbr/errors.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Config parse(std::string_view yaml, ConfigTexts environment = {}, ConfigTexts flags = {}) {
  return parse_config(yaml, "f",
                      {.environment = std::move(environment), .flags = std::move(flags)});
}

std::string error_of(std::string_view yaml, ConfigTexts environment = {}, ConfigTexts flags = {}) {
  try {
    (void)parse(yaml, std::move(environment), std::move(flags));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string in_ring(const std::string& options) {
  return "command_buffer_ring: {" + options + "}";
}

TEST(EffectiveConfig, WithoutSourcesIsTheDefault) {
  const Config config = default_config({.environment = {}, .flags = {}});
  EXPECT_EQ(config.ring.ring_size, RingOptions{}.ring_size);
  EXPECT_EQ(config.backend, "auto");
  for (const ConfigOption& option : config.options) {
    EXPECT_EQ(to_string(option.origin), "default") << option.name;
  }
}

TEST(EffectiveConfig, LaterSourcesOverrideEarlierOnes) {
  const std::string yaml = in_ring("ring_size: 2, timeout_ms: 10, priority_levels: 4");
  const Config config = parse(yaml, {{"CBR_TIMEOUT_MS", "20"}, {"CBR_PRIORITY_LEVELS", "5"}},
                              {{"priority_levels", "6"}});
  EXPECT_EQ(config.ring.ring_size, 2U);
  EXPECT_EQ(config.ring.timeout, Timeout(std::chrono::milliseconds(20)));
  EXPECT_EQ(config.ring.priority_levels, 6U);
  EXPECT_EQ(to_string(config.option("ring_size").origin), "f:1");
  EXPECT_EQ(to_string(config.option("timeout_ms").origin), "CBR_TIMEOUT_MS");
  EXPECT_EQ(to_string(config.option("priority_levels").origin), "--priority-levels");
  EXPECT_EQ(config.option("priority_levels").value, ConfigValue(std::uint64_t{6}));
}

TEST(EffectiveConfig, ErrorsNameTheirSource) {
  EXPECT_EQ(error_of("{}", {{"CBR_RING_SIZE", "x"}}),
            "CBR_RING_SIZE: found \"x\"; expected a whole number from 1 to 1024, or auto");
  EXPECT_EQ(error_of("{}", {}, {{"timeout_ms", "-1"}}),
            "--timeout-ms: found \"-1\"; expected a whole number from 0 to 31536000000");
  // An override does not make a wrong file right.
  EXPECT_THAT(error_of(in_ring("ring_size: 0"), {}, {{"ring_size", "2"}}), HasSubstr("f:1:"));
  EXPECT_THROW((void)parse("{}", {}, {{"rign_size", "2"}}), InvalidUsage);
}

TEST(EffectiveConfig, MisspeltVariablesAreReported) {
  const Config config = parse("{}", {{"CBR_RING_SZIE", "2"}, {"CBR_PROGRAM", "x"}});
  EXPECT_THAT(config.warnings,
              ElementsAre("CBR_RING_SZIE is no variable of an option; did you mean "
                          "CBR_RING_SIZE?"));
  EXPECT_EQ(config.ring.ring_size, 3U);
}

TEST(EffectiveConfig, AutoStartsWithTwoForEachQueue) {
  EXPECT_EQ(parse("{}").ring.auto_ring_size.has_value(), false);
  const Config config = parse("queues: 4\n" + in_ring("ring_size: auto, max_queued_ms: 0"));
  EXPECT_EQ(config.ring.ring_size, 8U);
  EXPECT_EQ(config.option("ring_size").value, ConfigValue(std::uint64_t{8}));
  EXPECT_EQ(config.option("ring_size").note, "auto: what it starts with");
  ASSERT_TRUE(config.ring.auto_ring_size);
  EXPECT_EQ(config.ring.auto_ring_size->largest, 8U);
  EXPECT_EQ(config.ring.auto_ring_size->max_queued, std::nullopt);
  const CommandBufferRing ring(simulated::make_gpu(config.queues), config.ring);
  EXPECT_EQ(ring.ring_size(), 8U);
  // The limits may be given in any order, and by anyone.
  const Config limited =
      parse(in_ring("largest_ring_size: 5, ring_size: auto"), {{"CBR_MAX_QUEUED_MS", "7"}});
  EXPECT_EQ(limited.ring.auto_ring_size->largest, 5U);
  EXPECT_EQ(limited.ring.auto_ring_size->max_queued, std::chrono::milliseconds(7));
  // Without times it can't choose.
  EXPECT_EQ(parse(in_ring("ring_size: auto, gpu_times: end")).ring.ring_size, 3U);
}

TEST(EffectiveConfig, AutoIsNothingInTheSerialBaseline) {
  const Config config = parse("enabled: false\n" + in_ring("ring_size: auto"));
  EXPECT_EQ(config.ring.ring_size, 1U);
  EXPECT_EQ(config.ring.auto_ring_size.has_value(), false);
}

TEST(EffectiveConfig, AutoNeedsWhatTheSmallestSizeNeeds) {
  const std::string reserved =
      "ring_size: auto, allocation_strategy: priority, reserved_slots: [1, 0, 0]";
  EXPECT_EQ(parse(in_ring(reserved)).ring.ring_size, 2U);
  // One slot can't keep one.
  EXPECT_THAT(error_of(in_ring(reserved + ", max_queued_ms: 5")),
              HasSubstr("reserved_slots keeps 1 of 1 slots"));
}

TEST(EffectiveConfig, SwitchedOffAtEitherLevelIsTheSerialBaseline) {
  for (const std::string& yaml :
       {std::string("enabled: false\nqueues: 2\n") +
            in_ring("ring_size: 4, allocation_strategy: priority, reserved_slots: [1, 1, 1]"),
        std::string("queues: 2\n") +
            in_ring("enabled: false, ring_size: 4, allocation_strategy: priority, "
                    "reserved_slots: [1, 1, 1]")}) {
    const Config config = parse(yaml);
    EXPECT_EQ(config.ring.ring_size, 1U);
    EXPECT_EQ(config.queues, 1U);
    EXPECT_THAT(config.ring.reserved_slots, IsEmpty());
    EXPECT_EQ(config.option("ring_size").value, ConfigValue(std::uint64_t{1}));
    EXPECT_THAT(config.option("ring_size").note, HasSubstr("4 was given, but"));
    EXPECT_THAT(config.option("ring_size").note, HasSubstr("enabled is false (f:"));
    // And a ring can be made of it.
    const CommandBufferRing ring(simulated::make_gpu(config.queues), config.ring);
  }
  EXPECT_EQ(parse("enabled: false", {{"CBR_ENABLED", "true"}}).ring.ring_size, 3U);
  EXPECT_EQ(parse("enabled: true", {{"CBR_RING_ENABLED", "false"}}).ring.ring_size, 1U);
}

TEST(EffectiveConfig, OptionsMustGoTogether) {
  EXPECT_EQ(error_of("queues: 4\n" + in_ring("ring_size: 2")),
            "f:2:34: ring_size is 2, but queues is 4 (f:1); each queue needs a slot");
  EXPECT_EQ(error_of("queues: 4\n"),
            "f:1:9: queues is 4, but ring_size is 3 (default); each queue needs a slot");
  EXPECT_EQ(error_of(in_ring("reserved_slots: [1]")),
            "f:1:39: reserved_slots needs allocation_strategy priority, which is round-robin");
  EXPECT_EQ(error_of("{}", {{"CBR_RESERVED_SLOTS", "1,1,1"}}),
            "CBR_RESERVED_SLOTS: reserved_slots needs allocation_strategy priority, which is "
            "round-robin");
  EXPECT_THAT(error_of(in_ring("allocation_strategy: priority, reserved_slots: [1], name: 'a: b'")),
              testing::EndsWith(": reserved_slots has 1 values, priority_levels asks for 3"));
}

TEST(EffectiveConfig, WhatOverridesAFileIsToBlame) {
  EXPECT_EQ(error_of(in_ring("ring_size: 2"), {{"CBR_QUEUES", "4"}}),
            "CBR_QUEUES: queues is 4, but ring_size is 2 (f:1); each queue needs a slot");
  EXPECT_EQ(error_of("queues: 2\n" + in_ring("ring_size: auto"), {}, {{"ring_size", "1"}}),
            "--ring-size: ring_size is 1, but queues is 2 (f:1); each queue needs a slot");
  const std::string reserved = "allocation_strategy: priority, reserved_slots: [1, 1, 1]";
  EXPECT_THAT(error_of(in_ring(reserved), {{"CBR_ALLOCATION_STRATEGY", "least-busy"}}),
              testing::StartsWith("CBR_ALLOCATION_STRATEGY: reserved_slots needs"));
  EXPECT_THAT(error_of(in_ring(reserved), {{"CBR_PRIORITY_LEVELS", "2"}}),
              testing::StartsWith("CBR_PRIORITY_LEVELS: reserved_slots has 3 values"));
  EXPECT_THAT(error_of(in_ring(reserved), {}, {{"ring_size", "2"}}),
              testing::StartsWith("--ring-size: reserved_slots keeps 3 of 2 slots"));
}

TEST(EffectiveConfig, TheNoteTellsDefaultsFromWhatWasGiven) {
  EXPECT_EQ(parse("enabled: false").option("ring_size").note,
            "3 by default, but enabled is false (f:1)");
  EXPECT_EQ(parse("enabled: false", {{"CBR_RING_SIZE", "auto"}}).option("ring_size").note,
            "auto was given, but enabled is false (f:1)");
}

TEST(EffectiveConfig, WordsOfTheFileReachTheRing) {
  const Config config = parse(in_ring("wait_strategy: block, gpu_times: end"),
                              {{"CBR_GPU_TIMES", "sampled"}}, {{"wait_strategy", "adaptive"}});
  EXPECT_EQ(config.ring.wait_strategy, WaitStrategy::adaptive);
  EXPECT_EQ(config.ring.gpu_times, GpuTimes::sampled);
  EXPECT_EQ(to_string(config.option("gpu_times").origin), "CBR_GPU_TIMES");
  EXPECT_EQ(error_of(in_ring("gpu_times: start")),
            "f:1:34: command_buffer_ring.gpu_times: found \"start\"; expected both, end, sampled "
            "or none");
}

TEST(EffectiveConfig, TellsTheValueThatEachOptionHas) {
  const Config config = parse(in_ring("spin_limit: 2500, reserved_slots: [], name: x"));
  EXPECT_EQ(config.ring.spin_limit, std::chrono::nanoseconds(2500));
  EXPECT_EQ(config.option("spin_limit").value, ConfigValue(std::uint64_t{2500}));
  EXPECT_EQ(config.option("name").path, "command_buffer_ring.name");
  EXPECT_THROW((void)config.option("nmae"), InvalidUsage);
}

}  // namespace
}  // namespace cbr
