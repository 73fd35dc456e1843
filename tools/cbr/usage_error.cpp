#include "usage_error.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "command_tree.h"
#include "config/nearest.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

/// "--ring-size", of a flag that takes no value too.
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& words) {
  return config::suggestion(word, {words.begin(), words.end()});
}

/// An argument that nothing was expecting.
std::string describe_surplus(const CLI::App& app, const CLI::App& command) {
  const std::vector<std::string> arguments = app.remaining(true);
  const std::string first = arguments.empty() ? "" : arguments.front();
  // After a misspelt command, its flags are unknown too.
  const std::vector<std::string> commands = commands_of(command);
  if (!commands.empty() && !first.starts_with('-')) {
    return fmt::format("{}: there is no such command{}", text::in_quotes(first),
                       suggestion(first, commands));
  }
  const auto flag = std::find_if(arguments.begin(), arguments.end(),
                                 [](const std::string& each) { return each.starts_with('-'); });
  if (flag != arguments.end()) {
    return fmt::format("{}: there is no such flag{}", text::printable(*flag),
                       suggestion(flag->substr(0, flag->find('=')), flags_of(command)));
  }
  return fmt::format("{}: the command takes no such argument", text::in_quotes(first));
}

/// The parser's texts begin with the name of what is wrong, without dashes at times: "--rounds:
/// ...", "B is ...", "json was ...". Null if there is nothing of that name.
const CLI::Option* option_in(const CLI::App& command, const std::string& text) {
  const std::string name = text.substr(0, text.find_first_of(": "));
  const CLI::Option* option = command.get_option_no_throw(name);
  return option != nullptr ? option : command.get_option_no_throw("--" + name);
}

std::string describe_missing(const CLI::App& command, const std::string& text) {
  const CLI::Option* option = option_in(command, text);
  if (option == nullptr) return text;
  const std::string name = option->get_name();
  std::string meaning = option->get_description();
  if (!meaning.empty() && (meaning.size() < 2 || std::islower(meaning[1]) != 0)) {
    meaning[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(meaning[0])));
  }
  return fmt::format("{} is missing: {}", name, meaning);
}

std::string describe_mismatch(const CLI::App& command, const std::string& text) {
  const CLI::Option* option = option_in(command, text);
  if (option == nullptr) return text;
  const std::string name = option->get_name();
  if (option->get_items_expected_max() == 0) return fmt::format("{}: takes no value", name);
  if (text.ends_with("missing")) {
    return fmt::format("{}: the value is missing; expected {} {}", name, name,
                       option->get_type_name());
  }
  return fmt::format("{}: is given more than once", name);
}

std::string describe(const CLI::App& app, const CLI::App& command, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    return describe_surplus(app, command);
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return describe_missing(command, error.what());
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return describe_mismatch(command, error.what());
  }
  return error.what();
}

}  // namespace

std::string describe_usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = given_command(app);
  return fmt::format("{} (see {} --help)", describe(app, command, error), path_of(command));
}

}  // namespace cbr::tool
