// A configuration. The options in effect, written as a file, have the same effect.
#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include <cbr/config.h>
#include <cbr/errors.h>

#include "config/option_table.h"
#include "fuzz/foreign_file.h"

namespace {

std::string yaml_of(const cbr::config::OptionSpec& spec, const cbr::ConfigValue& value) {
  const std::string text = cbr::to_string(value);
  if (spec.type == cbr::config::OptionType::numbers) return '[' + text + ']';
  // JSON's strings are YAML's.
  if (spec.type == cbr::config::OptionType::text) return nlohmann::json(text).dump();
  return text;
}

std::string yaml_of(const cbr::Config& config) {
  using cbr::config::Section;
  std::string text = std::string(cbr::config::neutral_section) + ":\n";
  for (const Section section : {Section::optimizations, Section::ring}) {
    const bool is_ring = section == Section::ring;
    if (is_ring) text += "  " + std::string(cbr::config::ring_section) + ":\n";
    for (const cbr::config::OptionSpec& spec : cbr::config::option_table()) {
      if (spec.section != section) continue;
      text += (is_ring ? "    " : "  ") + std::string(spec.key) + ": " +
              yaml_of(spec, config.option(spec.name()).value) + '\n';
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace cbr;
  try {
    const Config config = parse_config(fuzz::text_of(data, size));
    const Config again = parse_config(yaml_of(config));
    fuzz::require(again.options.size() == config.options.size(), "all options come back");
    for (std::size_t i = 0; i < config.options.size(); ++i) {
      fuzz::require(again.options[i].value == config.options[i].value,
                    "an option that is written comes back the same");
    }
  } catch (const InputError& error) {
    fuzz::require(std::string(error.what()).find('\n') == std::string::npos,
                  "an error is one line");
  }
  return 0;
}
