// Values as text, and what a message says of them. Pure logic.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <cbr/config.h>

#include "config/option_table.h"

namespace cbr::config {

/// The value that `text` stands for, or nothing if the option can't have it. Numbers are decimal
/// digits alone; several have commas between them.
[[nodiscard]] std::optional<ConfigValue> parse_value(const OptionSpec& spec, std::string_view text);

/// The text in double quotes and on one line: what could break it is escaped, and what is longer
/// than about 100 bytes ends in "...".
[[nodiscard]] std::string in_quotes(std::string_view text);

/// A file's name for a message: on one line, never shortened.
[[nodiscard]] std::string on_one_line(std::string_view text);

/// `found "0"; expected a whole number from 1 to 1024, or auto`. `found` is put as it is.
[[nodiscard]] std::string unexpected(const OptionSpec& spec, std::string_view found);

/// The same for a text, with the nearest choice if there is one.
[[nodiscard]] std::string unexpected_text(const OptionSpec& spec, std::string_view text);

}  // namespace cbr::config
