// cbr version: what was built, and how.
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "bench/system_info.h"
#include "command.h"
#include "exit_code.h"
#include "git_description.h"
#include "standard_output.h"

namespace cbr::tool {
namespace {

#ifdef CBR_TOOL_METAL
constexpr std::string_view backends = "vulkan, metal, simulated";
#else
constexpr std::string_view backends = "vulkan, simulated";
#endif

int print_version() {
  const bench::SystemInfo built = bench::read_system_info();
  std::string text = fmt::format("cbr {}\n", built.cbr_version);
  // Without a repository, as in a build of a released archive, the version says all.
  if (!git_description().empty()) text += fmt::format("  git         {}\n", git_description());
  text += fmt::format(
      "  compiler    {}\n"
      "  build type  {}\n"
      "  backends    {}\n",
      built.compiler, built.build_type, backends);
  write_output(text);
  return success;
}

}  // namespace

Command add_version_command(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("version", "Print the version, and how this program was built");
  parser->footer(
      "Examples:\n"
      "  cbr version\n"
      "  cbr --version  The version alone\n");
  return {.parser = parser, .run = print_version};
}

}  // namespace cbr::tool
