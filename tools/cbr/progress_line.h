// Tells a person at a terminal how far a long task is.
#pragma once

#include <string_view>

namespace cbr::tool {

/// One line on standard error that rewrites itself. Silent unless standard error is a terminal.
/// Used by one thread.
class ProgressLine {
 public:
  ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// Wipes the line.
  ~ProgressLine();

  /// Shows `text`, one line without line break, in place of what was shown before.
  void show(std::string_view text);
  /// Wipes the line, to make room for output.
  void clear();

 private:
  bool is_terminal_;
  bool is_shown_ = false;
};

}  // namespace cbr::tool
