// The command line of Command Buffer Ring.
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <sstream>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <cbr/errors.h>

#include "command.h"
#include "exit_code.h"
#include "help_format.h"
#include "interrupt.h"
#include "standard_error.h"
#include "standard_output.h"
#include "usage_error.h"

namespace {

using cbr::tool::Command;

constexpr const char* program_footer =
    "Examples:\n"
    "  cbr doctor                          What can run here?\n"
    "  cbr bench                           What does overlapping buy on this device?\n"
    "  cbr bench --model DIR               ... and with a real model?\n"
    "  cbr compare before.json after.json  Is the change more than noise?\n"
    "  cbr plan recording.json             What would another ring size bring?\n"
    "  cbr report recording.json -o r.html Where did the time go, in a browser?\n"
    "  cbr config show --config ring.yaml  Which options are in effect, from where?\n"
    "  cbr help bench                      What can be asked of a command?\n"
    "\n"
    "Results go to standard output, progress and errors to standard error. Where a\n"
    "file is read or written, - is standard input or output.\n"
    "Exit codes: 0 success, 1 failure, 2 bad input, 130 interrupted.\n";

constexpr std::string_view no_memory =
    "there is not enough memory (see ulimit -v, and the container's limit)";

/// Where memory runs out in a destructor - that of a large JSON value needs some - nothing can be
/// caught any more.
[[noreturn]] void end_without_memory() {
  try {
    if (const std::exception_ptr cause = std::current_exception()) std::rethrow_exception(cause);
  } catch (const std::bad_alloc&) {
    for (const std::string_view part :
         {std::string_view("cbr: "), no_memory, std::string_view("\n")}) {
      (void)!write(STDERR_FILENO, part.data(), part.size());
    }
    _exit(cbr::tool::failure);
  } catch (...) {
    std::abort();
  }
  std::abort();
}

int report(std::string_view text, int exit_code) {
  cbr::tool::print_error(text);
  return exit_code;
}

int run(int argc, char** argv) {
  CLI::App app("Command Buffer Ring keeps a GPU busy. This program shows whether it does here.",
               "cbr");
  // Those of the commands take it over.
  app.formatter(std::make_shared<cbr::tool::HelpFormat>());
  app.set_version_flag("--version", "cbr " CBR_VERSION, "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(0, 1);
  app.footer(program_footer);
  const std::vector<Command> commands = {
      cbr::tool::add_bench_command(app),    cbr::tool::add_compare_command(app),
      cbr::tool::add_plan_command(app),     cbr::tool::add_report_command(app),
      cbr::tool::add_generate_command(app), cbr::tool::add_config_command(app),
      cbr::tool::add_doctor_command(app),   cbr::tool::add_help_command(app),
      cbr::tool::add_version_command(app),  cbr::tool::add_completion_command(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    app.exit(help_or_version, text, text);
    cbr::tool::write_output(text.str());
    return cbr::tool::success;
  } catch (const CLI::ParseError& error) {
    return report(cbr::tool::describe_usage_error(app, error), cbr::tool::bad_input);
  }
  for (const Command& command : commands) {
    if (command.parser->parsed()) return command.run();
  }
  return report(
      "give a command: bench, compare, plan, report, generate, config, doctor, version or help; "
      "cbr help "
      "says what they do",
      cbr::tool::bad_input);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(end_without_memory);
  cbr::tool::end_on_signals_as_init();
  cbr::tool::ignore_broken_pipes();
  cbr::tool::fill_missing_streams();
  try {
    return run(argc, argv);
  } catch (const cbr::InputError& error) {
    return report(error.what(), cbr::tool::bad_input);
  } catch (const cbr::tool::BrokenPipe&) {
    return cbr::tool::broken_pipe;
  } catch (const std::bad_alloc&) {
    return report(no_memory, cbr::tool::failure);
  } catch (const std::exception& error) {
    return report(error.what(), cbr::tool::failure);
  }
}
