#include "diagnosis_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/diagnosis.h>
#include <cbr/recording.h>

#include "exit_code.h"
#include "observe/report_page.h"
#include "recording_input.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

// Keeps members in the order in which they are written here.
using Json = nlohmann::ordered_json;

std::string heading(const Recording& recording, const RingStatistics& statistics,
                    const std::string& device) {
  std::string text = fmt::format("{}: a ring of {}, {} submission{}",
                                 text::printable_line(recording.ring_name), recording.ring_size,
                                 statistics.submissions, statistics.submissions == 1 ? "" : "s");
  if (!device.empty()) text += ", on " + text::printable_line(device);
  if (statistics.gpu) {
    text += fmt::format("; GPU busy {:.1f} %", 100.0 * statistics.gpu->busy_fraction());
  }
  return text + '\n';
}

}  // namespace

int report_on_recordings(const std::string& name, bool json) {
  const RecordingFile file = read_recording_input("--from", name);
  Json recordings = Json::array();
  std::string text;
  for (const Recording& recording : file.recordings) {
    const RingStatistics statistics = statistics_of(recording);
    const Diagnosis diagnosis = diagnose(statistics);
    recordings.push_back(
        {{"ringName", recording.ring_name},
         {"ringSize", recording.ring_size},
         {"submissions", statistics.submissions},
         {"busyFraction", statistics.gpu ? Json(statistics.gpu->busy_fraction()) : Json()},
         {"findings", observe::report_json(diagnosis)}});
    text += (text.empty() ? "" : "\n") + heading(recording, statistics, file.origin.device) + '\n' +
            diagnosis.text();
  }
  if (json) {
    const Json document = {
        {"device", file.origin.device.empty() ? Json() : Json(file.origin.device)},
        {"recordings", recordings}};
    write_output(document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
  } else {
    print_text(text);
  }
  return success;
}

}  // namespace cbr::tool
