#include "config_flags.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/option_table.h"
#include "standard_error.h"
#include "standard_input.h"

namespace cbr::tool {
namespace {

constexpr const char* group = "Configuration (flags override the file and the environment)";

std::string type_name(const config::OptionSpec& spec) {
  switch (spec.type) {
    case config::OptionType::boolean:
      return "true|false";
    case config::OptionType::number:
      return "N";
    case config::OptionType::number_or_auto:
      return "N|auto";
    case config::OptionType::choice:
      return fmt::format("{}", fmt::join(spec.choices, "|"));
    case config::OptionType::text:
      return "TEXT";
    case config::OptionType::numbers:
      return "N,N,...";
  }
  return {};
}

}  // namespace

void add_config_flags(CLI::App& app, ConfigFlags& flags,
                      std::initializer_list<std::string_view> without) {
  // An empty name must not count as none, as it would in an optional.
  app.add_option_function<std::string>(
         "--config", [&flags](const std::string& name) { flags.file = name; },
         "Read options from this YAML file, or - for standard input")
      ->type_name("FILE")
      ->group(group);
  for (const config::OptionSpec& spec : config::option_table()) {
    if (std::find(without.begin(), without.end(), spec.name()) != without.end()) continue;
    const std::string help = spec.unit.empty()
                                 ? std::string(spec.description)
                                 : fmt::format("{} Unit: {}.", spec.description, spec.unit);
    app.add_option_function<std::string>(
           config::flag_of(spec),
           [&flags, name = std::string(spec.name())](const std::string& text) {
             flags.values[name] = text;
           },
           help)
        ->type_name(type_name(spec))
        ->default_str(to_string(config::default_of(spec)))
        ->group(group);
  }
}

Config read_config(const ConfigFlags& flags) {
  const ConfigOverrides overrides = {.environment = config_environment(), .flags = flags.values};
  Config config = flags.file ? load_config(config_file("--config", *flags.file), overrides)
                             : default_config(overrides);
  for (const std::string& warning : config.warnings) print_note(warning);
  return config;
}

std::filesystem::path config_file(std::string_view flag, const std::string& name) {
  if (!is_standard(name)) return name;
  claim_standard_input(flag);
  return standard_input_name;
}

bool is_given(const Config& config, std::string_view option) {
  return config.option(option).origin.kind != ConfigOrigin::Kind::built_in;
}

}  // namespace cbr::tool
