// Recordings that the user names.
#pragma once

#include <string>

#include <cbr/recording_file.h>

namespace cbr::tool {

/// Reads a recording file; "-" is standard input. `flag` is the flag or argument that names it.
/// What is left out of it is a note on standard error. Throws InputError in one line, also if no
/// recording is in it.
[[nodiscard]] RecordingFile read_recording_input(const char* flag, const std::string& name);

/// What was read of the file of that name, if there is a recording in it; otherwise throws
/// InputError. A note of it goes to standard error.
[[nodiscard]] RecordingFile require_recordings(RecordingFile file, const std::string& name);

}  // namespace cbr::tool
