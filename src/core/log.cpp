#include <fmt/format.h>

#include <cbr/log.h>

namespace cbr {

std::string_view to_string(LogLevel level) noexcept {
  return level == LogLevel::debug ? "DEBUG" : "WARNING";
}

std::string LogMessage::line() const {
  return fmt::format("[{}] {}: {}", to_string(level), ring, text);
}

}  // namespace cbr
