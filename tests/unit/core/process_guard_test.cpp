#include "core/process_guard.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cbr::detail {
namespace {

/// Exit code of a child that runs `body`.
template <typename Body>
int in_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ProcessGuard, TellsAChildFromItsParent) {
  const ProcessGuard guard;
  EXPECT_TRUE(guard.same_process());
  EXPECT_EQ(in_child([&] { return guard.same_process() ? 1 : 0; }), 0);
  EXPECT_TRUE(guard.same_process());
}

TEST(ProcessGuard, AChildsOwnIsGoodInTheChildAndNotInItsChildren) {
  EXPECT_EQ(in_child([] {
              const ProcessGuard own;
              if (!own.same_process()) return 1;
              return in_child([&] { return own.same_process() ? 2 : 0; });
            }),
            0);
}

}  // namespace
}  // namespace cbr::detail
