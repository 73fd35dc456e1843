// cbr plan: what would another ring size bring?
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/options.h>
#include <cbr/plan.h>
#include <cbr/recording_file.h>

#include "command.h"
#include "duration_flag.h"
#include "exit_code.h"
#include "number_flag.h"
#include "plan_report.h"
#include "recording_input.h"
#include "standard_error.h"
#include "standard_input.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

using std::chrono::nanoseconds;

constexpr const char* plan_footer =
    "Examples:\n"
    "  cbr plan --submit 0.3ms --gpu 8.2ms --complete 0.1ms\n"
    "  cbr plan --encode 20us --submit 5us --gpu 44us --complete 31us --merge 1,4\n"
    "  cbr bench --ring-size 1,3 --record steps.json && cbr plan steps.json\n"
    "  cbr plan steps.json --ring-size 1-16 --json\n"
    "\n"
    "The steps run through the ring's own code, on a GPU that exists in numbers only.\n"
    "A recording of a ring of one tells the most of a step: there each waits for the\n"
    "GPU, and so says how late the host learns of its end. How long the GPU pauses\n"
    "between steps that are queued, a larger ring in the same file tells. What a step\n"
    "takes is taken for the same at every ring size.\n"
    "TIME is a number with its unit: ns, us, ms or s.\n";

constexpr std::uint32_t usual_sizes = 8;
constexpr std::uint32_t most_merged = 1'000'000;
constexpr nanoseconds longest_step = std::chrono::hours(1);
constexpr double century_ns = 100.0 * 365 * 24 * 3600e9;

/// What a step is typed in with.
constexpr std::array<const char*, 6> duration_flags = {"--application", "--encode", "--submit",
                                                       "--launch",      "--gpu",    "--complete"};

struct PlanFlags {
  std::string file;
  std::uint32_t recorded_ring_size = 0;
  std::vector<std::uint32_t> ring_sizes;
  std::vector<std::uint32_t> merges = {1};
  StepCosts step;
  nanoseconds pause{0};
  std::uint32_t steps = 1000;
  bool json = false;
};

/// The recording of that ring size, or that of the smallest one.
const Recording& choose(const RecordingFile& file, const PlanFlags& flags) {
  const auto by_size = [](const Recording& left, const Recording& right) {
    return left.ring_size < right.ring_size;
  };
  if (flags.recorded_ring_size == 0) {
    return *std::min_element(file.recordings.begin(), file.recordings.end(), by_size);
  }
  std::string sizes;
  for (const Recording& recording : file.recordings) {
    if (recording.ring_size == flags.recorded_ring_size) return recording;
    sizes += fmt::format("{}{}", sizes.empty() ? "" : ", ", recording.ring_size);
  }
  throw InputError(fmt::format("--recorded-ring-size: {} has no ring size {}, it has {}",
                               text::printable_path(flags.file), flags.recorded_ring_size, sizes));
}

/// No duration is longer than a plan takes, nor all of them together than a clock can count.
/// Returns how many steps were shortened.
std::size_t bound(std::vector<StepCosts>& steps, const std::string& name) {
  std::size_t shortened = 0;
  double total = 0.0;
  for (StepCosts& step : steps) {
    bool is_shortened = false;
    for (nanoseconds StepCosts::*part :
         {&StepCosts::application, &StepCosts::encode, &StepCosts::submit, &StepCosts::launch,
          &StepCosts::signal, &StepCosts::execute, &StepCosts::completion}) {
      is_shortened = is_shortened || step.*part > longest_step;
      step.*part = std::min(step.*part, longest_step);
      total += static_cast<double>((step.*part).count());
    }
    shortened += is_shortened ? 1 : 0;
  }
  // Merged steps, and rings in which one waits for the other, take no more than all this.
  if (total > century_ns) {
    throw InputError(fmt::format("{}: its steps take more than 100 years", name));
  }
  return shortened;
}

/// Throws InputError unless a clock can count the GPU times of a recording together.
void require_countable(const Recording& recording, const std::string& name) {
  double total = 0.0;
  for (const RecordedSubmission& submission : recording.submissions) {
    const auto& gpu = submission.times.gpu;
    if (gpu) total += static_cast<double>(nanoseconds(gpu->end - gpu->start).count());
  }
  if (total > century_ns) {
    throw InputError(fmt::format("{}: its steps take more than 100 years", name));
  }
}

/// What the recording says of the device, and of its pause, which a ring of one does not have, what
/// another ring in the same file says.
DeviceTraits traits_of(const RecordingFile& file, const Recording& recording,
                       const std::string& name) {
  DeviceTraits device = device_traits(recording);
  for (const Recording& other : file.recordings) {
    if (device.pause) break;
    require_countable(other, name);
    device.pause = device_traits(other).pause;
  }
  if (device.pause) device.pause = std::min(*device.pause, longest_step);
  return device;
}

/// Reads the recording into `plan`, and adds to `notes` what is odd about it.
void take_recording(const PlanFlags& flags, PlanReport& plan, std::vector<std::string>& notes) {
  const RecordingFile file = read_recording_input("FILE", flags.file);
  const std::string name = input_name(flags.file);
  const Recording& recording = choose(file, flags);
  require_countable(recording, name);
  plan.steps = step_costs(recording);
  plan.device = traits_of(file, recording, name);
  if (plan.steps.empty()) {
    throw InputError(
        fmt::format("{}: none of {} submissions has all its times; set gpu_times to both, on a "
                    "device that has timestamps",
                    name, recording.submissions.size()));
  }
  plan.origin = {.ring_name = recording.ring_name,
                 .device = file.origin.device,
                 .measured = measured(recording)};
  plan.ring_size = recording.ring_size;
  const std::size_t without = recording.submissions.size() - plan.steps.size();
  if (without > 0) {
    notes.push_back(
        fmt::format("{}: {} of {} submissions are left out: their times are not all known", name,
                    without, recording.submissions.size()));
  }
  if (const std::size_t shortened = bound(plan.steps, name); shortened > 0) {
    notes.push_back(
        fmt::format("{}: {} steps take more than an hour, and count as an hour", name, shortened));
  }
  if (recording.thread_count > 1) {
    notes.push_back(
        fmt::format("{}: {} threads submitted; the plan has one, which takes their steps in "
                    "turn",
                    name, recording.thread_count));
  }
}

void check(const CLI::App& parser) {
  const bool has_file = parser.count("FILE") > 0;
  for (const char* flag : duration_flags) {
    if (has_file && parser.count(flag) > 0) {
      throw InputError(
          fmt::format("{}: a recording has that of each step; give FILE or durations", flag));
    }
  }
  if (has_file && parser.count("--steps") > 0) {
    throw InputError("--steps: a recording has its own; give FILE or durations");
  }
  if (!has_file && parser.count("--recorded-ring-size") > 0) {
    throw InputError("--recorded-ring-size: needs FILE, a recording");
  }
  if (!has_file && parser.count("--gpu") == 0) {
    throw InputError(
        "FILE is missing: a recording of cbr bench --record; or type in --gpu and the other "
        "durations of a step (see cbr plan --help)");
  }
}

int run_plan(const CLI::App& parser, const PlanFlags& flags) {
  PlanReport plan;
  std::vector<std::string> notes;
  if (parser.count("FILE") == 0) {
    plan.steps.assign(flags.steps, flags.step);
    (void)bound(plan.steps, "--steps");
    plan.device.pause = flags.pause;
  } else {
    take_recording(flags, plan, notes);
    if (parser.count("--pause") > 0) plan.device.pause = flags.pause;
  }
  const double pauses = static_cast<double>(plan.device.pause.value_or(nanoseconds(0)).count()) *
                        static_cast<double>(plan.steps.size());
  if (pauses > century_ns) {
    throw InputError(
        fmt::format("--pause: {} of them take more than 100 years", plan.steps.size()));
  }
  std::uint32_t queues = 1;
  for (const StepCosts& step : plan.steps) queues = std::max(queues, to_number(step.queue) + 1);
  std::vector<std::uint32_t> ring_sizes = flags.ring_sizes;
  if (ring_sizes.empty()) {
    for (std::uint32_t size = queues; size < queues + usual_sizes && size <= max_ring_size;
         ++size) {
      ring_sizes.push_back(size);
    }
  }
  for (const std::uint32_t size : ring_sizes) {
    if (size >= queues) continue;
    throw InputError(
        fmt::format("--ring-size {}: the ring needs a slot for each of {} queues", size, queues));
  }
  plan.ring_size = std::max(
      plan.origin ? plan.ring_size : *std::min_element(ring_sizes.begin(), ring_sizes.end()),
      queues);
  // Not before all else is known to be right: bad input is one line.
  if (!plan.device.pause) {
    notes.emplace_back(
        "how long the GPU pauses between steps that are queued is not known, and taken for "
        "nothing: record a larger ring too, or give --pause");
  }
  for (const std::string& note : notes) print_note(note);
  try {
    predict_all(plan, ring_sizes, flags.merges);
  } catch (const InvalidOption& error) {
    // Merged steps may be longer than a plan takes.
    throw InputError(fmt::format("--merge: {}", error.what()));
  }
  if (flags.json) {
    write_output(plan_json(plan));
  } else {
    print_text(plan_table(plan));
  }
  return success;
}

}  // namespace

Command add_plan_command(CLI::App& app) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* parser = app.add_subcommand(
      "plan", "Predict what other ring sizes, or larger submissions, would bring");
  parser->add_option("FILE", flags->file, "A recording of cbr bench --record; - is standard input")
      ->type_name("FILE");
  parser
      ->add_option_function<std::string>(
          "--ring-size",
          [flags](const std::string& text) {
            flags->ring_sizes = parse_whole_ranges("--ring-size", text, 1, max_ring_size);
          },
          "Ring sizes to predict, such as 1,2,3 or 1-16 [1-8]")
      ->type_name("N,N,...");
  parser
      ->add_option_function<std::string>(
          "--merge",
          [flags](const std::string& text) {
            flags->merges = parse_whole_ranges("--merge", text, 1, most_merged);
          },
          "How many steps go into a submission, such as 1,2,4,8 [1]")
      ->type_name("N,N,...");
  parser
      ->add_option_function<std::string>(
          "--recorded-ring-size",
          [flags](const std::string& text) {
            flags->recorded_ring_size = parse_whole("--recorded-ring-size", text, 1, max_ring_size);
          },
          "Of a file with several recordings, take that of this ring size [the smallest]")
      ->type_name("N");
  add_duration_flag(*parser, "--pause", flags->pause,
                    "How long the GPU pauses between two steps that are queued");
  const auto add_time = [&](const char* name, nanoseconds& target, const char* help) {
    add_duration_flag(*parser, name, target, help)->group("Without FILE");
  };
  StepCosts& step = flags->step;
  add_time("--application", step.application, "Host time between two steps");
  add_time("--encode", step.encode, "Host time to record a step");
  add_time("--submit", step.submit, "Host time of the driver's submit call");
  add_time("--launch", step.launch,
           "From the submit call's end until the GPU can start: it passes while earlier steps run");
  add_time("--gpu", step.execute, "GPU time of a step");
  add_time("--complete", step.completion, "From a step's end on the GPU until the host goes on");
  add_whole_flag(*parser, "--steps", flags->steps, 1, 1'000'000, "How many steps to replay")
      ->group("Without FILE");
  parser->add_flag("--json", flags->json, "Print JSON instead of the table")
      ->disable_flag_override();
  parser->footer(plan_footer);
  return {.parser = parser, .run = [flags, parser] {
            check(*parser);
            return run_plan(*parser, *flags);
          }};
}

}  // namespace cbr::tool
