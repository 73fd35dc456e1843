// From YAML to settings.
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/nearest.h"
#include "config/settings.h"
#include "config/value_text.h"
#include "config/yaml_document.h"
#include "text/printable.h"

namespace cbr::config {
namespace {

using Kind = YamlNode::Kind;

/// Who mends these comes back for the others.
constexpr std::size_t most_problems = 10;

/// What a message says of a value that is no scalar.
std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case Kind::nothing:
      return "nothing";
    case Kind::scalar:
      return text::in_quotes(node.text);
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a section";
  }
  return {};
}

bool is_word(const OptionSpec& spec, std::string_view text) {
  return spec.type == OptionType::choice || spec.type == OptionType::text ||
         (spec.type == OptionType::number_or_auto && text == "auto");
}

std::vector<std::string_view> keys_of(Section section) {
  std::vector<std::string_view> keys;
  for (const OptionSpec& spec : option_table()) {
    if (spec.section == section) keys.push_back(spec.key);
  }
  if (section == Section::optimizations) keys.push_back(ring_section);
  return keys;
}

/// Walks through one document.
class FileReader {
 public:
  explicit FileReader(std::string_view source) : source_(source) {}

  Settings read(const YamlNode& root) {
    if (root.kind == Kind::nothing) {
      add_problem(root.place, "the file is empty; expected options");
    } else if (root.kind != Kind::map) {
      add_problem(root.place,
                  fmt::format("found {}; expected options (key: value)", describe(root)));
    } else {
      read_root(root);
    }
    for (const Problem& problem : problems_) {
      result_.problems.push_back(fmt::format("{}:{}:{}: {}", text::printable_line(source_),
                                             problem.place.line, problem.place.column,
                                             problem.text));
    }
    if (more_problems_ > 0) {
      result_.problems.push_back(fmt::format("{}: {} more mistake{}", text::printable_line(source_),
                                             more_problems_, more_problems_ == 1 ? "" : "s"));
    }
    return std::move(result_);
  }

 private:
  struct Problem {
    Place place;
    std::string text;
  };

  void read_root(const YamlNode& root) {
    const auto is_outer = [](const auto& member) {
      return member.first.text == metal_section || member.first.text == neutral_section;
    };
    const auto outer = std::find_if(root.members.begin(), root.members.end(), is_outer);
    if (outer == root.members.end()) {
      read_section(root, Section::optimizations, {metal_section, neutral_section});
      return;
    }
    check_keys(root);
    const std::string_view name = outer->first.text;
    for (const auto& [key, value] : root.members) {
      if (key.kind != Kind::scalar) continue;
      if (key.text == name) continue;
      if (key.text == metal_section || key.text == neutral_section) {
        add_problem(key.place,
                    fmt::format("{} and {} are names of the same section; give one of them", name,
                                key.text));
      } else if (is_known(key.text)) {
        const std::string section =
            is_outer_key(key.text) ? std::string(name) : fmt::format("{}.{}", name, ring_section);
        add_problem(key.place, fmt::format("{} belongs under {}", key.text, section));
      } else {
        add_problem(key.place, fmt::format("{} is no option; expected {} alone",
                                           text::in_quotes(key.text), name) +
                                   suggestion(key.text, {ring_section}));
      }
    }
    require_section(outer->second, name, Section::optimizations);
  }

  void require_section(const YamlNode& node, std::string_view name, Section section) {
    if (node.kind == Kind::map) {
      read_section(node, section, {});
      return;
    }
    add_problem(node.place,
                fmt::format("{}: found {}; expected a section of options", name, describe(node)));
  }

  /// Every key is a scalar and stands once.
  void check_keys(const YamlNode& map) {
    std::map<std::string_view, std::uint32_t> first_lines;
    for (const auto& [key, value] : map.members) {
      if (key.kind != Kind::scalar) {
        add_problem(key.place,
                    fmt::format("found {}; expected the name of an option", describe(key)));
        continue;
      }
      const auto [first, is_new] = first_lines.emplace(key.text, key.place.line);
      if (is_new) continue;
      add_problem(key.place, fmt::format("{} stands twice; first in line {}",
                                         text::in_quotes(key.text), first->second));
    }
  }

  /// `more_keys` are further words that may have been meant.
  void read_section(const YamlNode& map, Section section,
                    const std::vector<std::string_view>& more_keys) {
    check_keys(map);
    for (const auto& [key, value] : map.members) {
      if (key.kind != Kind::scalar) continue;
      if (const OptionSpec* spec = find_option(section, key.text)) {
        read_option(*spec, value);
      } else if (section == Section::optimizations && key.text == ring_section) {
        require_section(value, ring_section, Section::ring);
      } else if (!read_ignored(section, key)) {
        add_unknown(section, key, more_keys);
      }
    }
  }

  bool read_ignored(Section section, const YamlNode& key) {
    if (section != Section::optimizations) return false;
    const auto keys = ignored_keys();
    const auto found = std::find_if(keys.begin(), keys.end(),
                                    [&](const IgnoredKey& each) { return each.key == key.text; });
    if (found == keys.end()) return false;
    result_.warnings.push_back(fmt::format("{}:{}:{}: {} is ignored: it is no part of this library",
                                           text::printable_line(source_), key.place.line,
                                           key.place.column, found->key));
    return true;
  }

  static bool is_outer_key(std::string_view key) {
    return key == ring_section || find_option(Section::optimizations, key) != nullptr;
  }
  static bool is_known(std::string_view key) {
    return is_outer_key(key) || find_option(Section::ring, key) != nullptr;
  }

  void add_unknown(Section section, const YamlNode& key,
                   const std::vector<std::string_view>& more_keys) {
    // To look for what was meant takes a while.
    if (is_surplus(key.place)) {
      ++more_problems_;
      return;
    }
    if (section == Section::ring && is_known(key.text)) {
      add_problem(key.place,
                  fmt::format("{} belongs a level above, beside {}", key.text, ring_section));
      return;
    }
    if (is_known(key.text)) {
      add_problem(key.place, fmt::format("{} belongs under {}", key.text, ring_section));
      return;
    }
    std::vector<std::string_view> keys = keys_of(section);
    keys.insert(keys.end(), more_keys.begin(), more_keys.end());
    std::string hint = suggestion(key.text, keys);
    // An option of the other section may be meant.
    if (hint.empty()) {
      hint = suggestion(key.text,
                        keys_of(section == Section::ring ? Section::optimizations : Section::ring));
    }
    if (hint.empty()) hint = fmt::format("; expected {}", fmt::join(keys, ", "));
    add_problem(key.place, fmt::format("{}{} is no option{}", text::in_quotes(key.text),
                                       odd_character(key.text), hint));
  }

  void read_option(const OptionSpec& spec, const YamlNode& node) {
    if (spec.type == OptionType::numbers && node.kind == Kind::list) {
      read_numbers(spec, node);
      return;
    }
    if (spec.type == OptionType::numbers || node.kind != Kind::scalar) {
      add_problem(spec, node, unexpected(spec, describe(node)));
      return;
    }
    if (node.quoted && !is_word(spec, node.text)) {
      add_problem(
          spec, node,
          unexpected(spec, fmt::format("the text {} in quotes", text::in_quotes(node.text))));
      return;
    }
    const std::optional<ConfigValue> value = parse_value(spec, node.text);
    if (!value) {
      add_problem(spec, node, unexpected_text(spec, node.text));
      return;
    }
    add(spec, node, *value);
  }

  void read_numbers(const OptionSpec& spec, const YamlNode& node) {
    std::vector<std::uint64_t> numbers;
    for (const YamlNode& item : node.items) {
      const bool plain = item.kind == Kind::scalar && !item.quoted && !item.text.empty();
      const std::optional<ConfigValue> value = plain ? parse_value(spec, item.text) : std::nullopt;
      const auto* number = value ? std::get_if<std::vector<std::uint64_t>>(&*value) : nullptr;
      if (number == nullptr || number->size() != 1) {
        add_problem(spec, item, unexpected(spec, describe(item)));
        return;
      }
      numbers.push_back(number->front());
    }
    if (numbers.size() > spec.most_numbers) {
      add_problem(spec, node, unexpected(spec, fmt::format("a list of {}", numbers.size())));
      return;
    }
    add(spec, node, numbers);
  }

  void add(const OptionSpec& spec, const YamlNode& node, ConfigValue value) {
    result_.settings.push_back({.spec = &spec,
                                .value = std::move(value),
                                .origin = {.kind = ConfigOrigin::Kind::file,
                                           .name = std::string(source_),
                                           .line = node.place.line,
                                           .column = node.place.column}});
  }

  void add_problem(const OptionSpec& spec, const YamlNode& node, const std::string& text) {
    add_problem(node.place, fmt::format("{}: {}", path_of(spec), text));
  }
  /// Keeps the first few by place: a section's keys are checked before its values are read.
  void add_problem(Place place, std::string text) {
    if (is_surplus(place)) {
      ++more_problems_;
      return;
    }
    const auto after = std::upper_bound(
        problems_.begin(), problems_.end(), place,
        [](Place left, const Problem& right) { return is_before(left, right.place); });
    problems_.insert(after, {.place = place, .text = std::move(text)});
    if (problems_.size() > most_problems) {
      problems_.pop_back();
      ++more_problems_;
    }
  }
  [[nodiscard]] bool is_surplus(Place place) const {
    return problems_.size() == most_problems && !is_before(place, problems_.back().place);
  }
  static bool is_before(Place left, Place right) {
    return std::tie(left.line, left.column) < std::tie(right.line, right.column);
  }

  std::string_view source_;
  /// In the order of their places.
  std::vector<Problem> problems_;
  std::size_t more_problems_ = 0;
  Settings result_;
};

}  // namespace

Settings read_yaml_settings(std::string_view yaml, std::string_view source) {
  try {
    return FileReader(source).read(parse_yaml(yaml));
  } catch (const YamlError& error) {
    Settings broken;
    // The YAML library quotes bytes of the file.
    broken.problems.push_back(fmt::format("{}:{}:{}: {}", text::printable_line(source),
                                          error.where().line, error.where().column,
                                          text::printable_line(error.what())));
    return broken;
  }
}

}  // namespace cbr::config
