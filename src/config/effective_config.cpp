// From settings to the options in effect.
#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "config/settings.h"
#include "config/value_text.h"
#include "core/admission.h"
#include "core/auto_ring_size.h"

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

struct Problem {
  ConfigOrigin origin;
  std::string text;
};

std::string value_in_effect(const Config& config, const ConfigOption& option) {
  return to_string(find_option(option.name)->get(config));
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
  AutoRingSize& limits = config.ring.auto_ring_size.emplace();
  limits.largest = config.largest_ring_size;
  if (config.max_queued_ms > 0) {
    limits.max_queued = std::chrono::milliseconds(config.max_queued_ms);
  }
  config.ring.ring_size = detail::first_auto_size(config.ring, config.queues);
  size.note = "auto: what it starts with";
}

/// Which of two options that don't go together the message is about: the one that overrides more,
/// or else the first.
const ConfigOption& culprit_of(const ConfigOption& first, const ConfigOption& second) {
  return second.origin.kind > first.origin.kind ? second : first;
}

/// More queues than slots.
std::optional<Problem> check_queues(Config& config) {
  if (config.ring.ring_size >= config.queues) return std::nullopt;
  const ConfigOption& size = option_of(config, "ring_size");
  const ConfigOption& queues = option_of(config, "queues");
  const ConfigOption& culprit = culprit_of(size, queues);
  const ConfigOption& other = &culprit == &size ? queues : size;
  return Problem{.origin = culprit.origin,
                 .text = fmt::format("{} is {}, but {} is {} ({}); each queue needs a slot",
                                     culprit.name, value_in_effect(config, culprit), other.name,
                                     value_in_effect(config, other), to_string(other.origin))};
}

/// Reserved slots that the ring would not have. Its own rules decide.
std::optional<Problem> check_reserved_slots(Config& config) {
  try {
    const auto& limits = config.ring.auto_ring_size;
    detail::Admission::check(config.ring, limits
                                              ? detail::smallest_auto_size(*limits, config.queues)
                                              : config.ring.ring_size);
    return std::nullopt;
  } catch (const InvalidOption& error) {
    // The message begins with the ring's name, which is no help here.
    std::string text =
        std::string(error.what()).substr(config.ring.name.size() + std::string_view(": ").size());
    const auto names = [&](std::string_view name) { return text.find(name) != std::string::npos; };
    const ConfigOption& other =
        option_of(config, names("allocation_strategy") ? "allocation_strategy"
                          : names("priority_levels")   ? "priority_levels"
                                                       : "ring_size");
    return Problem{.origin = culprit_of(option_of(config, "reserved_slots"), other).origin,
                   .text = std::move(text)};
  }
}

/// Options that are each in order but don't go together, one line each.
std::vector<std::string> check_together(Config& config) {
  std::vector<Problem> problems;
  for (const auto& check : {check_queues, check_reserved_slots}) {
    if (std::optional<Problem> problem = check(config)) problems.push_back(std::move(*problem));
  }
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.origin.line, a.origin.column) < std::tie(b.origin.line, b.origin.column);
  });
  std::vector<std::string> lines;
  lines.reserve(problems.size());
  for (const Problem& problem : problems) {
    lines.push_back(fmt::format("{}: {}", place_of(problem.origin), problem.text));
  }
  return lines;
}

void switch_off(Config& config) {
  if (config.enabled && config.ring_enabled) return;
  const ConfigOption& why = option_of(config, config.enabled ? "ring_enabled" : "enabled");
  const auto reduce = [&](std::string_view name, auto& member, auto value) {
    if (member == value) return;
    ConfigOption& option = option_of(config, name);
    const bool is_given = option.origin.kind != ConfigOrigin::Kind::built_in;
    option.note =
        fmt::format("{} {}, but {} is false ({})", to_string(option.value),
                    is_given ? "was given" : "by default", why.path, to_string(why.origin));
    member = std::move(value);
  };
  reduce("ring_size", config.ring.ring_size, std::uint32_t{1});
  config.ring.auto_ring_size.reset();
  reduce("queues", config.queues, std::uint32_t{1});
  reduce("reserved_slots", config.ring.reserved_slots, std::vector<std::uint32_t>());
}

}  // namespace

std::vector<std::string> problems_of(const std::vector<Settings>& sources) {
  std::vector<std::string> problems;
  for (const Settings& source : sources) {
    problems.insert(problems.end(), source.problems.begin(), source.problems.end());
  }
  if (!problems.empty()) return problems;
  Config config;
  apply(sources, config);
  resolve_auto(config);
  return check_together(config);
}

Config effective_config(const std::vector<Settings>& sources) {
  const std::vector<std::string> problems = problems_of(sources);
  if (!problems.empty()) throw InputError(problems.front());
  Config config;
  apply(sources, config);
  resolve_auto(config);
  switch_off(config);
  for (ConfigOption& option : config.options) option.value = find_option(option.name)->get(config);
  return config;
}

}  // namespace cbr::config
