// The form of a recording file. docs/reference/recording.md says what is in it.
//
// A recording is a list of chunks, each with a column for each member of its submissions: small,
// for a name stands there once and numbers that are alike stand together. It has chunks, rather
// than one part, so that a file that lost its end loses no more than the last of them.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <cbr/submission_times.h>
#include <cbr/types.h>

namespace cbr::observe {

/// How many submissions are written into a chunk.
inline constexpr std::size_t chunk_size = 1024;

/// A moment of a submission's story that may be unknown.
struct MomentColumn {
  std::string_view name;
  TimePoint SubmissionTimes::*moment;
};

inline constexpr std::array<MomentColumn, 7> moment_columns = {{
    {"slotFree", &SubmissionTimes::slot_free},
    {"heldFrom", &SubmissionTimes::held_from},
    {"submitBegin", &SubmissionTimes::submit_begin},
    {"submitEnd", &SubmissionTimes::submit_end},
    {"gatheredUntil", &SubmissionTimes::gathered_until},
    {"dependencyEnd", &SubmissionTimes::dependency_end},
    {"noticed", &SubmissionTimes::noticed},
}};

/// Something that is so or is not.
struct FlagColumn {
  std::string_view name;
  bool SubmissionTimes::*flag;
};

inline constexpr std::array<FlagColumn, 3> flag_columns = {{
    {"waited", &SubmissionTimes::waited},
    {"heldForDependency", &SubmissionTimes::held_for_dependency},
    {"hasForeignWaits", &SubmissionTimes::has_foreign_waits},
}};

}  // namespace cbr::observe
