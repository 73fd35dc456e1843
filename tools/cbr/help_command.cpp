// cbr help: the same texts as --help, for who tries this first.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "command.h"
#include "command_tree.h"
#include "config/nearest.h"
#include "exit_code.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

/// The command below `app` that the names lead to. Throws InputError if there is none.
const CLI::App& find_command(const CLI::App& app, const std::vector<std::string>& names) {
  const CLI::App* command = &app;
  for (const std::string& name : names) {
    std::vector<std::string> known;
    const CLI::App* found = nullptr;
    for (const CLI::App* each : command->get_subcommands({})) {
      known.push_back(each->get_name());
      if (each->get_name() == name) found = each;
    }
    if (found == nullptr) {
      throw InputError(
          fmt::format("{}: there is no such command{} (see {} --help)", text::in_quotes(name),
                      config::suggestion(name, {known.begin(), known.end()}), path_of(*command)));
    }
    command = found;
  }
  return *command;
}

}  // namespace

Command add_help_command(CLI::App& app) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* parser = app.add_subcommand("help", "Say what a command does and which flags it has");
  parser->add_option("COMMAND", *names, "The command: bench, say, or config show");
  parser->footer(
      "Examples:\n"
      "  cbr help\n"
      "  cbr help config show\n");
  return {.parser = parser, .run = [&app, names] {
            const CLI::App& command = find_command(app, *names);
            // Not help(), which leads to the command that was given: this one.
            write_output(command.get_formatter()->make_help(&command, path_of(command),
                                                            CLI::AppFormatMode::Normal));
            return static_cast<int>(success);
          }};
}

}  // namespace cbr::tool
