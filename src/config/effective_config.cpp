// From settings to the options in effect.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "config/settings.h"
#include "config/value_text.h"
#include "core/admission.h"

namespace cbr::config {
namespace {

ConfigOption& option_of(Config& config, std::string_view name) {
  return *std::find_if(config.options.begin(), config.options.end(),
                       [&](const ConfigOption& option) { return option.name == name; });
}

/// "FILE:6:16" for an error; columns are of no use where a value is merely shown.
std::string place_of(const ConfigOrigin& origin) {
  if (origin.line == 0) return to_string(origin);
  return fmt::format("{}:{}", to_string(origin), origin.column);
}

void apply(const std::vector<Settings>& sources, Config& config) {
  for (const OptionSpec& spec : option_table()) {
    config.options.push_back(
        {.name = std::string(spec.name()), .path = path_of(spec), .value = default_of(spec)});
  }
  for (const Settings& source : sources) {
    for (const Setting& setting : source.settings) {
      ConfigOption& option = option_of(config, setting.spec->name());
      option.value = setting.value;
      option.origin = setting.origin;
    }
    config.warnings.insert(config.warnings.end(), source.warnings.begin(), source.warnings.end());
  }
  for (const ConfigOption& option : config.options) {
    find_option(option.name)->set(config, option.value);
  }
}

void resolve_auto(Config& config) {
  ConfigOption& size = option_of(config, "ring_size");
  if (!std::holds_alternative<std::monostate>(size.value)) return;
  config.ring.ring_size = slots_of_auto * config.queues;
  size.note = fmt::format("auto: {} for each queue", slots_of_auto);
}

/// Options that are each in order but don't go together. The ring's own rules decide.
void check_together(Config& config) {
  const ConfigOption& size = option_of(config, "ring_size");
  const ConfigOption& queues = option_of(config, "queues");
  if (config.ring.ring_size < config.queues) {
    const ConfigOption& culprit = size.origin.kind == ConfigOrigin::Kind::built_in ? queues : size;
    throw InputError(fmt::format("{}: ring_size is {}, but queues is {} and each needs a slot",
                                 place_of(culprit.origin), config.ring.ring_size, config.queues));
  }
  try {
    detail::Admission::check(config.ring, config.ring.ring_size);
  } catch (const InvalidOption& error) {
    // The message begins with the ring's name, which is no help here.
    const std::string_view text =
        std::string_view(error.what())
            .substr(config.ring.name.size() + std::string_view(": ").size());
    throw InputError(
        fmt::format("{}: {}", place_of(option_of(config, "reserved_slots").origin), text));
  }
}

void switch_off(Config& config) {
  if (config.enabled && config.ring_enabled) return;
  const ConfigOption& why = option_of(config, config.enabled ? "ring_enabled" : "enabled");
  const auto reduce = [&](std::string_view name, auto& member, auto value) {
    if (member == value) return;
    ConfigOption& option = option_of(config, name);
    option.note = fmt::format("{} was given, but {} is false ({})", to_string(option.value),
                              why.path, to_string(why.origin));
    member = std::move(value);
  };
  reduce("ring_size", config.ring.ring_size, std::uint32_t{1});
  reduce("queues", config.queues, std::uint32_t{1});
  reduce("reserved_slots", config.ring.reserved_slots, std::vector<std::uint32_t>());
}

}  // namespace

Config effective_config(const std::vector<Settings>& sources) {
  for (const Settings& source : sources) {
    if (!source.problems.empty()) throw InputError(source.problems.front());
  }
  Config config;
  apply(sources, config);
  resolve_auto(config);
  check_together(config);
  switch_off(config);
  for (ConfigOption& option : config.options) option.value = find_option(option.name)->get(config);
  return config;
}

}  // namespace cbr::config
