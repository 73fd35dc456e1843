// The functions of cbr/config.h that read.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include <cbr/config.h>
#include <cbr/errors.h>

#include "config/settings.h"
#include "config/value_text.h"
#include "text/printable.h"

#ifdef __APPLE__
// Other systems' unistd.h declares it.
extern "C" char** environ;
#endif

namespace cbr {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20U;

std::string read_file(const std::filesystem::path& path) {
  const std::string name = text::printable_line(path.string());
  if (path.empty()) throw InputError("the name of the configuration file is empty");
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw InputError(fmt::format("{}: is a folder; expected a YAML file", name));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(fmt::format("{}: can't open it: {}", name, std::strerror(errno)));
  // Not by the file's size, which pipes don't have.
  std::string text(largest_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad())
    throw InputError(fmt::format("{}: can't read it: {}", name, std::strerror(errno)));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest_file) {
    throw InputError(
        fmt::format("{}: is larger than {} bytes; expected a YAML file", name, largest_file));
  }
  return text;
}

Config config_of(config::Settings file, const ConfigOverrides& overrides) {
  return config::effective_config({std::move(file),
                                   config::read_environment_settings(overrides.environment),
                                   config::read_flag_settings(overrides.flags)});
}

}  // namespace

namespace config {

Settings read_file_settings(const std::filesystem::path& file) {
  return read_yaml_settings(read_file(file), file.string());
}

}  // namespace config

std::string to_string(const ConfigOrigin& origin) {
  if (origin.kind == ConfigOrigin::Kind::built_in) return "default";
  const std::string name = text::printable_line(origin.name);
  return origin.line == 0 ? name : fmt::format("{}:{}", name, origin.line);
}

const ConfigOption& Config::option(std::string_view name) const {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const ConfigOption& each) { return each.name == name; });
  if (found != options.end()) return *found;
  throw InvalidUsage(fmt::format("{} is no option", text::in_quotes(name)));
}

ConfigTexts config_environment() {
  ConfigTexts variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text = *each;
    const std::size_t equals = text.find('=');
    if (!text.starts_with("CBR_") || equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Config parse_config(std::string_view yaml, std::string_view source,
                    const ConfigOverrides& overrides) {
  return config_of(config::read_yaml_settings(yaml, source), overrides);
}

Config load_config(const std::filesystem::path& file, const ConfigOverrides& overrides) {
  return config_of(config::read_file_settings(file), overrides);
}

Config default_config(const ConfigOverrides& overrides) {
  return config_of({}, overrides);
}

std::vector<std::string> check_config(const std::filesystem::path& file) {
  try {
    return config::problems_of({config::read_file_settings(file)});
  } catch (const InputError& error) {
    return {error.what()};
  }
}

}  // namespace cbr
