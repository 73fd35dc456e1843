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

/// " (U+0435 in it is not ASCII)": the first character of a word that can't be one of ours, however
/// much it looks like it. Nothing where all are ASCII.
[[nodiscard]] std::string odd_character(std::string_view word);

/// `found "0"; expected a whole number from 1 to 1024, or auto`. `found` is put as it is.
[[nodiscard]] std::string unexpected(const OptionSpec& spec, std::string_view found);

/// The same for a text, with the nearest choice if there is one, and an odd character.
[[nodiscard]] std::string unexpected_text(const OptionSpec& spec, std::string_view text);

}  // namespace cbr::config
