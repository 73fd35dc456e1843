#include "duration_flag.h"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "number_flag.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

/// In nanoseconds. "s" is the last, for the others end in it.
constexpr std::array<std::pair<std::string_view, double>, 6> units = {
    {{"ns", 1.0}, {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3}, {"ms", 1e6}, {"s", 1e9}}};

constexpr double hour_ns = 3600e9;

std::optional<double> nanoseconds_of(std::string_view text) {
  for (const auto& [unit, factor] : units) {
    if (!text.ends_with(unit)) continue;
    const std::optional<double> number = decimal_of(text.substr(0, text.size() - unit.size()));
    return number ? std::optional(*number * factor) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::chrono::nanoseconds parse_duration(std::string_view flag, std::string_view text) {
  const std::optional<double> ns = nanoseconds_of(text);
  if (ns && *ns >= 0.0 && *ns <= hour_ns) return std::chrono::nanoseconds(std::llround(*ns));
  throw InputError(fmt::format("{}: {} is not a duration from 0s to 3600s, such as 8.2ms or 300us",
                               flag, text::in_quotes(text)));
}

CLI::Option* add_duration_flag(CLI::App& app, const std::string& flag,
                               std::chrono::nanoseconds& target, const std::string& help) {
  return app
      .add_option_function<std::string>(
          flag, [&target, flag](const std::string& text) { target = parse_duration(flag, text); },
          help)
      ->type_name("TIME");
}

}  // namespace cbr::tool
