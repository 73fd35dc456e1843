// The command line of Command Buffer Ring.
#include <cstdio>
#include <exception>
#include <sstream>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include <cbr/errors.h>

#include "command.h"
#include "exit_code.h"
#include "standard_output.h"
#include "surplus.h"

namespace {

using cbr::tool::Command;

constexpr const char* footer =
    "Examples:\n"
    "  cbr doctor                                    What can run here?\n"
    "  cbr bench --model models/tiny-qwen2-kjv-4bit  What does overlapping buy with a real model?\n"
    "  cbr bench --synthetic --dispatches 16         ... and with small steps?\n"
    "  cbr compare before.json after.json            Is the change more than noise?\n"
    "  cbr config show --config ring.yaml            Which options are in effect, and from where?\n"
    "\n"
    "Results go to standard output, progress and errors to standard error.\n"
    "Exit codes: 0 success, 1 failure, 2 bad input, 130 interrupted.\n";

/// Reports an error in one line, whatever line breaks its text has.
int report(std::string_view text, int exit_code) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::fputs("cbr: ", stderr);
  for (const char byte : text) std::fputc(byte == '\n' ? ' ' : byte, stderr);
  std::fputc('\n', stderr);
  return exit_code;
}

int run(int argc, char** argv) {
  CLI::App app("Command Buffer Ring keeps a GPU busy. This program shows whether it does on yours.",
               "cbr");
  app.set_version_flag("--version", "cbr " CBR_VERSION, "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(0, 1);
  app.footer(footer);
  const std::vector<Command> commands = {
      cbr::tool::add_bench_command(app),    cbr::tool::add_compare_command(app),
      cbr::tool::add_generate_command(app), cbr::tool::add_config_command(app),
      cbr::tool::add_doctor_command(app),   cbr::tool::add_completion_command(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    app.exit(help_or_version, text, text);
    cbr::tool::write_output(text.str());
    return cbr::tool::success;
  } catch (const CLI::ExtrasError&) {
    return report(cbr::tool::describe_surplus(app), cbr::tool::bad_input);
  } catch (const CLI::ParseError& error) {
    return report(fmt::format("{} (see cbr --help)", error.what()), cbr::tool::bad_input);
  }
  for (const Command& command : commands) {
    if (command.parser->parsed()) return command.run();
  }
  return report("give a command: bench, compare, generate, config or doctor (see cbr --help)",
                cbr::tool::bad_input);
}

}  // namespace

int main(int argc, char** argv) {
  cbr::tool::ignore_broken_pipes();
  try {
    return run(argc, argv);
  } catch (const cbr::InputError& error) {
    return report(error.what(), cbr::tool::bad_input);
  } catch (const cbr::tool::BrokenPipe&) {
    return cbr::tool::broken_pipe;
  } catch (const std::exception& error) {
    return report(error.what(), cbr::tool::failure);
  }
}
