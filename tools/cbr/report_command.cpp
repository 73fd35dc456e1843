// cbr report: where did the time go, as a page for a browser?
#include <algorithm>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/recording_file.h>

#include "bench/compare_input.h"
#include "bench/result_report.h"
#include "command.h"
#include "decode/mapped_file.h"
#include "exit_code.h"
#include "observe/report_page.h"
#include "output_file.h"
#include "recording_input.h"
#include "standard_input.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

constexpr const char* report_footer =
    "Examples:\n"
    "  cbr bench --ring-size 1,3 --record steps.json --output result.json\n"
    "  cbr report result.json steps.json -o report.html\n"
    "  cbr bench --record - | cbr report - -o report.html\n"
    "\n"
    "The page shows the time line of two recordings, rates by ring size with their\n"
    "intervals, idle time by cause, how long the gaps were, and what to do. It holds\n"
    "all that it needs and loads nothing, so it can be sent as it is.\n";

struct ReportFlags {
  std::vector<std::string> files;
  std::string output;
};

/// A name without its folders: where a writer keeps files is nobody's business.
std::string shown_name(const std::string& name) {
  return is_standard(name) ? "standard input"
                           : text::printable_path(std::filesystem::path(name).filename());
}

/// What a note says but for where the file comes from: that matters to who makes the report.
std::string note_for_page(const std::string& note, const std::string& file) {
  const std::string_view elsewhere = "comes from another machine";
  std::string text = note.substr(0, note.find(elsewhere));
  while (text.ends_with(' ') || text.ends_with(';')) text.pop_back();
  const std::size_t begin = text.find(": ");
  return begin == std::string::npos ? "" : file + text.substr(begin);
}

/// The text of a file, which is a result or recordings.
class ReportInput {
 public:
  explicit ReportInput(std::string name) : name_(std::move(name)) {
    if (is_standard(name_)) {
      text_ = read_standard_input("FILE", largest_recording_file);
    } else {
      file_ = std::make_unique<decode::MappedFile>(name_, largest_recording_file);
    }
  }

  void add_to(observe::ReportPage& page) const {
    const std::string_view text = file_ ? file_->text() : text_;
    const std::string name = input_name(name_);
    // In a string of a result, its quotes would have backslashes.
    const auto has = [&](std::string_view key) { return text.find(key) != std::string_view::npos; };
    if (!has("\"recordingVersion\"") && has("\"schemaVersion\"")) {
      page.add_result(bench::result_for_report(text, name, shown_name(name_)));
      return;
    }
    const RecordingFile file = require_recordings(read_recordings(text, name), name);
    if (const std::string note = note_for_page(file.note, shown_name(name_)); !note.empty()) {
      page.add_note(note);
    }
    for (const Recording& recording : file.recordings) {
      page.add_recording(recording, file.origin, shown_name(name_));
    }
  }

 private:
  std::string name_;
  std::unique_ptr<decode::MappedFile> file_;
  std::string text_;
};

/// Writing over what is read would lose it.
void require_other_file(const ReportFlags& flags) {
  std::error_code ignored;
  for (const std::string& file : flags.files) {
    if (is_standard(file) || !std::filesystem::equivalent(file, flags.output, ignored)) continue;
    throw InputError(
        fmt::format("--output: {} is a file that is read", text::printable_path(flags.output)));
  }
}

int run_report(const ReportFlags& flags) {
  if (std::count_if(flags.files.begin(), flags.files.end(), is_standard) > 1) {
    throw InputError("FILE: standard input (-) can be read once");
  }
  if (!is_standard(flags.output)) {
    require_writable("--output", flags.output);
    require_other_file(flags);
  }
  observe::ReportPage page;
  for (const std::string& file : flags.files) ReportInput(file).add_to(page);
  std::ostringstream written;
  page.write(written);
  const std::string text = written.str();
  if (is_standard(flags.output)) {
    write_output(text);
  } else {
    write_file(flags.output, text);
  }
  return success;
}

}  // namespace

Command add_report_command(CLI::App& app) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* parser = app.add_subcommand(
      "report", "Show results and recordings of cbr bench as a page for a browser");
  parser
      ->add_option("FILE", flags->files,
                   "What cbr bench --output or --record wrote; - is standard input")
      ->type_name("FILE.json")
      ->required();
  parser->add_option("-o,--output", flags->output, "The page; - is standard output")
      ->type_name("FILE.html")
      ->required();
  parser->footer(report_footer);
  return {.parser = parser, .run = [flags] { return run_report(*flags); }};
}

}  // namespace cbr::tool
