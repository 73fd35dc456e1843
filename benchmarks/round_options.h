// What benchmarks are asked that measure loads in rounds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <CLI/App.hpp>

namespace cbr::benchmarks {

struct RoundOptions {
  std::string device = {};
  /// Only loads with this in their names.
  std::string load = {};
  std::uint32_t rounds = 9;
  double round_ms = 300;
  bool json = false;

  /// Whether a load of that name is asked for.
  [[nodiscard]] bool wants(const std::string& name) const {
    return name.find(load) != std::string::npos;
  }
  /// Adds a flag for each. They must outlive the parser.
  void add_to(CLI::App& app);
};

/// Reads the command line and runs the benchmark. Returns the program's exit status; what is thrown
/// is one line on standard error.
[[nodiscard]] int run_program(CLI::App& app, const char* name, int argc, char** argv,
                              const std::function<void()>& run);

}  // namespace cbr::benchmarks
