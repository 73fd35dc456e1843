// What recordings tell of a ring, in words.
#pragma once

#include <string>

namespace cbr::tool {

/// Reads the recordings that `--from` names, and prints what diagnose() finds in each. Returns the
/// exit code. Throws InputError as read_recording_input() does.
[[nodiscard]] int report_on_recordings(const std::string& name, bool json);

}  // namespace cbr::tool
