#include "bench_flags.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/options.h>

#include "config/option_table.h"
#include "device_choice.h"
#include "number_flag.h"
#include "output_file.h"
#include "standard_input.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

constexpr const char* model_group = "With --model";
constexpr const char* synthetic_group = "Without --model";
constexpr const char* simulated_group = "With --backend simulated";

constexpr std::array model_flags = {"--questions", "--max-tokens", "--prompts"};
constexpr std::array synthetic_flags = {"--steps", "--dispatches", "--elements", "--iterations"};
constexpr std::array simulated_flags = {"--sim-encode-us", "--sim-submit-us", "--sim-gpu-us",
                                        "--sim-completion-us"};

template <std::size_t Count>
void require_absent(const CLI::App& parser, const std::array<const char*, Count>& names,
                    const char* needed) {
  for (const char* name : names) {
    if (parser.count(name) > 0) throw InputError(fmt::format("{}: needs {}", name, needed));
  }
}

/// The list with the usual size in place of "auto": the sizes that are compared are fixed.
std::string without_auto(std::string_view list) {
  std::string result;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view size = list.substr(begin, end - begin);
    if (begin > 0) result += ',';
    result += size == "auto" ? fmt::format("{}", usual_slots) : std::string(size);
    begin = end + 1;
  }
  return result;
}

void add_model_flags(CLI::App& parser, BenchFlags& flags) {
  add_whole_flag(parser, "--questions", flags.questions, 1, 10'000,
                 "How many prompts each round answers")
      ->group(model_group);
  parser
      .add_option(
          "--prompts", flags.prompts,
          "A file with a prompt on each line, or - for standard input [prompts.txt in the model's "
          "directory]")
      ->type_name("FILE")
      ->group(model_group);
  add_whole_flag(parser, "--max-tokens", flags.max_tokens, 1, 1'000'000,
                 "New tokens for each question")
      ->group(model_group);
}

void add_synthetic_flags(CLI::App& parser, BenchFlags& flags) {
  add_whole_flag(parser, "--dispatches", flags.shape.dispatches, 1, 65'536,
                 "Dispatches in a step, each dependent on the one before")
      ->group(synthetic_group);
  add_whole_flag(parser, "--elements", flags.shape.elements, 1, 1U << 26U,
                 "Four-float vectors that each dispatch works on")
      ->group(synthetic_group);
  add_whole_flag(parser, "--iterations", flags.shape.iterations, 1, 1'000'000,
                 "Multiply-adds on each of them")
      ->group(synthetic_group);
  add_whole_flag(parser, "--steps", flags.shape.steps, 1, 1'000'000,
                 "Steps in a round [as many as fill about 0.3 s; 1000 if simulated]")
      ->default_str("")
      ->group(synthetic_group);
  const auto add_time = [&](const char* name, double& time, const char* help) {
    add_decimal_flag(parser, name, time, 0.0, 1e6, help)->group(simulated_group);
  };
  add_time("--sim-encode-us", flags.times.encode_us, "CPU time to record a step");
  add_time("--sim-submit-us", flags.times.submit_us, "CPU time of a submit call");
  add_time("--sim-gpu-us", flags.times.gpu_us, "GPU time of a step");
  add_time("--sim-completion-us", flags.times.completion_us,
           "From a step's end on the GPU until the host sees it");
}

/// That each output can be written, and to a place of its own.
void require_outputs(const CLI::App& parser, const BenchFlags& flags) {
  const std::array<std::pair<const char*, const std::string*>, 3> outputs = {
      {{"--output", &flags.output}, {"--record", &flags.record}, {"--report", &flags.report}}};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& [name, file] = outputs[i];
    for (std::size_t j = i + 1; j < outputs.size(); ++j) {
      const auto& [other_name, other] = outputs[j];
      if (is_standard(*file) && is_standard(*other)) {
        throw InputError(fmt::format(
            "{} and {}: standard output (-) can be written to by one of them", name, other_name));
      }
      if (!file->empty() && *file == *other) {
        throw InputError(
            fmt::format("{} and {}: both are {}", name, other_name, text::printable_path(*file)));
      }
    }
  }
  for (const auto& [name, file] : outputs) {
    if (parser.count(name) > 0 && !is_standard(*file)) require_writable(name, *file);
  }
}

}  // namespace

void add_bench_flags(CLI::App& parser, BenchFlags& flags) {
  parser.add_option("--model", flags.model, "Generate text with the model in this directory")
      ->type_name("DIR");
  parser.add_flag("--synthetic")
      ->description("Run synthetic steps: what is done without --model")
      ->disable_flag_override();
  parser
      .add_option_function<std::string>(
          "--ring-size",
          [&flags](const std::string& text) {
            flags.ring_sizes =
                parse_whole_list("--ring-size", without_auto(text), 1, max_ring_size);
          },
          "Ring sizes to compare, the baseline first; auto is 3 [1,2,3,4; 1 and the configured "
          "size if there is one]")
      ->type_name("N,N,...");
  add_whole_flag(parser, "--rounds", flags.rounds, 1, 10'000,
                 "How often each ring size runs; 2 or more give intervals");
  add_device_flags(parser, flags.config, true);
  parser
      .add_option("--output", flags.output,
                  "Write the result to this file as JSON; - is standard output, without the table")
      ->type_name("FILE.json");
  parser
      .add_option("--record", flags.record,
                  "Write what each ring did in its last round to this file, for cbr plan and cbr "
                  "doctor; - is standard output, without the table")
      ->type_name("FILE.json");
  parser
      .add_option(
          "--report", flags.report,
          "Write the result and what each ring did to this file, as a page for a browser; - is "
          "standard output, without the table")
      ->type_name("FILE.html");
  add_model_flags(parser, flags);
  add_synthetic_flags(parser, flags);
  add_config_flags(parser, flags.config, {"backend", "device", "ring_size"});
}

void check_bench_flags(const CLI::App& parser, const BenchFlags& flags) {
  const bool has_model = flags.model.has_value();
  if (has_model && parser.count("--synthetic") > 0) {
    throw InputError("--model and --synthetic exclude each other: give one of them");
  }
  if (has_model) require_absent(parser, synthetic_flags, "--synthetic, and no --model");
  if (!has_model) require_absent(parser, model_flags, "--model");
  const auto found = flags.config.values.find("backend");
  const std::string backend = found == flags.config.values.end() ? "" : found->second;
  if (has_model && backend == "simulated") {
    throw InputError("--backend simulated: a model needs a real device; use --synthetic");
  }
  if (backend == "vulkan" || has_model) {
    require_absent(parser, simulated_flags, "--synthetic --backend simulated");
  }
  require_outputs(parser, flags);
}

}  // namespace cbr::tool
