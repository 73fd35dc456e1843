// Under which different conditions two results came about.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cbr::bench {

/// A condition that two results do not share.
struct ConditionChange {
  /// Dotted: "config.decode.model". Printable, as the values are.
  std::string name;
  /// "absent", or the value, if it is short.
  std::string baseline;
  std::string candidate;
};

/// What find_condition_changes() found.
struct ConditionChanges {
  /// The first, by name.
  std::vector<ConditionChange> first;
  /// How many more there are.
  std::size_t more = 0;
};

/// Compares two objects, whose members may be objects in turn, and describes the first `most`
/// members that differ. The time is in proportion to the size of the two, whatever they hold.
[[nodiscard]] ConditionChanges find_condition_changes(const nlohmann::json& baseline,
                                                      const nlohmann::json& candidate,
                                                      std::size_t most);

}  // namespace cbr::bench
