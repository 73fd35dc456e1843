#include "round_options.h"

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace cbr::benchmarks {

void RoundOptions::add_to(CLI::App& app) {
  app.add_option("--device", device, "Index, or a part of the name");
  app.add_option("--load", load, "Only the loads with this in their names");
  app.add_option("--rounds", rounds)->check(CLI::Range(2U, 1000U));
  app.add_option("--round-ms", round_ms, "Length of a round, in milliseconds")
      ->check(CLI::Range(10.0, 10'000.0));
  app.add_flag("--json", json, "Print every round as JSON");
}

int run_program(CLI::App& app, const char* name, int argc, char** argv,
                const std::function<void()>& run) {
  try {
    CLI11_PARSE(app, argc, argv);
    run();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return 1;
  }
}

}  // namespace cbr::benchmarks
