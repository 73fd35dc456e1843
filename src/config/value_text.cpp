#include "config/value_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/nearest.h"
#include "text/printable.h"
#include "text/utf8.h"

namespace cbr {

std::string to_string(const ConfigValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* numbers = std::get_if<std::vector<std::uint64_t>>(&value)) {
    return fmt::format("{}", fmt::join(*numbers, ","));
  }
  return "auto";
}

}  // namespace cbr

namespace cbr::config {
namespace {

std::optional<std::uint64_t> parse_number(const OptionSpec& spec, std::string_view text) {
  // A leading zero is octal to some readers and decimal to others.
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  if (number < spec.least || number > spec.most) return std::nullopt;
  return number;
}

std::optional<ConfigValue> parse_numbers(const OptionSpec& spec, std::string_view text) {
  std::vector<std::uint64_t> numbers;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto number = parse_number(spec, text.substr(0, comma));
    const bool ends_in_comma = comma + 1 == text.size();
    if (!number || ends_in_comma || numbers.size() == spec.most_numbers) return std::nullopt;
    numbers.push_back(*number);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return numbers;
}

bool has_line_break(std::string_view text) {
  while (!text.empty()) {
    const std::optional<utf8::Character> character = utf8::first_character(text);
    if (character && utf8::breaks_line(character->code)) return true;
    text.remove_prefix(character ? character->bytes : 1);
  }
  return false;
}

std::optional<ConfigValue> parse_text(const OptionSpec& spec, std::string_view text) {
  const std::optional<std::size_t> characters = utf8::count_characters(text);
  if (!characters || *characters < spec.least || *characters > spec.most) return std::nullopt;
  if (has_line_break(text)) return std::nullopt;
  return std::string(text);
}

}  // namespace

std::optional<ConfigValue> parse_value(const OptionSpec& spec, std::string_view text) {
  switch (spec.type) {
    case OptionType::boolean:
      if (text == "true" || text == "True" || text == "TRUE") return true;
      if (text == "false" || text == "False" || text == "FALSE") return false;
      return std::nullopt;
    case OptionType::number_or_auto:
      if (text == "auto") return std::monostate();
      [[fallthrough]];
    case OptionType::number:
      return parse_number(spec, text);
    case OptionType::choice:
      if (std::find(spec.choices.begin(), spec.choices.end(), text) == spec.choices.end()) {
        return std::nullopt;
      }
      return std::string(text);
    case OptionType::text:
      return parse_text(spec, text);
    case OptionType::numbers:
      return parse_numbers(spec, text);
  }
  return std::nullopt;
}

std::string odd_character(std::string_view word) {
  while (!word.empty()) {
    const std::optional<utf8::Character> character = utf8::first_character(word);
    if (!character) return {};
    if (character->code > 0x7F) {
      return fmt::format(" (U+{:04X} in it is not ASCII)",
                         static_cast<std::uint32_t>(character->code));
    }
    word.remove_prefix(character->bytes);
  }
  return {};
}

std::string unexpected(const OptionSpec& spec, std::string_view found) {
  return fmt::format("found {}; expected {}", found, allowed(spec));
}

std::string unexpected_text(const OptionSpec& spec, std::string_view text) {
  const bool takes_any_word = spec.type == OptionType::text;
  return unexpected(spec, text::in_quotes(text) + (takes_any_word ? "" : odd_character(text))) +
         suggestion(text, {spec.choices.begin(), spec.choices.end()});
}

}  // namespace cbr::config
