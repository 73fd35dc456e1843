// A configuration. The options in effect, written as a file, have the same effect.
#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <cbr/config.h>
#include <cbr/errors.h>

#include "config/option_table.h"
#include "fuzz/harness.h"

namespace cbr::fuzz {
namespace {

std::string yaml_of(const config::OptionSpec& spec, const ConfigValue& value) {
  std::string text = to_string(value);
  if (spec.type == config::OptionType::numbers) return '[' + text + ']';
  // JSON's strings are YAML's.
  if (spec.type == config::OptionType::text) return nlohmann::json(text).dump();
  return text;
}

std::string yaml_of(const Config& config) {
  using config::Section;
  std::string text = std::string(config::neutral_section) + ":\n";
  for (const Section section : {Section::optimizations, Section::ring}) {
    const bool is_ring = section == Section::ring;
    if (is_ring) text += "  " + std::string(config::ring_section) + ":\n";
    for (const config::OptionSpec& spec : config::option_table()) {
      if (spec.section != section) continue;
      text += (is_ring ? "    " : "  ") + std::string(spec.key) + ": " +
              yaml_of(spec, config.option(spec.name()).value) + '\n';
    }
  }
  return text;
}

}  // namespace

void check(std::string_view input) {
  try {
    const Config config = parse_config(input);
    const Config again = parse_config(yaml_of(config));
    require(again.options.size() == config.options.size(), "all options come back");
    for (std::size_t i = 0; i < config.options.size(); ++i) {
      require(again.options[i].value == config.options[i].value,
              "an option that is written comes back the same");
    }
  } catch (const InputError& error) {
    require(std::string(error.what()).find('\n') == std::string::npos, "an error is one line");
  }
}

}  // namespace cbr::fuzz
