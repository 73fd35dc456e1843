// Every option that a configuration has: the one place where its key, type, limits and description
// stand. Reading, checking, showing, the schema and the documentation all go by it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/config.h>

namespace cbr::config {

/// The two names of the outer section.
inline constexpr std::string_view neutral_section = "gpu_optimizations";
inline constexpr std::string_view metal_section = "metal_optimizations";
/// The section inside it.
inline constexpr std::string_view ring_section = "command_buffer_ring";

enum class Section : std::uint8_t { optimizations, ring };

enum class OptionType : std::uint8_t { boolean, number, number_or_auto, choice, text, numbers };

/// One option.
struct OptionSpec {
  Section section = Section::ring;
  std::string_view key;
  /// Unique among all options. Empty: the key.
  std::string_view other_name = {};
  OptionType type = OptionType::boolean;
  /// "ms", "ns", "slots" or empty.
  std::string_view unit = {};
  /// Limits of a number, of each of several numbers, or of the length of a text in characters.
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  /// How many numbers there may be.
  std::uint64_t most_numbers = 0;
  std::span<const std::string_view> choices = {};
  /// One or two sentences, without the limits.
  std::string_view description;
  /// The option in a Config, and back. `set` gets a value of the right type and within the limits;
  /// "auto" leaves ring_size as it is.
  ConfigValue (*get)(const Config& config) = nullptr;
  void (*set)(Config& config, const ConfigValue& value) = nullptr;

  [[nodiscard]] std::string_view name() const { return other_name.empty() ? key : other_name; }
};

/// A key that is accepted and does nothing: it configures something that stands beside the ring.
struct IgnoredKey {
  std::string_view key;
  std::string_view description;
};

/// In the order of the documentation.
[[nodiscard]] std::span<const OptionSpec> option_table();
/// Accepted in the outer section.
[[nodiscard]] std::span<const IgnoredKey> ignored_keys();

/// Null if there is none.
[[nodiscard]] const OptionSpec* find_option(Section section, std::string_view key);
[[nodiscard]] const OptionSpec* find_option(std::string_view name);

/// "enabled", "command_buffer_ring.ring_size"
[[nodiscard]] std::string path_of(const OptionSpec& spec);
/// "CBR_RING_SIZE"
[[nodiscard]] std::string variable_of(const OptionSpec& spec);
/// "--ring-size"
[[nodiscard]] std::string flag_of(const OptionSpec& spec);
/// The value of a Config that nobody has changed.
[[nodiscard]] ConfigValue default_of(const OptionSpec& spec);
/// What is allowed: "a whole number from 1 to 1024, or auto".
[[nodiscard]] std::string allowed(const OptionSpec& spec);

}  // namespace cbr::config
