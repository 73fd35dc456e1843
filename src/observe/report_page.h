// A report: the page of report/, which is embedded here, with data in it.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <cbr/diagnosis.h>
#include <cbr/gpu_activity.h>
#include <cbr/recording.h>
#include <cbr/recording_file.h>

namespace cbr::observe {

/// The figures of a GPU as the page takes them, with all times in nanoseconds.
[[nodiscard]] nlohmann::ordered_json report_json(const GpuActivity& gpu);
[[nodiscard]] nlohmann::ordered_json report_json(const Diagnosis& diagnosis);

/// Collects what a report shows. report/src/data.ts says what each part of it means.
class ReportPage {
 public:
  /// Something that is to be said of the files, in a line.
  void add_note(std::string note) { notes_.push_back(std::move(note)); }
  /// A result of a benchmark, as JSON.
  void add_result(std::string json) { results_.push_back(std::move(json)); }
  /// A recording. `file` is the name of the file that it comes from, to be shown; may be empty.
  void add_recording(const Recording& recording, const RecordingOrigin& origin,
                     std::string_view file = {});

  /// Writes the page. Whatever the parts hold stays data: none of it can become markup.
  void write(std::ostream& out) const;

 private:
  std::vector<std::string> notes_;
  std::vector<std::string> results_;
  std::vector<std::string> recordings_;
};

/// The page before its data, and after them, in pieces that are to be written one after the other:
/// a compiler takes no text that long as one.
struct EmbeddedPage {
  std::vector<std::string_view> before;
  std::vector<std::string_view> after;
};
[[nodiscard]] EmbeddedPage embedded_page();

}  // namespace cbr::observe
