// --config, and a flag for each option of a configuration.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

#include <cbr/config.h>

namespace cbr::tool {

/// What the user gave.
struct ConfigFlags {
  std::optional<std::string> file = std::nullopt;
  /// Flags by the names of their options.
  ConfigTexts values;
};

/// Adds --config and a flag for each option, except those of these names.
void add_config_flags(CLI::App& app, ConfigFlags& flags,
                      std::initializer_list<std::string_view> without = {});

/// The file if there is one, overridden by the environment, overridden by the flags. Prints
/// warnings to standard error, each on a line. Throws InputError.
[[nodiscard]] Config read_config(const ConfigFlags& flags);

/// The file that the user means: standard input for "-", which one flag or argument can take.
/// Throws InputError, which names `flag`, if another has it.
[[nodiscard]] std::filesystem::path config_file(std::string_view flag, const std::string& name);

/// Whether a file, a variable or a flag gave the option.
[[nodiscard]] bool is_given(const Config& config, std::string_view option);

}  // namespace cbr::tool
