// What a user can ask of `cbr bench`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "bench/bench_result.h"
#include "config_flags.h"

namespace cbr::tool {

/// The ring size, for each queue, that `auto` stands for where sizes are compared.
inline constexpr std::uint32_t usual_slots = 3;

/// The flags of `cbr bench`, with their defaults.
struct BenchFlags {
  /// None: synthetic steps.
  std::optional<std::string> model;
  /// Empty: 1 and the configured size, or 1 to 4 if none is configured.
  std::vector<std::uint32_t> ring_sizes;
  std::uint32_t rounds = 5;
  ConfigFlags config;
  /// Empty to write no file, "-" for standard output.
  std::string output;
  /// Empty to record nothing, "-" for standard output.
  std::string record;
  /// Empty to write no report, "-" for standard output.
  std::string report;

  std::uint32_t questions = 3;
  std::uint32_t max_tokens = 32;
  /// Empty for prompts.txt in the model's directory, "-" for standard input.
  std::string prompts;

  /// 0 steps: as many as fill about 0.3 s.
  bench::SyntheticConfig shape{.steps = 0, .dispatches = 16, .elements = 16384, .iterations = 16};
  bench::SimulatedTimes times;
};

/// Adds the flags to the subcommand. Parsing throws InputError for values outside their limits.
void add_bench_flags(CLI::App& parser, BenchFlags& flags);

/// Checks that the flags go together and that the output can be written. Throws InputError.
void check_bench_flags(const CLI::App& parser, const BenchFlags& flags);

}  // namespace cbr::tool
