// Reads what a comparison needs from a benchmark's result file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cbr::bench {

/// One measure of one ring size in one file.
struct MeasuredValue {
  double value = 0.0;
  /// One number for each round; may be empty.
  std::vector<double> samples;
};

/// One ring size in one file, with its measures by metric name (see compare.h).
struct MeasuredRun {
  std::uint32_t ring_size = 0;
  std::string tokens_sha256;
  std::map<std::string, MeasuredValue> metrics;
};

/// A result file, as far as comparing it goes.
struct ComparableResult {
  /// The file's name, printable, for messages.
  std::string file;
  /// False if the run was stopped before its end.
  bool complete = true;
  /// "tokens" or "steps"
  std::string unit;
  /// What must be equal for a fair comparison: an object with the workload, the device and the
  /// machine as the file has them. Null: not known.
  std::shared_ptr<const nlohmann::json> conditions;
  std::vector<MeasuredRun> runs;
};

/// Reads a file that `cbr bench --output` wrote. Throws InputError in one line that names the file,
/// the place in it and what is wrong: it can't be read, is not JSON, has another schema version,
/// lacks something.
[[nodiscard]] ComparableResult read_comparable_result(const std::filesystem::path& path);

/// The largest result, in bytes.
inline constexpr std::uint64_t largest_result = std::uint64_t{256} << 20U;

/// The same for text in memory; `name` stands for the file's.
[[nodiscard]] ComparableResult parse_comparable_result(std::string_view text,
                                                       const std::string& name);

}  // namespace cbr::bench
