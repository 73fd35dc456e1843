// The layout of `--help`.
#pragma once

#include <string>

#include <CLI/App.hpp>
#include <CLI/Formatter.hpp>

namespace cbr::tool {

/// Lines of at most 80 columns: names on the left, what they mean in a column of its own, wrapped
/// between words, with the default in brackets at its end.
class HelpFormat : public CLI::Formatter {
 public:
  HelpFormat();

  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

}  // namespace cbr::tool
