// cbr completion: a script for a shell. Hidden: packages install what it prints.
#include <memory>
#include <string>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "command.h"
#include "completion.h"
#include "exit_code.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {

Command add_completion_command(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* parser =
      app.add_subcommand("completion", "Print a script that makes a shell complete cbr's flags");
  parser->group("");
  parser->add_option("SHELL", *shell, "bash, zsh or fish")->required();
  return {.parser = parser, .run = [&app, shell] {
            const CommandNode root = command_tree(app);
            if (*shell == "bash") {
              write_output(bash_completion(root));
            } else if (*shell == "zsh") {
              write_output(zsh_completion(root));
            } else if (*shell == "fish") {
              write_output(fish_completion(root));
            } else {
              throw InputError(fmt::format("completion: {} is none of bash, zsh and fish",
                                           text::in_quotes(*shell)));
            }
            return static_cast<int>(success);
          }};
}

}  // namespace cbr::tool
