#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>
#include <cbr/options.h>
#include <cbr/recording_file.h>

#include "observe/device_clock.h"
#include "observe/recording_columns.h"
#include "text/json_object.h"
#include "text/printable.h"

namespace cbr {
namespace {

using nlohmann::json;
using observe::is_countable;
using std::chrono::nanoseconds;
using text::JsonObject;

/// In a chunk, which lies in a list of chunks of a recording in a list of recordings of the file,
/// so many arrays and objects are open.
constexpr std::size_t depth_of_chunk = 5;

/// So many names are told that are not known.
constexpr std::size_t most_names = 3;

/// What is not true, or not known, of a file.
class LeftOut {
 public:
  void unknown_members(const JsonObject& object, std::initializer_list<std::string_view> known) {
    for (const auto& member : object.value().items()) {
      const auto is_it = [&](std::string_view name) { return name == member.key(); };
      if (std::any_of(known.begin(), known.end(), is_it)) continue;
      const auto is_column = [&](const auto& column) { return column.name == member.key(); };
      if (std::any_of(observe::moment_columns.begin(), observe::moment_columns.end(), is_column) ||
          std::any_of(observe::flag_columns.begin(), observe::flag_columns.end(), is_column)) {
        continue;
      }
      unknown_.insert(member.key());
    }
  }
  void end() { end_ = true; }
  void submission() { ++submissions_; }
  void gpu_times() { ++gpu_times_; }
  void label() { ++labels_; }

  /// All of it in one line; empty where it is nothing.
  [[nodiscard]] std::string text() const {
    std::vector<std::string> parts;
    if (end_) parts.emplace_back("what came after the place where the file is cut short");
    if (submissions_ > 0) {
      parts.push_back(fmt::format("{} submission{} whose times run backwards", submissions_,
                                  submissions_ == 1 ? "" : "s"));
    }
    if (gpu_times_ > 0) {
      parts.push_back(fmt::format("the GPU times of {} submission{}, which can't be true",
                                  gpu_times_, gpu_times_ == 1 ? "" : "s"));
    }
    if (labels_ > 0) parts.emplace_back("the ends of long labels");
    if (!unknown_.empty()) parts.push_back(unknown_names());
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
    return text;
  }

 private:
  [[nodiscard]] std::string unknown_names() const {
    std::string names;
    std::size_t count = 0;
    for (const std::string& name : unknown_) {
      if (++count > most_names) break;
      names += (names.empty() ? "" : ", ") + text::in_quotes(name);
    }
    if (unknown_.size() > most_names) {
      names += fmt::format(" and {} more", unknown_.size() - most_names);
    }
    return fmt::format("{}, which this version of cbr does not know", names);
  }

  bool end_ = false;
  std::uint64_t submissions_ = 0;
  std::uint64_t gpu_times_ = 0;
  std::uint64_t labels_ = 0;
  std::set<std::string> unknown_;
};

/// Whether the host's moments follow each other. A moment that nobody noted is 0.
bool runs_forwards(const SubmissionTimes& times) {
  const bool was_sent = times.submit_begin != TimePoint{} || times.submit_end != TimePoint{};
  if (times.acquire_end < times.acquire_begin) return false;
  if (was_sent && times.submit_begin < times.acquire_end) return false;
  // The call that submits may return after another thread has noticed the end.
  if (times.submit_end != TimePoint{} && times.submit_end < times.submit_begin) return false;
  if (times.gathered_until != TimePoint{} && times.gathered_until < times.submit_begin)
    return false;
  return times.noticed == TimePoint{} || times.noticed >= times.submit_begin;
}

bool all_recordable(const SubmissionTimes& times) {
  return is_countable(times.acquire_begin) && is_countable(times.acquire_end) &&
         std::all_of(observe::moment_columns.begin(), observe::moment_columns.end(),
                     [&](const auto& column) { return is_countable(times.*column.moment); });
}

/// The columns of one chunk.
class ChunkReader {
 public:
  ChunkReader(const JsonObject& chunk, LeftOut& left_out) : chunk_(chunk), left_out_(left_out) {
    start_ = TimePoint(time_of("start"));
    device_start_ = time_of("deviceStart");
    submissions_.resize(chunk.array("serial").size());
    intervals_.resize(submissions_.size());
  }

  std::vector<RecordedSubmission> read() {
    // More than this a serial can't be in the ring.
    constexpr std::uint64_t most_serial = std::numeric_limits<std::int64_t>::max();
    constexpr std::uint64_t most_thread = std::numeric_limits<std::uint32_t>::max() - 1;
    whole_numbers("serial", most_serial,
                  [](auto& each, std::uint64_t value) { each.serial = Serial(value); });
    whole_numbers("slot", max_ring_size - 1, [](auto& each, std::uint64_t value) {
      each.slot = SlotIndex{static_cast<std::uint32_t>(value)};
    });
    whole_numbers("queue", max_ring_size - 1, [](auto& each, std::uint64_t value) {
      each.queue = QueueIndex{static_cast<std::uint32_t>(value)};
    });
    whole_numbers("thread", most_thread, [](auto& each, std::uint64_t value) {
      each.thread = static_cast<std::uint32_t>(value);
    });
    whole_numbers("failed", 1, [](auto& each, std::uint64_t value) { each.failed = value == 1; });
    for (const observe::FlagColumn& column : observe::flag_columns) {
      whole_numbers(column.name, 1,
                    [&](auto& each, std::uint64_t value) { each.times.*column.flag = value == 1; });
    }
    read_labels();
    read_moments();
    read_gpu_times();
    return std::move(submissions_);
  }

 private:
  struct Parts {
    std::optional<nanoseconds> gpu_start, gpu_end, gpu_deviation, start, end;
  };

  /// A whole number of nanoseconds that is no time but for what it is added to.
  [[nodiscard]] nanoseconds time_of(std::string_view key) const {
    return time_of(chunk_.at(key), key, std::nullopt);
  }
  [[nodiscard]] nanoseconds time_of(const json& value, std::string_view key,
                                    std::optional<std::size_t> index) const {
    constexpr std::int64_t most = 2 * observe::longest_ns - 1;
    const bool fits =
        value.is_number_integer() &&
        (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{most}) &&
        value.get<std::int64_t>() >= -most && value.get<std::int64_t>() <= most;
    if (!fits) {
      chunk_.fail(index ? fmt::format("{}[{}]", key, *index) : std::string(key),
                  fmt::format("is {}; expected a whole number of ns from {} to {}",
                              text::describe(value), -most, most));
    }
    return nanoseconds(value.get<std::int64_t>());
  }

  /// Calls take(index, value) for each value of a column that is there; for null too.
  template <typename Take>
  void column(std::string_view key, const Take& take) const {
    if (!chunk_.has(key)) return;
    const json& values = chunk_.array(key);
    if (values.size() != submissions_.size()) {
      chunk_.fail(key, fmt::format("has {} entries; expected {}, as many as serial", values.size(),
                                   submissions_.size()));
    }
    std::size_t index = 0;
    for (const json& value : values) take(index++, value);
  }

  template <typename Set>
  void whole_numbers(std::string_view key, std::uint64_t most, const Set& set) {
    column(key, [&](std::size_t index, const json& value) {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
        chunk_.fail(
            fmt::format("{}[{}]", key, index),
            fmt::format("is {}; expected an integer from 0 to {}", text::describe(value), most));
      }
      set(submissions_[index], value.get<std::uint64_t>());
    });
  }

  /// Calls take(index, time) for each that is there.
  template <typename Take>
  void times(std::string_view key, const Take& take) const {
    column(key, [&](std::size_t index, const json& value) {
      if (!value.is_null()) take(index, time_of(value, key, index));
    });
  }

  void read_labels() {
    if (!chunk_.has("labels")) return;
    std::vector<std::string> labels;
    for (const json& value : chunk_.array("labels")) {
      if (!value.is_string()) {
        chunk_.fail(fmt::format("labels[{}]", labels.size()),
                    fmt::format("is {}; expected a string", text::describe(value)));
      }
      // A label may stand for many submissions, each of which gets a copy.
      const auto& label = value.get_ref<const std::string&>();
      if (label.size() > longest_recorded_label) left_out_.label();
      labels.push_back(label.substr(0, longest_recorded_label));
    }
    if (labels.empty()) return;
    if (!chunk_.has("label")) {
      for (RecordedSubmission& each : submissions_) each.label = labels.front();
      return;
    }
    whole_numbers("label", labels.size() - 1,
                  [&](auto& each, std::uint64_t value) { each.label = labels[value]; });
  }

  void read_moments() {
    const auto needed = [&](std::string_view key, TimePoint SubmissionTimes::*moment) {
      (void)chunk_.array(key);
      column(key, [&](std::size_t index, const json& value) {
        submissions_[index].times.*moment = start_ + time_of(value, key, index);
      });
    };
    needed("acquireBegin", &SubmissionTimes::acquire_begin);
    needed("acquireEnd", &SubmissionTimes::acquire_end);
    for (const observe::MomentColumn& column : observe::moment_columns) {
      times(column.name, [&](std::size_t index, nanoseconds time) {
        submissions_[index].times.*column.moment = start_ + time;
      });
    }
  }

  void read_gpu_times() {
    const auto take_into = [&](std::optional<nanoseconds> Parts::*part) {
      return [this, part](std::size_t index, nanoseconds time) { intervals_[index].*part = time; };
    };
    times("gpuStart", take_into(&Parts::gpu_start));
    times("gpuEnd", take_into(&Parts::gpu_end));
    times("gpuDeviation", take_into(&Parts::gpu_deviation));
    times("intervalStart", take_into(&Parts::start));
    times("intervalEnd", take_into(&Parts::end));
    for (std::size_t i = 0; i < submissions_.size(); ++i) join(submissions_[i], intervals_[i]);
  }

  void join(RecordedSubmission& submission, const Parts& parts) {
    if (parts.start || parts.end) {
      if (parts.start && parts.end) {
        submission.interval = {device_start_ + *parts.start, device_start_ + *parts.end};
      }
      if (!submission.interval || !observe::is_possible(*submission.interval)) {
        submission.interval.reset();
        left_out_.gpu_times();
        return;
      }
    }
    if (!parts.gpu_start && !parts.gpu_end) return;
    auto& gpu = submission.times.gpu;
    if (parts.gpu_start && parts.gpu_end) {
      gpu = {start_ + *parts.gpu_start, start_ + *parts.gpu_end,
             parts.gpu_deviation.value_or(nanoseconds(0))};
    }
    if (!gpu || gpu->end < gpu->start || gpu->deviation.count() < 0 || !is_countable(gpu->start) ||
        !is_countable(gpu->end) || !is_countable(gpu->deviation)) {
      gpu.reset();
      left_out_.gpu_times();
    }
  }

  const JsonObject& chunk_;
  LeftOut& left_out_;
  TimePoint start_;
  nanoseconds device_start_{0};
  std::vector<RecordedSubmission> submissions_;
  std::vector<Parts> intervals_;
};

std::string string_or_empty(const JsonObject& object, std::string_view key) {
  return object.has(key) ? object.string(key) : std::string();
}

std::uint32_t number_or_0(const JsonObject& object, std::string_view key, std::uint32_t most) {
  return object.has(key) ? static_cast<std::uint32_t>(object.integer(key, 0, most)) : 0;
}

/// Reads a recording. Of one whose `last_chunk_is_cut`, that one is left out.
Recording read_recording(const JsonObject& object, bool last_chunk_is_cut, LeftOut& left_out) {
  left_out.unknown_members(
      object, {"ringName", "ringSize", "queueCount", "threadCount", "dropped", "chunks"});
  Recording recording;
  recording.ring_name = string_or_empty(object, "ringName");
  recording.ring_size = number_or_0(object, "ringSize", max_ring_size);
  recording.queue_count = number_or_0(object, "queueCount", max_ring_size);
  recording.thread_count =
      number_or_0(object, "threadCount", std::numeric_limits<std::uint32_t>::max());
  if (object.has("dropped")) {
    recording.dropped = object.integer("dropped", 0, std::uint64_t{1} << 62U);
  }
  if (!object.has("chunks")) return recording;
  const json& chunks = object.array("chunks");
  const std::size_t count = chunks.size() - (last_chunk_is_cut && !chunks.empty() ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    const JsonObject chunk(chunks[i], object.file(),
                           fmt::format("{}[{}]", object.place_of("chunks"), i));
    left_out.unknown_members(
        chunk, {"start", "deviceStart", "serial", "slot", "queue", "thread", "failed", "labels",
                "label", "acquireBegin", "acquireEnd", "gpuStart", "gpuEnd", "gpuDeviation",
                "intervalStart", "intervalEnd"});
    for (RecordedSubmission& submission : ChunkReader(chunk, left_out).read()) {
      if (!all_recordable(submission.times) || !runs_forwards(submission.times)) {
        left_out.submission();
        ++recording.dropped;
        continue;
      }
      recording.ring_size = std::max(recording.ring_size, to_number(submission.slot) + 1);
      recording.queue_count = std::max(recording.queue_count, to_number(submission.queue) + 1);
      recording.thread_count = std::max(recording.thread_count, submission.thread + 1);
      recording.submissions.push_back(std::move(submission));
    }
  }
  std::stable_sort(recording.submissions.begin(), recording.submissions.end(),
                   [](const RecordedSubmission& left, const RecordedSubmission& right) {
                     return left.times.acquire_begin < right.times.acquire_begin;
                   });
  return recording;
}

/// Says in one line what is not as one would think.
std::string note_of(const RecordingFile& file, std::string_view name, std::uint64_t version,
                    const LeftOut& left_out) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? ": " : "; ") + part; };
  if (version > recording_version) {
    add(fmt::format("is of version {}, and this program knows version {}", version,
                    recording_version));
  }
  if (const std::string what = left_out.text(); !what.empty()) add("left out: " + what);
  const RecordingOrigin here = origin_here();
  if (!file.origin.host.empty() && !here.host.empty() && file.origin.host != here.host) {
    add(fmt::format("comes from another machine{}{}", file.origin.device.empty() ? "" : ", with ",
                    text::printable(file.origin.device)));
  }
  return text.empty() ? "" : std::string(name) + text;
}

}  // namespace

RecordingFile read_recordings(std::string_view text, std::string_view name) {
  if (text.empty()) throw InputError(fmt::format("{}: is empty", name));
  std::optional<text::JsonCut> cut;
  const json document = text::parse_json_beginning(text, name, cut);
  const JsonObject root(document, std::string(name));
  if (!root.has("recordingVersion")) {
    if (cut) throw InputError(fmt::format("{}: is cut short before all recordings", name));
    root.fail("recordingVersion",
              root.has("runs") ? "is missing: this is a result of cbr bench --output, and not what "
                                 "cbr bench --record writes"
                               : "is missing");
  }
  const std::uint64_t version =
      root.integer("recordingVersion", 1, std::numeric_limits<std::uint32_t>::max());
  LeftOut left_out;
  left_out.unknown_members(root, {"recordingVersion", "tool", "host", "device", "recordings"});
  RecordingFile file;
  file.origin = {.tool = string_or_empty(root, "tool"),
                 .host = string_or_empty(root, "host"),
                 .device = string_or_empty(root, "device")};
  if (cut) left_out.end();
  if (!cut || root.has("recordings")) {
    const json& recordings = root.array("recordings");
    for (std::size_t i = 0; i < recordings.size(); ++i) {
      const bool is_cut = cut && i + 1 == recordings.size();
      Recording recording =
          read_recording(JsonObject(recordings[i], root.file(), fmt::format("recordings[{}]", i)),
                         is_cut && cut->depth >= depth_of_chunk, left_out);
      // Of one that had only begun there is nothing to tell.
      if (is_cut && recording.submissions.empty()) continue;
      file.recordings.push_back(std::move(recording));
    }
  }
  file.note = note_of(file, name, version, left_out);
  return file;
}

}  // namespace cbr
