// Works rings for minutes or days, at random, and looks whether anything gives way.
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>

#include "core/ring_context.h"
#include "soak/soak_run.h"
#include "soak/target.h"

namespace {

constexpr const char* description =
    "Works rings from several threads with everything that they can do, chosen at random: one "
    "round after the other, each with a new ring. In a third of the rounds allocations fail, in "
    "another third calls of the driver; most rings end while other threads work what they leave: "
    "leases, tickets, sequences, callbacks and coroutines. After each, the ring's statistics, "
    "leaks, events, callbacks and kept objects are compared with what was done; over the run, "
    "memory, open files and threads must not grow from the second quarter to the last (memory: by "
    "more than 8 MiB).";

constexpr const char* footer =
    "A run with the same seed does the same operations, but threads take turns as they will: what "
    "failed may take some rounds to fail again.\n"
    "Progress and errors go to standard error, the result to standard output.\n"
    "Exit codes: 0 all is well, 1 something gave way, 2 bad arguments.\n";

int run(int argc, char** argv) {
#ifdef CBR_SOAK_VULKAN
  const std::vector<std::string> backends = {"simulated", "vulkan", "both"};
#else
  const std::vector<std::string> backends = {"simulated"};
#endif
  double minutes = 1;
  std::optional<std::uint64_t> seed;
  cbr::soak::SoakOptions options;
  options.backend = backends.back();

  CLI::App app(description, "soak");
  app.add_option("--minutes", minutes, "How long to go on")
      ->check(CLI::Range(0.0, 60.0 * 24 * 365))
      ->capture_default_str();
  app.add_option("--backend", options.backend, "What to work on; `both` in turn")
      ->check(CLI::IsMember(backends))
      ->capture_default_str();
  app.add_option("--seed", seed, "Repeats the operations of an earlier run (default: a new seed)");
  app.add_option("--round", options.round, "Repeats one round, as an error names it");
  app.footer(footer);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  options.length = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double, std::ratio<60>>(minutes));
  std::random_device device;
  options.seed = seed ? *seed : (std::uint64_t{device()} << 32) + device();
  std::vector<std::unique_ptr<cbr::soak::Target>> targets;
  if (options.backend != "vulkan") targets.push_back(cbr::soak::make_simulated_target());
#ifdef CBR_SOAK_VULKAN
  if (options.backend != "simulated") targets.push_back(cbr::soak::make_vulkan_target());
#endif
  return cbr::soak::soak(options, targets) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  // Where rings coalesce, as often as may be: the GPU of a soak test is seldom far behind.
  cbr::detail::gathers_regardless = true;
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "soak: {}\n", error.what());
    return 1;
  }
}
