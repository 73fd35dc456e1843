#include "standard_output.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cbr/errors.h>

#include "text/printable.h"

namespace cbr::tool {

void ignore_broken_pipes() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

void fill_missing_streams() {
  // A new descriptor has the lowest number that is free.
  for (int file = open("/dev/null", O_RDONLY | O_NOCTTY); file >= 0; file = dup(file)) {
    if (file <= STDERR_FILENO) continue;
    close(file);
    return;
  }
}

void write_output(std::string_view data) {
  errno = 0;
  const bool written = std::fwrite(data.data(), 1, data.size(), stdout) == data.size();
  if (std::fflush(stdout) == 0 && written) return;
  if (errno == EPIPE) throw BrokenPipe();
  throw Error(fmt::format("can't write to standard output: {}", std::strerror(errno)));
}

void print_text(std::string_view text) {
  write_output(text::printable_lines(text));
}

void write_generated(std::string_view text) {
  if (isatty(STDOUT_FILENO) == 1) {
    print_text(text);
  } else {
    write_output(text);
  }
}

}  // namespace cbr::tool
