#include "command_tree.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace cbr::tool {
namespace {

/// Up to the end of the first sentence, on one line.
std::string first_sentence(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  const std::size_t end = text.find(". ");
  if (end != std::string::npos) text.resize(end);
  while (text.ends_with('.')) text.pop_back();
  return text;
}

/// "N|auto": the words that are to be typed as they stand, here "auto".
std::vector<std::string> literal_words(std::string_view type) {
  std::vector<std::string> words;
  if (type.find('|') == std::string_view::npos) return words;
  for (std::size_t begin = 0; begin <= type.size();) {
    const std::size_t end = std::min(type.find('|', begin), type.size());
    const std::string_view word = type.substr(begin, end - begin);
    if (!word.empty() && std::none_of(word.begin(), word.end(),
                                      [](unsigned char byte) { return std::isupper(byte) != 0; })) {
      words.emplace_back(word);
    }
    begin = end + 1;
  }
  return words;
}

ValueKind kind_of(std::string_view type) {
  using Source = ValueKind::Source;
  if (type.starts_with("FILE")) return {.source = Source::files};
  if (type == "DIR") return {.source = Source::folders};
  std::vector<std::string> words = literal_words(type);
  if (words.empty()) return {.source = Source::anything};
  return {.source = Source::words, .words = std::move(words)};
}

FlagNode flag_of(const CLI::Option& option) {
  FlagNode flag{.names = {}, .help = first_sentence(option.get_description()), .value = {}};
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) flag.value = kind_of(option.get_type_name());
  return flag;
}

}  // namespace

const CLI::App& given_command(const CLI::App& app) {
  const std::vector<CLI::App*> given = app.get_subcommands();
  return given.empty() ? app : given_command(*given.front());
}

std::string path_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : path_of(*parent) + ' ' + command.get_name();
}

CommandNode command_tree(const CLI::App& app) {
  CommandNode node{.name = app.get_name(),
                   .help = first_sentence(app.get_description()),
                   .flags = {},
                   .arguments = {},
                   .commands = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      node.arguments.push_back(kind_of(option->get_type_name()));
    } else {
      node.flags.push_back(flag_of(*option));
    }
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) node.commands.push_back(command_tree(*command));
  }
  return node;
}

}  // namespace cbr::tool
