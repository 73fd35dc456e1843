#include "help_format.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace cbr::tool {
namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t left_column = 28;

/// "  NAMES   TEXT", the text wrapped to the right of column `left_column`, on lines of its own
/// where the names reach that far.
std::string entry(const std::string& names, std::string_view text) {
  std::string lines = "  " + names;
  std::size_t column = lines.size();
  if (column + 2 > left_column && !text.empty()) {
    lines += '\n';
    column = 0;
  }
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!is_first && column + 1 + word.size() > columns) {
      lines += '\n';
      column = 0;
    }
    const std::size_t gap = column < left_column ? left_column - column : 1;
    lines.append(gap, ' ').append(word);
    column += gap + word.size();
    is_first = false;
  }
  return lines + '\n';
}

}  // namespace

HelpFormat::HelpFormat() {
  label("Positionals", "Arguments");
  label("OPTIONS", "FLAGS");
  label("SUBCOMMAND", "COMMAND");
}

std::string HelpFormat::make_subcommands(const CLI::App* app, CLI::AppFormatMode /*mode*/) const {
  std::string text;
  for (const CLI::App* command : app->get_subcommands({})) {
    // Without a group it is hidden.
    if (!command->get_group().empty()) text += make_subcommand(command);
  }
  return text.empty() ? text : "\nCommands:\n" + text;
}

std::string HelpFormat::make_subcommand(const CLI::App* command) const {
  return entry(command->get_name(), command->get_description());
}

std::string HelpFormat::make_option(const CLI::Option* option, bool is_positional) const {
  const std::string type = is_positional ? "" : make_option_opts(option);
  return entry(make_option_name(option, is_positional) + type, make_option_desc(option));
}

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  const std::string type = option->get_type_name();
  return option->get_type_size() == 0 || type.empty() ? "" : " " + type;
}

std::string HelpFormat::make_option_desc(const CLI::Option* option) const {
  std::string text = option->get_description();
  if (!option->get_default_str().empty()) text += fmt::format(" [{}]", option->get_default_str());
  if (option->get_required() && !option->get_positional()) text += " (needed)";
  return text;
}

}  // namespace cbr::tool
