#include "progress_line.h"

#include <cstdio>

#include <unistd.h>

#include "text/printable.h"

namespace cbr::tool {
namespace {

/// Back to the start of the line, and wipe it.
constexpr const char* wipe_line = "\r\x1b[K";

}  // namespace

ProgressLine::ProgressLine() : is_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::show(std::string_view text) {
  if (!is_terminal_) return;
  std::fputs(wipe_line, stderr);
  std::fputs(text::printable_line(text).c_str(), stderr);
  std::fflush(stderr);
  is_shown_ = true;
}

void ProgressLine::clear() {
  if (!is_shown_) return;
  std::fputs(wipe_line, stderr);
  std::fflush(stderr);
  is_shown_ = false;
}

}  // namespace cbr::tool
