// From environment variables and flags to settings.
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "config/nearest.h"
#include "config/settings.h"
#include "config/value_text.h"
#include "text/printable.h"

namespace cbr::config {
namespace {

void read_text(const OptionSpec& spec, const std::string& text, ConfigOrigin origin,
               Settings& result) {
  std::optional<ConfigValue> value = parse_value(spec, text);
  if (!value) {
    result.problems.push_back(fmt::format("{}: {}", origin.name, unexpected_text(spec, text)));
    return;
  }
  result.settings.push_back(
      {.spec = &spec, .value = std::move(*value), .origin = std::move(origin)});
}

}  // namespace

Settings read_environment_settings(const ConfigTexts& environment) {
  Settings result;
  std::vector<std::string> names;
  names.reserve(option_table().size());
  for (const OptionSpec& spec : option_table()) {
    names.push_back(variable_of(spec));
    const auto found = environment.find(names.back());
    if (found == environment.end()) continue;
    read_text(spec, found->second, {.kind = ConfigOrigin::Kind::environment, .name = found->first},
              result);
  }
  // The prefix is the same in all of them and would make short names look alike.
  constexpr std::string_view prefix = "CBR_";
  std::vector<std::string_view> words;
  words.reserve(names.size());
  for (const std::string& name : names) words.push_back(std::string_view(name).substr(4));
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(prefix)) continue;
    const std::string_view word = std::string_view(name).substr(prefix.size());
    const std::optional<std::string_view> meant = nearest(word, words);
    if (!meant || *meant == word) continue;
    result.warnings.push_back(fmt::format("{} is no variable of an option; did you mean {}{}?",
                                          text::printable_line(name), prefix, *meant));
  }
  return result;
}

Settings read_flag_settings(const ConfigTexts& flags) {
  Settings result;
  for (const auto& [name, text] : flags) {
    const OptionSpec* spec = find_option(name);
    if (spec == nullptr) throw InvalidUsage(fmt::format("{} is no option", text::in_quotes(name)));
    read_text(*spec, text, {.kind = ConfigOrigin::Kind::flag, .name = flag_of(*spec)}, result);
  }
  return result;
}

}  // namespace cbr::config
