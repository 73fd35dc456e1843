#include "standard_output.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::tool {

void ignore_broken_pipes() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

void write_output(std::string_view text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (std::fflush(stdout) == 0 && written) return;
  if (errno == EPIPE) throw BrokenPipe();
  throw Error(fmt::format("can't write to standard output: {}", std::strerror(errno)));
}

}  // namespace cbr::tool
