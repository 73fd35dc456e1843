#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/recording_file.h>

#include "observe/device_clock.h"
#include "observe/recording_columns.h"

namespace cbr {
namespace {

using observe::is_countable;
using std::chrono::nanoseconds;

using Submissions = std::span<const RecordedSubmission* const>;

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Writes the columns of a chunk.
class ChunkText {
 public:
  explicit ChunkText(Submissions submissions)
      : submissions_(submissions), start_(submissions.front()->times.acquire_begin) {
    for (const RecordedSubmission* submission : submissions) {
      if (!has_interval(*submission)) continue;
      device_start_ = submission->interval->start;
      break;
    }
  }

  std::string text();

 private:
  static bool has_interval(const RecordedSubmission& submission) {
    return submission.interval && is_countable(submission.interval->start) &&
           is_countable(submission.interval->end);
  }
  [[nodiscard]] std::int64_t since(TimePoint moment) const {
    return nanoseconds(moment - start_).count();
  }

  // What a column has of a submission. One that has nothing of any is left out, and a reader takes
  // 0, or nothing, for all of it.
  template <typename Get>
  static auto always(Get get) {
    return [get](const RecordedSubmission& each) { return std::optional(get(each)); };
  }
  template <typename Get>
  [[nodiscard]] auto unless_zero(Get get) const {
    const bool any = std::any_of(submissions_.begin(), submissions_.end(),
                                 [&](const auto* each) { return get(*each) != 0; });
    return [get, any](const RecordedSubmission& each) {
      return any ? std::optional(get(each)) : std::nullopt;
    };
  }
  template <typename Get>
  static auto of_gpu(Get get) {
    return [get](const RecordedSubmission& each) {
      const auto& gpu = each.times.gpu;
      const bool is_known =
          gpu && is_countable(gpu->start) && is_countable(gpu->end) && is_countable(gpu->deviation);
      return is_known ? std::optional(get(*gpu)) : std::nullopt;
    };
  }
  template <typename Get>
  static auto of_device(Get get) {
    return [get](const RecordedSubmission& each) {
      return has_interval(each) ? std::optional(get(*each.interval)) : std::nullopt;
    };
  }

  template <typename... Values>
  void append(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
  }

  template <typename Get>
  void add(std::string_view name, const Get& get) {
    const bool any = std::any_of(submissions_.begin(), submissions_.end(),
                                 [&](const auto* each) { return get(*each).has_value(); });
    if (!any) return;
    append(",\n\"{}\": [", name);
    for (const RecordedSubmission* submission : submissions_) {
      if (submission != submissions_.front()) text_ += ',';
      if (const auto value = get(*submission)) {
        append("{}", *value);
      } else {
        text_ += "null";
      }
    }
    text_ += ']';
  }

  void add_labels() {
    std::map<std::string_view, std::size_t> places;
    std::vector<std::string_view> labels;
    for (const RecordedSubmission* submission : submissions_) {
      const auto label = std::string_view(submission->label).substr(0, longest_recorded_label);
      if (places.try_emplace(label, labels.size()).second) labels.push_back(label);
    }
    if (labels.size() == 1 && labels.front().empty()) return;
    text_ += ",\n\"labels\": [";
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text_ += (i == 0 ? "" : ", ") + json_string(labels[i]);
    }
    text_ += ']';
    add("label", unless_zero([&](const auto& each) {
          return places.at(std::string_view(each.label).substr(0, longest_recorded_label));
        }));
  }

  const Submissions submissions_;
  const TimePoint start_;
  nanoseconds device_start_{0};
  std::string text_;
};

std::string ChunkText::text() {
  append("{{\"start\": {}, \"deviceStart\": {}", start_.time_since_epoch().count(),
         device_start_.count());
  add("serial", always([](const auto& each) { return each.serial.value(); }));
  add("slot", unless_zero([](const auto& each) { return to_number(each.slot); }));
  add("queue", unless_zero([](const auto& each) { return to_number(each.queue); }));
  add("thread", unless_zero([](const auto& each) { return each.thread; }));
  add("failed", unless_zero([](const auto& each) { return each.failed ? 1 : 0; }));
  add_labels();
  add("acquireBegin", always([&](const auto& each) { return since(each.times.acquire_begin); }));
  add("acquireEnd", always([&](const auto& each) { return since(each.times.acquire_end); }));
  for (const observe::MomentColumn& column : observe::moment_columns) {
    add(column.name, [&](const RecordedSubmission& each) {
      const TimePoint moment = each.times.*column.moment;
      return moment == TimePoint{} || !is_countable(moment) ? std::nullopt
                                                            : std::optional(since(moment));
    });
  }
  for (const observe::FlagColumn& column : observe::flag_columns) {
    add(column.name,
        unless_zero([&](const auto& each) { return each.times.*column.flag ? 1 : 0; }));
  }
  add("gpuStart", of_gpu([&](const HostInterval& gpu) { return since(gpu.start); }));
  add("gpuEnd", of_gpu([&](const HostInterval& gpu) { return since(gpu.end); }));
  add("gpuDeviation", of_gpu([](const HostInterval& gpu) { return gpu.deviation.count(); }));
  add("intervalStart",
      of_device([&](const GpuInterval& each) { return (each.start - device_start_).count(); }));
  add("intervalEnd",
      of_device([&](const GpuInterval& each) { return (each.end - device_start_).count(); }));
  return std::move(text_) + "}";
}

void write(std::ostream& out, const Recording& recording) {
  std::vector<const RecordedSubmission*> submissions;
  submissions.reserve(recording.submissions.size());
  for (const RecordedSubmission& submission : recording.submissions) {
    const SubmissionTimes& times = submission.times;
    if (is_countable(times.acquire_begin) && is_countable(times.acquire_end)) {
      submissions.push_back(&submission);
    }
  }
  const std::uint64_t left_out = recording.submissions.size() - submissions.size();
  out << fmt::format(
      "{{\"ringName\": {}, \"ringSize\": {}, \"queueCount\": {}, \"threadCount\": {}, "
      "\"dropped\": {}, \"chunks\": [",
      json_string(recording.ring_name), recording.ring_size, recording.queue_count,
      recording.thread_count, recording.dropped + left_out);
  for (std::size_t begin = 0; begin < submissions.size(); begin += observe::chunk_size) {
    const std::size_t size = std::min(observe::chunk_size, submissions.size() - begin);
    out << (begin == 0 ? "\n" : ",\n")
        << ChunkText(Submissions(submissions).subspan(begin, size)).text();
  }
  out << "\n]}";
}

}  // namespace

void write_recording(std::ostream& out, const Recording& recording, const RecordingOrigin& origin) {
  write_recordings(out, {&recording, 1}, origin);
}

void write_recordings(std::ostream& out, std::span<const Recording> recordings,
                      const RecordingOrigin& origin) {
  out << fmt::format("{{\"recordingVersion\": {}, \"tool\": {}", recording_version,
                     json_string(origin.tool));
  if (!origin.host.empty()) out << ", \"host\": " << json_string(origin.host);
  if (!origin.device.empty()) out << ", \"device\": " << json_string(origin.device);
  out << ",\n\"recordings\": [";
  for (const Recording& recording : recordings) {
    out << (&recording == &recordings.front() ? "\n" : ",\n");
    write(out, recording);
  }
  out << "\n]}\n";
}

}  // namespace cbr
