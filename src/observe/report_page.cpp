#include "observe/report_page.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/plan.h>

#include "observe/device_clock.h"
#include "observe/idle_parts.h"
#include "text/printable.h"

namespace cbr::observe {
namespace {

// Keeps members in the order in which they are written here.
using Json = nlohmann::ordered_json;
using std::chrono::nanoseconds;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The columns of a recording's submissions, and of its gaps.
class Columns {
 public:
  explicit Columns(const Recording& recording) {
    for (const RecordedSubmission& each : recording.submissions) {
      places_.push_back(submissions_.size());
      if (!is_countable(each.times.acquire_begin) || !is_countable(each.times.acquire_end)) {
        continue;
      }
      submissions_.push_back(&each);
      start_ = submissions_.size() == 1 ? each.times.acquire_begin
                                        : std::min(start_, each.times.acquire_begin);
    }
    parts_ = idle_parts(recording);
    std::erase_if(parts_, [&](const IdlePart& part) {
      const SubmissionTimes& times = recording.submissions[part.submission].times;
      return !is_countable(part.begin) || !is_countable(part.end) ||
             !is_countable(times.acquire_begin) || !is_countable(times.acquire_end);
    });
  }

  [[nodiscard]] std::size_t left_out() const { return places_.size() - submissions_.size(); }

  std::string labels_and_submissions() {
    std::map<std::string_view, std::size_t> labels;
    Json names = Json::array();
    for (const RecordedSubmission* each : submissions_) {
      if (labels.try_emplace(each->label, labels.size()).second) {
        names.push_back(
            text::printable_line(std::string_view(each->label).substr(0, longest_recorded_label)));
      }
    }
    text_ = "\"labels\":" + text_of(names) + ",\"submissions\":{";
    add("serial", [](const auto& each) { return each.serial.value(); });
    add("slot", [](const auto& each) { return to_number(each.slot); });
    add("queue", [](const auto& each) { return to_number(each.queue); });
    add("thread", [](const auto& each) { return each.thread; });
    add("failed", [](const auto& each) { return each.failed ? 1 : 0; });
    add("waited", [](const auto& each) { return each.times.waited ? 1 : 0; });
    add("label", [&](const auto& each) { return labels.at(each.label); });
    add_moment("acquireBegin", &SubmissionTimes::acquire_begin);
    add_moment("slotFree", &SubmissionTimes::slot_free);
    add_moment("acquireEnd", &SubmissionTimes::acquire_end);
    add_moment("heldFrom", &SubmissionTimes::held_from);
    add_moment("submitBegin", &SubmissionTimes::submit_begin);
    add_moment("submitEnd", &SubmissionTimes::submit_end);
    add_moment("noticed", &SubmissionTimes::noticed);
    add_gpu("gpuStart", &HostInterval::start);
    add_gpu("gpuEnd", &HostInterval::end);
    text_ += '}';
    return std::move(text_);
  }

  std::string idle() {
    text_ = "\"idle\":{";
    const auto column = [&](std::string_view name, const auto& get) {
      begin(name);
      for (const IdlePart& part : parts_) next(get(part));
      text_ += ']';
    };
    column("queue", [](const IdlePart& part) { return to_number(part.queue); });
    column("submission", [&](const IdlePart& part) { return places_[part.submission]; });
    column("cause", [](const IdlePart& part) { return static_cast<int>(part.cause); });
    column("begin", [&](const IdlePart& part) { return since(part.begin); });
    column("end", [&](const IdlePart& part) { return since(part.end); });
    text_ += '}';
    return std::move(text_);
  }

 private:
  [[nodiscard]] std::int64_t since(TimePoint moment) const {
    return nanoseconds(moment - start_).count();
  }
  void begin(std::string_view name) {
    if (!text_.ends_with('{')) text_ += ',';
    fmt::format_to(std::back_inserter(text_), "\"{}\":[", name);
  }
  template <typename Value>
  void next(const Value& value) {
    if (!text_.ends_with('[')) text_ += ',';
    fmt::format_to(std::back_inserter(text_), "{}", value);
  }
  template <typename Get>
  void add(std::string_view name, const Get& get) {
    begin(name);
    for (const RecordedSubmission* each : submissions_) next(get(*each));
    text_ += ']';
  }
  void next_moment(std::optional<TimePoint> moment) {
    if (moment && *moment != TimePoint{} && is_countable(*moment)) {
      next(since(*moment));
    } else {
      next("null");
    }
  }
  void add_moment(std::string_view name, TimePoint SubmissionTimes::*moment) {
    begin(name);
    for (const RecordedSubmission* each : submissions_) {
      // Of these two, 0 is a moment like another.
      if (moment == &SubmissionTimes::acquire_begin || moment == &SubmissionTimes::acquire_end) {
        next(since(each->times.*moment));
      } else {
        next_moment(each->times.*moment);
      }
    }
    text_ += ']';
  }
  void add_gpu(std::string_view name, TimePoint HostInterval::*moment) {
    begin(name);
    for (const RecordedSubmission* each : submissions_) {
      const auto& gpu = each->times.gpu;
      next_moment(gpu ? std::optional((*gpu).*moment) : std::nullopt);
    }
    text_ += ']';
  }

  std::vector<const RecordedSubmission*> submissions_;
  /// Where each submission of the recording is among those that are written.
  std::vector<std::size_t> places_;
  std::vector<IdlePart> parts_;
  TimePoint start_{};
  std::string text_;
};

Json measured_json(const Recording& recording) {
  const Prediction what = measured(recording);
  if (what.steps == 0 || what.steps_per_second <= 0) return nullptr;
  return {{"steps", what.steps},
          {"stepsPerSecond", what.steps_per_second},
          {"latency", what.latency.count()}};
}

/// So that no text in it can end the element that it is in, or begin another: in JSON, "<" stands
/// in strings only.
void write_escaped(std::ostream& out, std::string_view json) {
  while (!json.empty()) {
    const std::size_t length = std::min(json.find('<'), json.size());
    out << json.substr(0, length);
    json.remove_prefix(length);
    if (json.empty()) return;
    out << "\\u003c";
    json.remove_prefix(1);
  }
}

void write_array(std::ostream& out, const std::vector<std::string>& values) {
  out << '[';
  for (const std::string& value : values) {
    if (&value != &values.front()) out << ",\n";
    write_escaped(out, value);
  }
  out << ']';
}

}  // namespace

Json report_json(const GpuActivity& gpu) {
  Json idle = Json::object();
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    const auto cause = static_cast<GapCause>(i);
    idle[std::string(to_string(cause))] = gpu.idle_by_cause[cause].count();
  }
  Json histogram = Json::array();
  for (std::size_t i = 0; i < GapHistogram::size; ++i) {
    histogram.push_back(
        {{"from", GapHistogram::bound(i).count()}, {"count", gpu.gap_histogram[i]}});
  }
  return {{"queues", gpu.queues},     {"submissions", gpu.submissions},
          {"busy", gpu.busy.count()}, {"idle", gpu.idle.count()},
          {"idleByCause", idle},      {"gaps", gpu.gaps},
          {"gapHistogram", histogram}};
}

Json report_json(const Diagnosis& diagnosis) {
  Json findings = Json::array();
  for (const Finding& finding : diagnosis.findings) {
    findings.push_back({{"kind", to_string(finding.kind)},
                        {"text", finding.text},
                        {"action", finding.action},
                        {"idleShare", finding.idle_share ? Json(*finding.idle_share) : Json()}});
  }
  return findings;
}

void ReportPage::add_recording(const Recording& recording, const RecordingOrigin& origin,
                               std::string_view file) {
  const RingStatistics statistics = statistics_of(recording);
  Columns columns(recording);
  const Json head = {{"file", file},
                     {"device", text::printable_line(origin.device)},
                     {"ringName", text::printable_line(recording.ring_name)},
                     {"ringSize", recording.ring_size},
                     {"queueCount", recording.queue_count},
                     {"threadCount", recording.thread_count},
                     {"dropped", recording.dropped + columns.left_out()},
                     {"measured", measured_json(recording)},
                     {"gpu", statistics.gpu ? report_json(*statistics.gpu) : Json()},
                     {"findings", report_json(diagnose(statistics))}};
  std::string text = text_of(head);
  text.back() = ',';
  text += columns.labels_and_submissions();
  text += ',';
  text += columns.idle();
  text += '}';
  recordings_.push_back(std::move(text));
}

void ReportPage::write(std::ostream& out) const {
  const EmbeddedPage page = embedded_page();
  for (const std::string_view piece : page.before) out << piece;
  out << "{\"reportVersion\":1,\"tool\":\"cbr " CBR_VERSION "\",\"notes\":";
  std::vector<std::string> notes;
  for (const std::string& note : notes_) notes.push_back(text_of(note));
  write_array(out, notes);
  out << ",\n\"results\":";
  write_array(out, results_);
  out << ",\n\"recordings\":";
  write_array(out, recordings_);
  out << '}';
  for (const std::string_view piece : page.after) out << piece;
}

}  // namespace cbr::observe
