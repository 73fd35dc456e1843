/// @file
/// Recordings as files: `cbr plan` and `cbr doctor --from` read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/recording.h>

namespace cbr {

/// The version of the form that is written. It grows with new members. A name never changes its
/// meaning, so that older and newer readers understand what they know the name of.
inline constexpr std::uint64_t recording_version = 1;

/// How much of a label a file keeps, in bytes.
inline constexpr std::size_t longest_recorded_label = 256;

/// The largest file that the program reads, in bytes.
inline constexpr std::uint64_t largest_recording_file = std::uint64_t{256} << 20U;

/// Where recordings come from. What is not known is empty.
struct RecordingOrigin {
  /// What wrote it, with its version.
  std::string tool;
  /// The machine: a number that tells one from another, and tells nothing else of it.
  std::string host;
  /// The name of the device.
  std::string device;
};

/// This library and this machine. Reads /etc/machine-id, or takes the machine's name in a network
/// where there is none; of either it keeps a hash. Blocks for no longer than that takes.
[[nodiscard]] RecordingOrigin origin_here(std::string device = {});

/// What was read.
struct RecordingFile {
  /// Where it comes from.
  RecordingOrigin origin;
  /// In the order of the file, one of each ring. Their submissions are in the order in which their
  /// slots were asked for. Times that can't be true are not among them.
  std::vector<Recording> recordings;
  /// What is left out and why, or that the file comes from another machine: one line, which begins
  /// with the file's name. Empty where all is well.
  std::string note;
};

/// Writes a recording in JSON:
///
///     std::ofstream file("steps.json");
///     cbr::write_recording(file, recorder->recording());
///
/// Labels are cut at longest_recorded_label bytes, and bytes of them that are not UTF-8 are
/// replaced. Moments further than 73 years from their clock's epoch are left out. Whether it could
/// be written, the stream tells. Blocks as the stream does.
void write_recording(std::ostream& out, const Recording& recording,
                     const RecordingOrigin& origin = origin_here());

/// Writes several into one file: those of rings that did the same work, say.
void write_recordings(std::ostream& out, std::span<const Recording> recordings,
                      const RecordingOrigin& origin = origin_here());

/// Reads what write_recordings() wrote. Nobody vouches for a file, so it is read as far as it is
/// true: one that was cut short up to the last whole part, one of another version as far as its
/// names are known, and submissions whose times can't be true are left out, as the note tells.
/// Takes time and memory in proportion to the text, and blocks on nothing.
///
/// `name` stands for the file in messages. Throws InputError in one line that names it, the place
/// and what is wrong, if it is not JSON or no recording, or if a value is of the wrong kind.
[[nodiscard]] RecordingFile read_recordings(std::string_view text, std::string_view name);

}  // namespace cbr
