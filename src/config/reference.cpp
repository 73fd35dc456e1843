// The table of options as Markdown, and as an example in YAML.
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cbr/config.h>

#include "config/option_table.h"

namespace cbr {
namespace {

using config::OptionSpec;
using config::OptionType;
using config::Section;

constexpr std::size_t comment_width = 88;

/// What a value may be.
std::string values_of(const OptionSpec& spec) {
  const std::string unit = spec.unit.empty() ? "" : fmt::format(" {}", spec.unit);
  switch (spec.type) {
    case OptionType::boolean:
      return "`true`, `false`";
    case OptionType::number:
      return fmt::format("whole number, {} to {}{}", spec.least, spec.most, unit);
    case OptionType::number_or_auto:
      return fmt::format("`auto`, or whole number, {} to {}{}", spec.least, spec.most, unit);
    case OptionType::choice:
      return fmt::format("`{}`", fmt::join(spec.choices, "`, `"));
    case OptionType::text:
      return fmt::format("text, {} to {} characters", spec.least, spec.most);
    case OptionType::numbers:
      return fmt::format("list of at most {} whole numbers, {} to {}{} each", spec.most_numbers,
                         spec.least, spec.most, unit);
  }
  return {};
}

/// The value as YAML.
std::string yaml_of(const OptionSpec& spec) {
  const std::string text = to_string(config::default_of(spec));
  if (spec.type == OptionType::numbers) return fmt::format("[{}]", text);
  return text.empty() ? "\"\"" : text;
}

void add_table(std::string& text, Section section) {
  text +=
      "| option, variable | values | default | meaning |\n"
      "|---|---|---|---|\n";
  for (const OptionSpec& spec : config::option_table()) {
    if (spec.section != section) continue;
    text += fmt::format("| `{}`<br>`{}` | {} | `{}` | {} |\n", spec.key, config::variable_of(spec),
                        values_of(spec), yaml_of(spec), spec.description);
  }
  if (section != Section::optimizations) return;
  text += fmt::format("| `{}` | section | | The ring's options, below. |\n", config::ring_section);
  for (const config::IgnoredKey& key : config::ignored_keys()) {
    text += fmt::format("| `{}` | any | | {} |\n", key.key, key.description);
  }
}

/// Wraps the text into comment lines.
void add_comment(std::string& yaml, std::string_view indent, std::string_view text) {
  std::string line = fmt::format("{}#", indent);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (line.size() + 1 + end - begin > comment_width) {
      yaml += line + '\n';
      line = fmt::format("{}#", indent);
    }
    line += fmt::format(" {}", text.substr(begin, end - begin));
    begin = end + 1;
  }
  yaml += line + '\n';
}

void add_options(std::string& yaml, Section section, std::string_view indent) {
  for (const OptionSpec& spec : config::option_table()) {
    if (spec.section != section) continue;
    add_comment(yaml, indent,
                fmt::format("{} Allowed: {}{}{}.", spec.description, config::allowed(spec),
                            spec.unit.empty() ? "" : "; unit: ", spec.unit));
    yaml += fmt::format("{}{}: {}\n", indent, spec.key, yaml_of(spec));
  }
}

}  // namespace

std::string config_reference() {
  std::string text =
      fmt::format("### In `{}` or `{}`\n\n", config::neutral_section, config::metal_section);
  add_table(text, Section::optimizations);
  text += fmt::format("\n### In `{}`\n\n", config::ring_section);
  add_table(text, Section::ring);
  return text;
}

std::string config_example() {
  std::string yaml =
      "# Every option, at its default. docs/reference/configuration.md tells more.\n";
  yaml += fmt::format("{}:\n", config::neutral_section);
  add_options(yaml, Section::optimizations, "  ");
  yaml += fmt::format("  {}:\n", config::ring_section);
  add_options(yaml, Section::ring, "    ");
  return yaml;
}

}  // namespace cbr
