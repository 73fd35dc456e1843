#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"

namespace cbr::tool {
namespace {

/// In fish's single quotes.
std::string in_fish_quotes(const std::string& text) {
  std::string result = "'";
  for (const char byte : text) {
    if (byte == '\'' || byte == '\\') result += '\\';
    result += byte;
  }
  return result + "'";
}

std::string value_flags(const ValueKind& kind) {
  switch (kind.source) {
    case ValueKind::Source::files:
      return " -r -F";
    case ValueKind::Source::folders:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::Source::words:
      return fmt::format(" -x -a '{}'", fmt::join(kind.words, " "));
    case ValueKind::Source::anything:
      return " -x";
    case ValueKind::Source::none:
      return "";
  }
  return {};
}

std::string names_of(const std::vector<CommandNode>& commands) {
  std::string names;
  for (const CommandNode& command : commands) names += " " + command.name;
  return names;
}

/// `when` is the condition under which the words of the command itself are to be completed.
void add(std::string& script, const std::string& program, const CommandNode& node,
         const std::string& when) {
  std::string here = when;
  if (!node.commands.empty()) {
    here = fmt::format("{}not __fish_seen_subcommand_from{}", when.empty() ? "" : when + "; and ",
                       names_of(node.commands));
  }
  const std::string start = fmt::format("complete -c {} -n {}", program, in_fish_quotes(here));
  for (const CommandNode& command : node.commands) {
    script += fmt::format("{} -a {} -d {}\n", start, command.name, in_fish_quotes(command.help));
  }
  for (const FlagNode& flag : node.flags) {
    script += start;
    for (const std::string& name : flag.names) {
      script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    script += fmt::format(" -d {}{}\n", in_fish_quotes(flag.help), value_flags(flag.value));
  }
  if (!node.arguments.empty() && node.arguments.front().source == ValueKind::Source::files) {
    script += start + " -F\n";
  }
  for (const CommandNode& command : node.commands) {
    add(script, program, command,
        fmt::format("{}__fish_seen_subcommand_from {}", when.empty() ? "" : when + "; and ",
                    command.name));
  }
}

}  // namespace

std::string fish_completion(const CommandNode& root) {
  std::string script = fmt::format("# fish completion for {0}\ncomplete -c {0} -f\n", root.name);
  add(script, root.name, root, "");
  return script;
}

}  // namespace cbr::tool
