#include <algorithm>
#include <array>

#include <cbr/gpu_activity.h>

namespace cbr {
namespace {

constexpr std::array<std::string_view, gap_cause_count> names = {
    "application", "slot_wait", "wake_up", "encode", "submit", "dependency", "device", "unknown"};

}  // namespace

std::string_view to_string(GapCause cause) noexcept {
  const auto index = static_cast<std::size_t>(cause);
  return index < names.size() ? names[index] : "?";
}

std::optional<GapCause> parse_gap_cause(std::string_view name) noexcept {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<GapCause>(found - names.begin());
}

}  // namespace cbr
