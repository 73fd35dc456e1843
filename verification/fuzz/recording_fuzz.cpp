// Recordings as `cbr plan` and `cbr doctor --from` read them.
#include <sstream>
#include <string>
#include <string_view>

#include <cbr/errors.h>
#include <cbr/recording_file.h>

#include "fuzz/harness.h"

namespace cbr::fuzz {
namespace {

std::string written(const RecordingFile& file) {
  std::ostringstream text;
  write_recordings(text, file.recordings, file.origin);
  return std::move(text).str();
}

void look_at(const Recording& recording) {
  const RingStatistics statistics = statistics_of(recording);
  require(statistics.submissions == statistics.completions + statistics.failures,
          "every submission of a recording has ended");
  require(statistics.total_wait_ms >= statistics.max_wait_ms, "waits add up");
  if (!statistics.gpu) return;
  require(statistics.gpu->busy.count() >= 0 && statistics.gpu->idle.count() >= 0,
          "no time is negative");
  require(statistics.gpu->encode.count() >= 0 && statistics.gpu->submit.count() >= 0,
          "no host time is negative");
  require(statistics.gpu->idle_by_cause.total() == statistics.gpu->idle,
          "the causes add up to the idle time");
}

}  // namespace

void check(std::string_view input) {
  try {
    const RecordingFile file = read_recordings(input, "input.json");
    require(file.note.find('\n') == std::string::npos, "a note is one line");
    for (const Recording& recording : file.recordings) look_at(recording);
    const std::string text = written(file);
    require(written(read_recordings(text, "again.json")) == text,
            "what was read is written and read as it is");
  } catch (const InputError& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos,
            "an error is one line");
  }
}

}  // namespace cbr::fuzz
