/// @file
/// Options of a ring from a YAML file, environment variables and flags.
/// docs/reference/configuration.md describes every option; this header has the types and functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <cbr/options.h>

namespace cbr {

/// What an option can hold: "auto", a switch, a whole number, a text, whole numbers.
using ConfigValue =
    std::variant<std::monostate, bool, std::uint64_t, std::string, std::vector<std::uint64_t>>;

/// The value as one would write it in a variable or flag: "auto", "true", "3", "least-busy",
/// "1,0,0".
[[nodiscard]] std::string to_string(const ConfigValue& value);

/// Where a value comes from.
struct ConfigOrigin {
  /// In this order, a later kind overrides those before it.
  enum class Kind : std::uint8_t {
    /// The default.
    built_in,
    /// A line of the file.
    file,
    /// An environment variable.
    environment,
    /// A flag of the command line.
    flag,
  };
  /// What gave the value.
  Kind kind = Kind::built_in;
  /// The file, the environment variable or the flag; empty for a built-in default.
  std::string name = {};
  /// The place in the file, counted from 1; 0 if there is none.
  std::uint32_t line = 0;
  /// The column of that line, from 1; 0 if there is none.
  std::uint32_t column = 0;
};

/// "default", "ring.yaml:6", "CBR_RING_SIZE" or "--ring-size".
[[nodiscard]] std::string to_string(const ConfigOrigin& origin);

/// One option with its value in effect.
struct ConfigOption {
  /// Its name among all options: "ring_size". The variable CBR_RING_SIZE and the flag --ring-size
  /// are made from it.
  std::string name;
  /// Where it stands in the file: "command_buffer_ring.ring_size".
  std::string path;
  /// The value in effect.
  ConfigValue value;
  /// Where the value comes from.
  ConfigOrigin origin = {};
  /// Why the value in effect is not the one that was given; mostly empty.
  std::string note = {};
};

/// The options in effect.
struct Config {
  /// If one of the two is false, `ring` has one slot, `queues` is 1 and nothing is reserved: the
  /// serial baseline.
  bool enabled = true;
  /// As `enabled`, from the section `command_buffer_ring`.
  bool ring_enabled = true;
  /// Whether a backend that doesn't work may be replaced; see choose_backend().
  bool graceful_fallback = true;
  /// "auto", "metal", "vulkan" or "simulated".
  std::string backend = "auto";
  /// As vulkan::OpenOptions::device. Empty: the best.
  std::string device = {};
  /// How many queues of the device to open, 1 to 64.
  std::uint32_t queues = 1;
  /// AutoRingSize::largest of a ring that chooses its size.
  std::uint32_t largest_ring_size = AutoRingSize().largest;
  /// Its AutoRingSize::max_queued in milliseconds; 0 stands for no limit.
  std::uint64_t max_queued_ms = 0;
  /// Ready for the constructor of CommandBufferRing. The log sink, executor, interrupt check and
  /// observer are the program's to set.
  RingOptions ring = {};

  /// Every option, in the order of the documentation.
  std::vector<ConfigOption> options = {};
  /// What a user should know, one line each: keys that are accepted and do nothing, variables whose
  /// names look like misspelt ones. The caller prints them.
  std::vector<std::string> warnings = {};

  /// The option of that name. Throws InvalidUsage if there is none.
  [[nodiscard]] const ConfigOption& option(std::string_view name) const;
};

/// Environment variables by their names, and flags by the names of their options ("ring_size").
using ConfigTexts = std::map<std::string, std::string, std::less<>>;

/// The variables of this process whose names begin with CBR_. Not to be called while another thread
/// changes the environment.
[[nodiscard]] ConfigTexts config_environment();

/// What overrides a file.
struct ConfigOverrides {
  /// Override the file. Variables that name no option are left alone.
  ConfigTexts environment = config_environment();
  /// Override both. Throws InvalidUsage on a name that no option has.
  ConfigTexts flags = {};
};

/// Reads a file, then the overrides. The file is read whole, 1 MiB at most, before anything of it
/// counts. Throws InputError, one line: file, line and column (or the variable or flag), the
/// option, the value found, what is allowed. May be called by any thread; blocks for the reading.
[[nodiscard]] Config load_config(const std::filesystem::path& file,
                                 const ConfigOverrides& overrides = {});

/// The same without a file: defaults and overrides.
[[nodiscard]] Config default_config(const ConfigOverrides& overrides = {});

/// The same for text in memory. `source` stands for the file's name in messages and origins. By
/// default nothing overrides it.
[[nodiscard]] Config parse_config(std::string_view yaml, std::string_view source = "configuration",
                                  const ConfigOverrides& overrides = {.environment = {},
                                                                      .flags = {}});

/// What is wrong with a file, one line for each of the first ten mistakes, in the order of the
/// file, and one that counts the others; empty if load_config() would take it. After broken YAML,
/// the rest of the file is not looked at. Does not throw for a bad file, nor for one that can't be
/// read.
[[nodiscard]] std::vector<std::string> check_config(const std::filesystem::path& file);

/// A backend that a program can use.
struct BackendCandidate {
  /// A value of Config::backend except "auto".
  std::string name;
  /// Opens it, or throws BackendError, or InputError where there is no such device.
  std::function<void()> open;
};

/// The backend that works.
struct BackendChoice {
  /// The candidate's name.
  std::string name;
  /// Says which backends did not work, why, and which is used; one line. Empty if the first choice
  /// works.
  std::string warning;
};

/// Opens the configured backend. If it fails or is no candidate, the other candidates are tried in
/// the order metal, vulkan, simulated. "auto" begins with the first of these. A program whose
/// results count should not offer "simulated": it computes nothing.
///
/// Nothing stands in if `config.graceful_fallback` is off, for a backend from a flag (it is meant
/// for this run), or with `config.device` set. Then throws what `open` threw, or BackendError if
/// the backend is no candidate. Throws BackendError, in one line with all causes, if several were
/// tried in vain. Exceptions of `open` other than BackendError and InputError are passed on.
/// Blocks as long as `open` does; runs on the calling thread.
[[nodiscard]] BackendChoice choose_backend(const Config& config,
                                           const std::vector<BackendCandidate>& candidates);

/// The JSON Schema (draft 7) of the file, with a line break at its end.
[[nodiscard]] std::string config_schema();
/// The table of options in Markdown, as in docs/reference/configuration.md.
[[nodiscard]] std::string config_reference();
/// A YAML file with every option at its default.
[[nodiscard]] std::string config_example();

}  // namespace cbr
