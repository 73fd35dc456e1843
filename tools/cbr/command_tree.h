// What can be typed after `cbr`, taken from the parser itself: what shells complete is made of it.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace cbr::tool {

/// What a flag or an argument takes.
struct ValueKind {
  enum class Source { none, anything, files, folders, words };
  Source source = Source::none;
  /// For `words`.
  std::vector<std::string> words = {};
};

/// A flag.
struct FlagNode {
  /// "--ring-size"; all the spellings.
  std::vector<std::string> names;
  /// One line.
  std::string help;
  ValueKind value;
};

/// A command and those below it.
struct CommandNode {
  /// "bench"; the program's own for the root.
  std::string name;
  /// One line.
  std::string help;
  std::vector<FlagNode> flags;
  /// In order.
  std::vector<ValueKind> arguments;
  std::vector<CommandNode> commands;
};

/// The command that was given, of a command the one inside it; `app` itself without one.
[[nodiscard]] const CLI::App& given_command(const CLI::App& app);

/// What is typed for a command: "cbr config show".
[[nodiscard]] std::string path_of(const CLI::App& command);

/// The tree below `app`. Hidden commands (those without a group) are left out.
[[nodiscard]] CommandNode command_tree(const CLI::App& app);

}  // namespace cbr::tool
