#include "recording_input.h"

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/mapped_file.h"
#include "standard_error.h"
#include "standard_input.h"

namespace cbr::tool {
namespace {

RecordingFile read_foreign(const char* flag, const std::string& name) {
  if (is_standard(name)) {
    return read_recordings(read_standard_input(flag, largest_recording_file), input_name(name));
  }
  const decode::MappedFile file(name, largest_recording_file);
  return read_recordings(file.text(), input_name(name));
}

}  // namespace

RecordingFile read_recording_input(const char* flag, const std::string& name) {
  return require_recordings(read_foreign(flag, name), input_name(name));
}

RecordingFile require_recordings(RecordingFile file, const std::string& name) {
  if (file.recordings.empty()) {
    // The one line that there is tells why.
    throw InputError(file.note.empty() ? fmt::format("{}: has no recording", name)
                                       : fmt::format("{}; no recording is left", file.note));
  }
  if (!file.note.empty()) print_note(file.note);
  return file;
}

}  // namespace cbr::tool
