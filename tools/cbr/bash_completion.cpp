#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"

namespace cbr::tool {
namespace {

/// The bash that fills COMPREPLY with the values.
std::string action(const ValueKind& kind) {
  switch (kind.source) {
    case ValueKind::Source::files:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")";
    case ValueKind::Source::folders:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")";
    case ValueKind::Source::words:
      return fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\")",
                         fmt::join(kind.words, " "));
    case ValueKind::Source::anything:
    case ValueKind::Source::none:
      return "COMPREPLY=()";
  }
  return {};
}

/// Calls visit(path, command) for each command; the root's path is its name.
template <class Visit>
void walk(const std::string& path, const CommandNode& node, const Visit& visit) {
  visit(path, node);
  for (const CommandNode& command : node.commands) walk(path + " " + command.name, command, visit);
}

}  // namespace

std::string bash_completion(const CommandNode& root) {
  std::string paths;
  std::string values;
  std::string words;
  std::string arguments;
  walk(root.name, root, [&](const std::string& path, const CommandNode& node) {
    if (&node != &root) paths += fmt::format("{}'{}'", paths.empty() ? "" : " | ", path);
    std::string offered;
    for (const FlagNode& flag : node.flags) {
      for (const std::string& name : flag.names) {
        offered += fmt::format("{}{}", offered.empty() ? "" : " ", name);
        if (flag.value.source == ValueKind::Source::none) continue;
        values += fmt::format("    '{} {}') {}; return ;;\n", path, name, action(flag.value));
      }
    }
    words += fmt::format("    '{}') flags='{}' commands='", path, offered);
    for (const CommandNode& command : node.commands) words += command.name + " ";
    words += "' ;;\n";
    if (!node.arguments.empty()) {
      arguments += fmt::format("    '{}') {} ;;\n", path, action(node.arguments.front()));
    }
  });
  return fmt::format(
      R"(# bash completion for {0}
_{0}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
  local path={0} flags= commands= i
  # --flag=value comes as three words.
  if [[ $current == '=' ]]; then
    current=
  elif [[ $before == '=' ]]; then
    before=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$path ${{COMP_WORDS[i]}}" in
      {1}) path+=" ${{COMP_WORDS[i]}}" ;;
    esac
  done
  COMPREPLY=()
  case "$path $before" in
{2}  esac
  case $path in
{3}  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
    return
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
    return
  fi
  case $path in
{4}  esac
}}
complete -F _{0} {0}
)",
      root.name, paths, values, words, arguments);
}

}  // namespace cbr::tool
