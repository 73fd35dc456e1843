#include "config/option_table.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/value_text.h"

namespace cbr::config {
namespace {

using namespace std::chrono_literals;

TEST(OptionTable, NamesAreUnique) {
  std::set<std::string_view> names;
  std::set<std::string> paths;
  for (const OptionSpec& spec : option_table()) {
    EXPECT_TRUE(names.insert(spec.name()).second) << spec.name();
    EXPECT_TRUE(paths.insert(path_of(spec)).second) << path_of(spec);
    EXPECT_EQ(find_option(spec.name()), &spec);
    EXPECT_EQ(find_option(spec.section, spec.key), &spec);
    EXPECT_FALSE(spec.description.empty()) << spec.name();
  }
}

TEST(OptionTable, DefaultsAreThoseOfRingOptionsAndAllowed) {
  for (const OptionSpec& spec : option_table()) {
    const ConfigValue value = default_of(spec);
    EXPECT_EQ(parse_value(spec, to_string(value)), value) << spec.name();
  }
  EXPECT_EQ(default_of(*find_option("hang_warning_ms")), ConfigValue(std::uint64_t{5000}));
  EXPECT_EQ(default_of(*find_option("spin_limit")), ConfigValue(std::monostate()));
  EXPECT_EQ(default_of(*find_option("name")), ConfigValue(std::string("CommandRing")));
  EXPECT_EQ(default_of(*find_option("timeout_ms")), ConfigValue(std::uint64_t{0}));
  EXPECT_EQ(default_of(*find_option("wait_strategy")), ConfigValue(std::string("block")));
  EXPECT_EQ(default_of(*find_option("gpu_times")), ConfigValue(std::string("both")));
}

TEST(OptionTable, ZeroMillisecondsInAFileAreForEverInTheRing) {
  const OptionSpec& spec = *find_option("timeout_ms");
  Config config;
  config.ring.timeout = 5s;
  spec.set(config, std::uint64_t{0});
  EXPECT_FALSE(config.ring.timeout.has_value());
  EXPECT_EQ(spec.get(config), ConfigValue(std::uint64_t{0}));
  spec.set(config, std::uint64_t{7});
  EXPECT_EQ(config.ring.timeout, Timeout(7ms));
  spec.set(config, spec.most);
  EXPECT_EQ(config.ring.timeout, Timeout(365 * 24h));
  EXPECT_EQ(spec.get(config), ConfigValue(spec.most));
  // What only code can say must not read as for ever.
  for (const Timeout brief : {Timeout(0ns), Timeout(1ns)}) {
    config.ring.timeout = brief;
    EXPECT_EQ(spec.get(config), ConfigValue(std::uint64_t{1}));
  }
  config.ring.timeout = 1ms + 1ns;
  EXPECT_EQ(spec.get(config), ConfigValue(std::uint64_t{2}));
}

/// A value that is allowed and not the default.
ConfigValue other_value(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::boolean:
      return !std::get<bool>(default_of(spec));
    case OptionType::number:
      return spec.most;
    case OptionType::number_or_auto:
      return spec.least == 0 ? 7 : spec.most;
    case OptionType::choice: {
      const auto is_default = [&](std::string_view choice) {
        return default_of(spec) == ConfigValue(std::string(choice));
      };
      return std::string(*std::find_if_not(spec.choices.begin(), spec.choices.end(), is_default));
    }
    case OptionType::text:
      return std::string("other");
    case OptionType::numbers:
      return std::vector<std::uint64_t>{1, 2};
  }
  return {};
}

TEST(OptionTable, EachOptionSetsItsOwnMemberAndNoOther) {
  for (const OptionSpec& spec : option_table()) {
    Config config;
    spec.set(config, other_value(spec));
    for (const OptionSpec& each : option_table()) {
      EXPECT_EQ(each.get(config), &each == &spec ? other_value(spec) : default_of(each))
          << spec.name() << " sets " << each.name();
    }
  }
}

TEST(OptionTable, EveryChoiceCanBeSet) {
  for (const OptionSpec& spec : option_table()) {
    for (const std::string_view choice : spec.choices) {
      Config config;
      spec.set(config, std::string(choice));
      EXPECT_EQ(spec.get(config), ConfigValue(std::string(choice)));
    }
  }
}

TEST(OptionTable, DerivesVariablesAndFlags) {
  EXPECT_EQ(variable_of(*find_option("ring_size")), "CBR_RING_SIZE");
  EXPECT_EQ(variable_of(*find_option("enabled")), "CBR_ENABLED");
  EXPECT_EQ(variable_of(*find_option("ring_enabled")), "CBR_RING_ENABLED");
  EXPECT_EQ(flag_of(*find_option("hang_warning_ms")), "--hang-warning-ms");
  EXPECT_EQ(path_of(*find_option("ring_enabled")), "command_buffer_ring.enabled");
}

TEST(Reference, HasARowForEachOption) {
  const std::string reference = config_reference();
  for (const OptionSpec& spec : option_table()) {
    EXPECT_THAT(reference, testing::HasSubstr("<br>`" + variable_of(spec) + "` |"));
  }
  EXPECT_THAT(reference,
              testing::HasSubstr("| `timeout_ms`<br>`CBR_TIMEOUT_MS` | whole number, 0 to "));
}

TEST(Example, IsEveryOptionAtItsDefault) {
  const Config config = parse_config(config_example());
  for (const ConfigOption& option : config.options) {
    EXPECT_EQ(option.origin.kind, ConfigOrigin::Kind::file) << option.name;
    EXPECT_EQ(option.value, default_of(*find_option(option.name))) << option.name;
  }
  EXPECT_THAT(config.warnings, testing::IsEmpty());
}

}  // namespace
}  // namespace cbr::config
