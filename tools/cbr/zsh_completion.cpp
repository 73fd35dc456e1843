#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"

namespace cbr::tool {
namespace {

/// For a description inside a specification in single quotes: no quote, bracket or colon survives.
std::string plain(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char byte) { return byte == '\'' || byte == '[' || byte == ']' || byte == ':'; }, ' ');
  return text;
}

std::string action(const ValueKind& kind) {
  switch (kind.source) {
    case ValueKind::Source::files:
      return ":file:_files";
    case ValueKind::Source::folders:
      return ":folder:_files -/";
    case ValueKind::Source::words:
      return fmt::format(":value:({})", fmt::join(kind.words, " "));
    case ValueKind::Source::anything:
      return ":value: ";
    case ValueKind::Source::none:
      return "";
  }
  return {};
}

/// A function for the command and for each below it.
void add(std::string& script, const std::string& function, const CommandNode& node) {
  std::string specifications;
  for (const FlagNode& flag : node.flags) {
    for (const std::string& name : flag.names) {
      const bool takes_value = flag.value.source != ValueKind::Source::none;
      specifications += fmt::format(" \\\n    '{}{}[{}]{}'", name,
                                    takes_value && name.starts_with("--") ? "=" : "",
                                    plain(flag.help), action(flag.value));
    }
  }
  for (const ValueKind& argument : node.arguments) {
    specifications += fmt::format(" \\\n    ':{}'", action(argument).substr(1));
  }
  if (node.commands.empty()) {
    script += fmt::format("{}() {{\n  _arguments{}\n}}\n\n", function, specifications);
    return;
  }
  std::string list;
  std::string calls;
  for (const CommandNode& command : node.commands) {
    list += fmt::format("\n        '{}:{}'", command.name, plain(command.help));
    calls += fmt::format("\n        {0}) {1}_{0} ;;", command.name, function);
    add(script, function + "_" + command.name, command);
  }
  script += fmt::format(
      R"({0}() {{
  local curcontext="$curcontext" state line
  local -a commands
  _arguments -C{1} \
    '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      commands=({2}
      )
      _describe command commands ;;
    argument)
      case $line[1] in{3}
      esac ;;
  esac
}}

)",
      function, specifications, list, calls);
}

}  // namespace

std::string zsh_completion(const CommandNode& root) {
  std::string script = fmt::format("#compdef {}\n\n", root.name);
  add(script, "_" + root.name, root);
  // Completion runs the file as a function; whoever sources it only wants it known.
  return script + fmt::format(
                      "if [[ $funcstack[1] == _{0} ]]; then\n  _{0} \"$@\"\n"
                      "elif (( $+functions[compdef] )); then\n  compdef _{0} {0}\nfi\n",
                      root.name);
}

}  // namespace cbr::tool
