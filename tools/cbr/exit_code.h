// How the program ends.
#pragma once

namespace cbr::tool {

/// The program's exit codes, as documented in docs/reference/cli.md.
enum ExitCode : int {
  success = 0,
  /// The work failed: a device was lost, results differed, a threshold was missed, a self-test
  /// failed.
  failure = 1,
  /// A flag or a file is wrong; nothing was run or written.
  bad_input = 2,
  /// Ctrl-C; what was complete by then has been written. 128 + SIGINT, as shells have it.
  stopped = 130,
  /// Whoever read the output went away. 128 + SIGPIPE.
  broken_pipe = 141,
};

}  // namespace cbr::tool
