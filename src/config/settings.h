// What a file, the environment and flags set, before it counts.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/config.h>

#include "config/option_table.h"

namespace cbr::config {

/// One option as one source sets it.
struct Setting {
  const OptionSpec* spec = nullptr;
  ConfigValue value;
  ConfigOrigin origin = {};
};

/// All that a source says. With problems, nothing of it may count.
struct Settings {
  std::vector<Setting> settings = {};
  /// One line each, with the place: the first few, and in the end a line that counts the others.
  std::vector<std::string> problems = {};
  std::vector<std::string> warnings = {};
};

/// Reads a file once, whole; pipes too. Throws InputError if it can't be read. config.cpp
[[nodiscard]] Settings read_file_settings(const std::filesystem::path& file);

/// Reads the YAML of a file. `source` stands for the file's name. file_settings.cpp
[[nodiscard]] Settings read_yaml_settings(std::string_view yaml, std::string_view source);

/// Reads environment variables; those that name no option are left alone, with a warning if one
/// looks misspelt. text_settings.cpp
[[nodiscard]] Settings read_environment_settings(const ConfigTexts& environment);

/// Reads flags by the names of their options. Throws InvalidUsage for a name that no option has.
/// text_settings.cpp
[[nodiscard]] Settings read_flag_settings(const ConfigTexts& flags);

/// What is wrong with the sources, one line each: all their problems; without any, all options that
/// don't go together. effective_config.cpp
[[nodiscard]] std::vector<std::string> problems_of(const std::vector<Settings>& sources);

/// The options in effect: defaults, overridden by the sources in their order. Throws InputError for
/// the first of the problems. effective_config.cpp
[[nodiscard]] Config effective_config(const std::vector<Settings>& sources);

}  // namespace cbr::config
