// cbr config: which options are in effect, and is this file right?
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/config.h>
#include <cbr/errors.h>

#include "command.h"
#include "config/settings.h"
#include "config/value_json.h"
#include "config_flags.h"
#include "exit_code.h"
#include "standard_error.h"
#include "standard_input.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

constexpr const char* config_footer =
    "Examples:\n"
    "  cbr config show --config ring.yaml  Which options are in effect, from where?\n"
    "  CBR_RING_SIZE=2 cbr config show --timeout-ms 100\n"
    "  cbr config check ring.yaml && cbr bench --config ring.yaml\n"
    "  cbr config example > ring.yaml      Every option at its default\n"
    "\n"
    "Variables of the environment override the file, flags override both.\n";

struct ShowFlags {
  ConfigFlags config;
  bool json = false;
};

const char* name_of(ConfigOrigin::Kind kind) {
  switch (kind) {
    case ConfigOrigin::Kind::built_in:
      return "default";
    case ConfigOrigin::Kind::file:
      return "file";
    case ConfigOrigin::Kind::environment:
      return "environment";
    case ConfigOrigin::Kind::flag:
      return "flag";
  }
  return "";
}

std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

nlohmann::ordered_json json_of(const ConfigOption& option) {
  nlohmann::ordered_json json;
  json["name"] = option.name;
  json["path"] = option.path;
  json["value"] = config::json_of(option.value);
  json["origin"]["kind"] = name_of(option.origin.kind);
  if (!option.origin.name.empty()) json["origin"]["name"] = option.origin.name;
  if (option.origin.line > 0) {
    json["origin"]["line"] = option.origin.line;
    json["origin"]["column"] = option.origin.column;
  }
  if (!option.note.empty()) json["note"] = option.note;
  return json;
}

std::string json_text(const Config& config) {
  nlohmann::ordered_json json;
  json["options"] = nlohmann::ordered_json::array();
  for (const ConfigOption& option : config.options) json["options"].push_back(json_of(option));
  json["warnings"] = config.warnings;
  return text_of(json);
}

/// The value as it would stand in a file.
std::string shown(const ConfigValue& value) {
  const std::string text = to_string(value);
  if (std::holds_alternative<std::vector<std::uint64_t>>(value)) return fmt::format("[{}]", text);
  return text.empty() ? "\"\"" : text;
}

std::string table_text(const Config& config) {
  std::vector<std::vector<std::string>> rows = {{"option", "value", "origin"}};
  for (const ConfigOption& option : config.options) {
    const std::string note = option.note.empty() ? "" : fmt::format(" ({})", option.note);
    rows.push_back({option.path, shown(option.value), to_string(option.origin) + note});
  }
  std::size_t path_width = 0;
  std::size_t value_width = 0;
  for (const auto& row : rows) {
    path_width = std::max(path_width, row[0].size());
    value_width = std::max(value_width, row[1].size());
  }
  std::string text;
  for (const auto& row : rows) {
    text += fmt::format("{:<{}}  {:<{}}  {}\n", row[0], path_width, row[1], value_width, row[2]);
  }
  return text;
}

int show(const ShowFlags& flags) {
  const Config config = read_config(flags.config);
  if (flags.json) {
    write_output(json_text(config));
  } else {
    print_text(table_text(config));
  }
  return success;
}

struct CheckFlags {
  std::vector<std::string> files;
  bool json = false;
};

/// What is wrong with one file.
struct Finding {
  std::filesystem::path file;
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
};

void tell(const Finding& finding) {
  for (const std::string& problem : finding.problems) print_error(problem);
  if (!finding.problems.empty()) return;
  for (const std::string& warning : finding.warnings) print_note(warning);
  print_text(fmt::format("{}: valid\n", text::printable_path(finding.file)));
}

nlohmann::ordered_json json_of(const Finding& finding) {
  nlohmann::ordered_json json;
  json["file"] = finding.file.string();
  json["valid"] = finding.problems.empty();
  json["problems"] = finding.problems;
  json["warnings"] = finding.warnings;
  return json;
}

int check(const CheckFlags& flags) {
  if (std::count_if(flags.files.begin(), flags.files.end(),
                    [](const std::string& name) { return is_standard(name); }) > 1) {
    throw InputError("config check: standard input (-) can be read once");
  }
  int exit_code = success;
  nlohmann::ordered_json json = {{"files", nlohmann::ordered_json::array()}};
  for (const std::string& name : flags.files) {
    const std::filesystem::path file = config_file("config check", name);
    const config::Settings settings = config::read_file_settings(file);
    const Finding finding{
        .file = file, .problems = config::problems_of({settings}), .warnings = settings.warnings};
    if (!finding.problems.empty()) exit_code = failure;
    if (flags.json) {
      json["files"].push_back(json_of(finding));
    } else {
      tell(finding);
    }
  }
  if (flags.json) write_output(text_of(json));
  return exit_code;
}

}  // namespace

Command add_config_command(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("config", "Show the options in effect, or check a YAML file");
  parser->require_subcommand(0, 1);
  parser->footer(config_footer);

  auto show_flags = std::make_shared<ShowFlags>();
  parser->add_flag("--json", show_flags->json, "The same as show --json")->disable_flag_override();
  CLI::App* show_parser =
      parser->add_subcommand("show", "Print each option's value in effect and where it comes from");
  show_parser->add_flag("--json", show_flags->json, "Print JSON")->disable_flag_override();
  add_config_flags(*show_parser, show_flags->config);

  auto check_flags = std::make_shared<CheckFlags>();
  CLI::App* check_parser = parser->add_subcommand(
      "check", "Print each mistake in YAML files, and exit with 1 if there is one");
  check_parser->add_option("FILE", check_flags->files, "YAML files; - is standard input")
      ->type_name("FILE")
      ->required();
  check_parser->add_flag("--json", check_flags->json, "Print JSON, with the mistakes in it")
      ->disable_flag_override();

  CLI::App* schema_parser = parser->add_subcommand("schema", "Print the JSON Schema of the file");
  CLI::App* reference_parser =
      parser->add_subcommand("reference", "Print the table of options in Markdown");
  CLI::App* example_parser =
      parser->add_subcommand("example", "Print a YAML file with every option at its default");
  return {.parser = parser, .run = [=] {
            if (show_parser->parsed()) return show(*show_flags);
            if (check_parser->parsed()) return check(*check_flags);
            const bool prints_text =
                schema_parser->parsed() || reference_parser->parsed() || example_parser->parsed();
            if (parser->count("--json") > 0 && !prints_text) return show(*show_flags);
            if (!prints_text || parser->count("--json") > 0) {
              throw InputError(
                  "config needs one of show, check, schema, reference and example, and --json goes "
                  "with "
                  "the first two (see cbr config --help)");
            }
            write_output(schema_parser->parsed()      ? config_schema()
                         : reference_parser->parsed() ? config_reference()
                                                      : config_example());
            return static_cast<int>(success);
          }};
}

}  // namespace cbr::tool
