// cbr compare: is a change between two results more than noise?
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/options.h>

#include "bench/compare.h"
#include "bench/compare_input.h"
#include "bench/compare_json.h"
#include "bench/compare_table.h"
#include "bench/gate.h"
#include "command.h"
#include "config_flags.h"
#include "exit_code.h"
#include "number_flag.h"
#include "standard_error.h"
#include "standard_input.h"
#include "standard_output.h"

namespace cbr::tool {
namespace {

constexpr const char* compare_footer =
    "Examples:\n"
    "  cbr compare a.json b.json                  Every metric side by side\n"
    "  cbr compare a.json b.json --fail-below -5  Fail if it is over 5 % slower\n"
    "  cbr compare a.json b.json --fail-below 3   Fail if it is not 3 % faster\n"
    "  cbr compare a.json a.json --ring-size 1,3  What did a ring of 3 gain over 1?\n"
    "  cbr bench --output - | cbr compare a.json -\n"
    "\n"
    "A change is more than noise if the rounds of the two files differ by the\n"
    "Mann-Whitney U test at the 5 % level. The test sees the noise within each run\n"
    "of cbr bench. What differs between two runs of the program (heat, other load,\n"
    "memory layout) it can't see: for a small change, repeat both runs, in turns.\n"
    "A gate that the test can't decide does not fail; a note says so.\n";

struct CompareFlags {
  std::string baseline;
  std::string candidate;
  std::optional<bench::RingSizes> ring_sizes;
  std::optional<double> fail_below;
  bool json = false;
};

/// `argument` is A or B.
bench::ComparableResult read_result(const char* argument, const std::string& file) {
  if (!is_standard(file)) return bench::read_comparable_result(file);
  return bench::parse_comparable_result(read_standard_input(argument, bench::largest_result),
                                        standard_input_name);
}

/// "3" for ring size 3 in both files, "1,3" for 1 in the first and 3 in the second.
bench::RingSizes parse_ring_sizes(std::string_view text) {
  const std::size_t comma = std::min(text.find(','), text.size());
  const std::string_view first = text.substr(0, comma);
  const std::string_view second = comma == text.size() ? first : text.substr(comma + 1);
  return {.baseline = parse_whole("--ring-size", first, 1, max_ring_size),
          .candidate = parse_whole("--ring-size", second, 1, max_ring_size)};
}

/// What a gate makes of a rate that misses it; nothing of others.
void tell(const bench::GateResult& result, double fail_below) {
  if (result.outcome == bench::GateOutcome::passed) return;
  const std::string text =
      fmt::format("{} at ring size {} changed by {}, below the {} of --fail-below",
                  result.change.metric, result.change.ring_size,
                  bench::percent_text(*result.change.percent), bench::percent_text(fail_below));
  if (result.outcome == bench::GateOutcome::failed) {
    print_error(text);
  } else {
    print_note(fmt::format("{}: undecided, {}", text,
                           result.p ? "it is within noise" : "there are too few rounds"));
  }
}

int run_compare(const CompareFlags& flags) {
  if (is_standard(flags.baseline) && is_standard(flags.candidate)) {
    throw InputError("A and B: standard input (-) can be read once");
  }
  const bench::ComparableResult baseline = read_result("A", flags.baseline);
  const bench::ComparableResult candidate = read_result("B", flags.candidate);
  const bench::CompareReport report = bench::compare(baseline, candidate, flags.ring_sizes);
  std::optional<bench::Gate> gate;
  if (flags.fail_below) {
    gate = {.fail_below = *flags.fail_below,
            .results = bench::judge_gate(report, *flags.fail_below)};
  }
  if (flags.json) {
    write_output(bench::compare_json(report, gate));
  } else {
    print_text(bench::compare_table(report));
  }
  if (!gate) return success;
  for (const bench::GateResult& result : gate->results) tell(result, gate->fail_below);
  return bench::outcome_of(gate->results) == bench::GateOutcome::failed ? failure : success;
}

}  // namespace

Command add_compare_command(CLI::App& app) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* parser = app.add_subcommand(
      "compare", "Set one result of cbr bench against another, metric by metric");
  parser->add_option("A", flags->baseline, "The baseline's result file; - is standard input")
      ->type_name("FILE")
      ->required();
  parser->add_option("B", flags->candidate, "The candidate's result file; - is standard input")
      ->type_name("FILE")
      ->required();
  parser
      ->add_option_function<std::string>(
          "--ring-size",
          [flags](const std::string& text) { flags->ring_sizes = parse_ring_sizes(text); },
          "Compare this ring size of A with this one of B, and no others")
      ->type_name("N[,N]");
  parser
      ->add_option_function<std::string>(
          "--fail-below",
          [flags](const std::string& text) {
            flags->fail_below = parse_decimal("--fail-below", text, -100.0, 1000.0);
          },
          "Exit with 1 if tokens or steps a second changed by less than this, at any ring size, "
          "and "
          "that is more than noise")
      ->type_name("PERCENT");
  parser->add_flag("--json", flags->json, "Print JSON instead of the table")
      ->disable_flag_override();
  parser->footer(compare_footer);
  return {.parser = parser, .run = [flags] { return run_compare(*flags); }};
}

}  // namespace cbr::tool
