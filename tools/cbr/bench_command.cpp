// cbr bench: what does overlapping buy on this device?
#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/recording_file.h>

#include "bench/bench_run.h"
#include "bench/decode_workload.h"
#include "bench/result_json.h"
#include "bench/result_report.h"
#include "bench/result_table.h"
#include "bench/run_summary.h"
#include "bench/simulated_workload.h"
#include "bench/synthetic_workload.h"
#include "bench/system_info.h"
#include "bench_flags.h"
#include "command.h"
#include "config_flags.h"
#include "decode/mapped_file.h"
#include "decode/model_files.h"
#include "device_choice.h"
#include "exit_code.h"
#include "interrupt.h"
#include "observe/report_page.h"
#include "output_file.h"
#include "progress_line.h"
#include "standard_error.h"
#include "standard_input.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

using namespace std::chrono_literals;

constexpr const char* bench_footer =
    "Examples:\n"
    "  cbr bench\n"
    "  cbr bench --dispatches 256 --elements 65536\n"
    "  cbr bench --model models/tiny-qwen2-kjv-4bit\n"
    "  cbr bench --model DIR --ring-size 1,3 --rounds 9 --output result.json\n"
    "  cbr bench --backend simulated --sim-gpu-us 700 --sim-encode-us 330\n"
    "  cbr bench --backend simulated --queues 2\n"
    "  cbr bench --config ring.yaml\n"
    "  cbr bench --record steps.json && cbr plan steps.json\n"
    "  cbr bench --report report.html\n"
    "\n"
    "Each round runs every ring size once, in alternating order, so that a drift of\n"
    "the machine favours none. The speed-up is over the first ring size; its\n"
    "interval is from the paired rounds. GPU busy is the union of the GPU's\n"
    "timestamps over the wall time. Waits are back-pressure and healthy: judge by\n"
    "the speed-up and the idle gaps.\n"
    "With --queues 2 or more each synthetic step passes through all queues: the\n"
    "first makes what the next takes, and the GPU waits between them. Then each size\n"
    "also runs with the host waiting there instead.\n"
    "Ctrl-C ends a run early and keeps what is complete.\n";

/// An idle GPU clocks down; this much work wakes it.
constexpr auto warm_up_time = 400ms;
constexpr auto synthetic_round_time = 300ms;
constexpr std::uint32_t simulated_steps = 1000;
constexpr std::uint64_t most_prompt_bytes = std::uint64_t{64} << 20U;

/// The part of a path that names it; results should not tell where their writer keeps files.
std::string name_of(const std::filesystem::path& path) {
  const std::filesystem::path full = std::filesystem::absolute(path).lexically_normal();
  return text::printable_path((full.has_filename() ? full : full.parent_path()).filename());
}

/// A file's text, or standard input's.
class PromptText {
 public:
  /// Blocks while standard input has no end. Throws InputError.
  explicit PromptText(const std::string& name) {
    if (is_standard(name)) {
      text_ = read_standard_input("--prompts", most_prompt_bytes);
    } else {
      file_.emplace(name);
    }
  }
  [[nodiscard]] std::string_view get() const { return file_ ? file_->text() : text_; }

 private:
  std::string text_;
  std::optional<decode::MappedFile> file_;
};

std::vector<std::vector<decode::TokenId>> tokens_of_prompts(const decode::ModelFiles& model,
                                                            const PromptText& text,
                                                            const std::string& name,
                                                            std::uint32_t questions) {
  std::vector<std::vector<decode::TokenId>> prompts;
  std::string_view rest = text.get();
  for (std::size_t line = 1; !rest.empty() && prompts.size() < questions; ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view prompt = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (prompt.ends_with('\r')) prompt.remove_suffix(1);
    if (prompt.empty()) continue;
    prompts.push_back(model.tokens_of(fmt::format("{}: line {}", name, line), prompt));
  }
  if (prompts.size() < questions) {
    throw InputError(fmt::format("{}: has {} prompts; --questions asks for {}", name,
                                 prompts.size(), questions));
  }
  return prompts;
}

/// The steps of a model depend on each other, so they must be on one queue.
std::uint32_t queues_of(const BenchFlags& flags, const Config& config) {
  return flags.model ? 1 : config.queues;
}

/// The sizes that a flag gave, else the configured size beside the baseline.
std::vector<std::uint32_t> ring_sizes(const BenchFlags& flags, const Config& config) {
  if (!flags.ring_sizes.empty()) return flags.ring_sizes;
  const std::uint32_t least = queues_of(flags, config);
  if (config.ring.auto_ring_size) return {least, usual_slots * least};
  if (config.ring.ring_size <= least) return {least};
  if (is_given(config, "ring_size")) return {least, config.ring.ring_size};
  if (least == 1) return {1, 2, 3, 4};
  return {least, 2 * least, 3 * least};
}

bench::RunPlan make_plan(const BenchFlags& flags, const Config& config) {
  bench::RunPlan plan{.ring_sizes = ring_sizes(flags, config), .rounds = flags.rounds};
  const Timeout guard = plan.options.timeout;
  const std::string name = plan.options.name;
  plan.options = config.ring;
  // A benchmark that hangs should end, unless somebody wants it to wait.
  if (!is_given(config, "timeout_ms")) plan.options.timeout = guard;
  if (!is_given(config, "name")) plan.options.name = name;
  plan.records = !flags.record.empty() || !flags.report.empty();
  const std::uint32_t queues = queues_of(flags, config);
  plan.compares_hand_overs = queues > 1;
  for (const std::uint32_t size : plan.ring_sizes) {
    if (size < queues) {
      throw InputError(
          fmt::format("--ring-size {}: the ring needs a slot for each of {} queues", size, queues));
    }
    try {
      bench::check_ring_size(plan, size);
    } catch (const InvalidOption& error) {
      throw InputError(fmt::format("--ring-size {}: {}", size, error.what()));
    }
  }
  return plan;
}

/// One run of the subcommand.
class BenchCommand {
 public:
  explicit BenchCommand(const BenchFlags& flags)
      : flags_(flags), config_(read_config(flags.config)), plan_(make_plan(flags, config_)) {
    result_.timestamp = bench::utc_timestamp();
    result_.system = bench::read_system_info();
    result_.config.ring_sizes = plan_.ring_sizes;
    result_.config.rounds = flags.rounds;
  }

  int run() {
    if (flags_.model) {
      run_model();
    } else {
      catch_interrupts();
      run_synthetic();
    }
    return finish();
  }

 private:
  void run_model() {
    const std::filesystem::path directory = *flags_.model;
    std::optional<PromptText> text;
    // Standard input before all else: Ctrl-C is to end a wait for it.
    if (is_standard(flags_.prompts)) text.emplace(flags_.prompts);
    catch_interrupts();
    progress_.show("Opening the model");
    const decode::ModelFiles model = decode::ModelFiles::open(directory);
    const std::filesystem::path prompts_file = flags_.prompts.empty() ? directory / "prompts.txt"
                                               : text ? std::filesystem::path(standard_input_name)
                                                      : std::filesystem::path(flags_.prompts);
    if (!text) text.emplace(prompts_file.string());
    const auto prompts =
        tokens_of_prompts(model, *text, text::printable_path(prompts_file), flags_.questions);
    result_.config.decode = bench::DecodeConfig{.model = name_of(directory),
                                                .prompts = name_of(prompts_file),
                                                .questions = flags_.questions,
                                                .max_tokens = flags_.max_tokens};
    const ChosenDevice device = open_device(config_, false, 1);
    progress_.clear();
    if (!device.note.empty()) print_note(device.note);
    progress_.show(fmt::format("Loading the model onto {}", device.vulkan->info().name));
    decode::Decoder decoder(device.vulkan, model.directory,
                            model.capacity_for(prompts, flags_.max_tokens));
    bench::DecodeWorkload workload(decoder, prompts, flags_.max_tokens);
    measure(device, device.make_backend(), workload);
  }

  void run_synthetic() {
    const ChosenDevice device = open_device(config_, true, config_.queues);
    progress_.clear();
    if (!device.note.empty()) print_note(device.note);
    result_.config.synthetic = flags_.shape;
    result_.config.synthetic->queues = config_.queues;
    if (!device.vulkan) {
      std::uint32_t& steps = result_.config.synthetic->steps;
      if (steps == 0) steps = simulated_steps;
      result_.config.simulated = flags_.times;
      bench::SimulatedWorkload workload(flags_.times, steps);
      measure(device, device.make_backend(), workload);
      return;
    }
    const std::shared_ptr<Backend> backend = device.make_backend();
    std::optional<bench::SyntheticWorkload> workload;
    try {
      const compute::SyntheticShape shape{.dispatches = flags_.shape.dispatches,
                                          .elements = flags_.shape.elements,
                                          .iterations = flags_.shape.iterations};
      workload.emplace(device.vulkan, shape, 1);
    } catch (const BackendError& error) {
      throw InputError(fmt::format("--elements {}: {}", flags_.shape.elements, error.what()));
    }
    if (flags_.shape.steps == 0) {
      progress_.show("Finding the number of steps");
      bench::warm_up(backend, *workload, warm_up_time, interrupted());
      result_.config.synthetic->steps =
          bench::steps_for(synthetic_round_time, backend, *workload, interrupted());
    }
    workload->set_steps(result_.config.synthetic->steps);
    measure(device, backend, *workload);
  }

  void measure(const ChosenDevice& device, const std::shared_ptr<Backend>& backend,
               bench::Workload& workload) {
    result_.device = device.describe();
    if (device.vulkan) {
      progress_.show("Warming up");
      bench::warm_up(backend, workload, warm_up_time, interrupted());
    }
    bench::RunRecord record = bench::run_interleaved(
        backend, workload, plan_, interrupted(),
        [&](std::uint32_t done, std::uint32_t total, std::uint32_t ring_size) {
          progress_.show(fmt::format("{} of {}: ring size {}", done + 1, total, ring_size));
        });
    bench::add_measurements(record, result_);
    for (bench::RingRecord& ring : record.rings) {
      if (ring.recording) recordings_.push_back(std::move(*ring.recording));
    }
  }

  /// Writes what was measured, the file first: a reader of the table may have gone. On standard
  /// output the one stands for the other, so that a program can read it.
  int finish() {
    progress_.clear();
    if (!flags_.output.empty() && !is_standard(flags_.output)) {
      write_file(flags_.output, bench::result_json(result_));
    }
    if (!flags_.record.empty() && !is_standard(flags_.record)) {
      write_file(flags_.record, recording_text());
    }
    if (!flags_.report.empty() && !is_standard(flags_.report)) {
      write_file(flags_.report, report_text());
    }
    if (is_standard(flags_.output)) {
      write_output(bench::result_json(result_));
    } else if (is_standard(flags_.record)) {
      write_output(recording_text());
    } else if (is_standard(flags_.report)) {
      write_output(report_text());
    } else {
      print_text(bench::result_table(result_));
    }
    if (!result_.results_match) {
      print_error(
          "the results differ between ring sizes or rounds: the work is not safe to overlap");
      return failure;
    }
    return result_.complete ? success : stopped;
  }

  [[nodiscard]] std::string recording_text() const {
    std::ostringstream text;
    write_recordings(text, recordings_, origin_here(result_.device.name));
    return std::move(text).str();
  }

  [[nodiscard]] std::string report_text() const {
    observe::ReportPage page;
    page.add_result(bench::result_for_report(bench::result_json(result_), "the result", ""));
    const RecordingOrigin origin = origin_here(result_.device.name);
    for (const Recording& recording : recordings_) page.add_recording(recording, origin);
    std::ostringstream text;
    page.write(text);
    return std::move(text).str();
  }

  const BenchFlags& flags_;
  Config config_;
  bench::RunPlan plan_;
  bench::BenchResult result_;
  std::vector<Recording> recordings_;
  ProgressLine progress_;
};

}  // namespace

Command add_bench_command(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* parser = app.add_subcommand(
      "bench", "Measure what overlapping buys: rings of several sizes, interleaved");
  add_bench_flags(*parser, *flags);
  parser->footer(bench_footer);
  return {.parser = parser, .run = [flags, parser] {
            check_bench_flags(*parser, *flags);
            return BenchCommand(*flags).run();
          }};
}

}  // namespace cbr::tool
