/// @file
/// Reports: recordings as a page that a browser shows. `cbr report` writes them too.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <span>

#include <cbr/recording.h>
#include <cbr/recording_file.h>

namespace cbr {

/// Writes an HTML page that shows the recordings: their time lines, rates, gaps and idle time by
/// cause, and what diagnose() finds.
///
///     std::ofstream file("report.html");
///     cbr::write_report(file, recordings);
///
/// The page holds all that it needs and loads nothing. Labels and names stay text in it, whatever
/// they say. Labels are cut at longest_recorded_label bytes. Takes time and memory in proportion to
/// the recordings. Whether it could be written, the stream tells. Blocks as the stream does.
void write_report(std::ostream& out, std::span<const Recording> recordings,
                  const RecordingOrigin& origin = origin_here());

/// Writes the page of one recording to a file, in place of what is there. Throws Error if it can't
/// be written; then the file may hold a part of it.
void write_report(const Recording& recording, const std::filesystem::path& path,
                  const RecordingOrigin& origin = origin_here());

}  // namespace cbr
