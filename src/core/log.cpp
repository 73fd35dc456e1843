#include <fmt/format.h>

#include <cbr/log.h>

namespace cbr {

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "DEBUG";
    case LogLevel::info:
      return "INFO";
    case LogLevel::warning:
      return "WARNING";
  }
  return "?";
}

std::string LogMessage::line() const {
  return fmt::format("[{}] {}: {}", to_string(level), ring, text);
}

}  // namespace cbr
