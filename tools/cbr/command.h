// A subcommand of the program.
#pragma once

#include <functional>

#include <CLI/App.hpp>

namespace cbr::tool {

/// A subcommand as the parser knows it, and what it does once its flags are read.
struct Command {
  CLI::App* parser = nullptr;
  /// Returns the exit code. Throws InputError for bad input, other exceptions for failures.
  std::function<int()> run;
};

/// Each adds its subcommand to `app`.
[[nodiscard]] Command add_bench_command(CLI::App& app);
[[nodiscard]] Command add_compare_command(CLI::App& app);
[[nodiscard]] Command add_completion_command(CLI::App& app);
[[nodiscard]] Command add_config_command(CLI::App& app);
[[nodiscard]] Command add_doctor_command(CLI::App& app);
[[nodiscard]] Command add_generate_command(CLI::App& app);
[[nodiscard]] Command add_help_command(CLI::App& app);
[[nodiscard]] Command add_plan_command(CLI::App& app);
[[nodiscard]] Command add_report_command(CLI::App& app);
[[nodiscard]] Command add_version_command(CLI::App& app);

}  // namespace cbr::tool
