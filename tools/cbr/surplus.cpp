#include "surplus.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "config/nearest.h"
#include "decode/printable.h"

namespace cbr::tool {
namespace {

/// The command that was given, of a command the one inside it.
const CLI::App& given_command(const CLI::App& app) {
  const std::vector<CLI::App*> given = app.get_subcommands();
  return given.empty() ? app : given_command(*given.front());
}

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

}  // namespace

std::string describe_surplus(const CLI::App& app) {
  const std::vector<std::string> arguments = app.remaining(true);
  const std::string first = arguments.empty() ? "" : arguments.front();
  const CLI::App& command = given_command(app);
  // After a misspelt command, its flags are unknown too.
  const std::vector<std::string> commands = commands_of(command);
  if (!commands.empty() && !first.starts_with('-')) {
    return fmt::format("{}: there is no such command{} (see cbr --help)", decode::in_quotes(first),
                       suggestion(first, commands));
  }
  const auto flag = std::find_if(arguments.begin(), arguments.end(),
                                 [](const std::string& each) { return each.starts_with('-'); });
  if (flag != arguments.end()) {
    return fmt::format("{}: there is no such flag{} (see cbr --help)", decode::printable(*flag),
                       suggestion(flag->substr(0, flag->find('=')), flags_of(command)));
  }
  return fmt::format("{}: the command takes no such argument (see cbr --help)",
                     decode::in_quotes(first));
}

}  // namespace cbr::tool
