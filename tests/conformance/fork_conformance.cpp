// A forked child: the parent's ring is not its to use, and harms nothing when it goes.
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_THREAD__)
constexpr bool thread_sanitizer = true;
#elif defined(__has_feature)
constexpr bool thread_sanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool thread_sanitizer = false;
#endif

class Fork : public RingConformance {
 protected:
  template <typename Call>
  static bool refuses(const Call& call) {
    try {
      call();
    } catch (const InvalidUsage&) {
      return true;
    } catch (...) {
      return false;
    }
    return false;
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, Fork, all_backends(), backend_name);

TEST_P(Fork, TheChildCannotUseTheRingAndHarmsNothing) {
  if (thread_sanitizer) {
    GTEST_SKIP() << "ThreadSanitizer does not follow a fork of a program with threads";
  }
  auto& ring = make_ring(4);
  Sequence sequence = ring.sequence();
  const Ticket ended = submit_one();
  ended.wait();
  harness_->pause();
  std::optional<Ticket> flying = submit_one();
  std::optional<Lease> lease = record_one();
  std::optional<Lease> other = record_one();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Nothing of GoogleTest here: the exit code is the number of the first step that failed.
    if (!refuses([&] { (void)ring.acquire(); })) _exit(1);
    if (!refuses([&] { (void)ring.try_acquire(); })) _exit(2);
    if (!refuses([&] { ring.drain(); })) _exit(3);
    if (!refuses([&] { std::move(*lease).submit(); })) _exit(4);
    if (!refuses([&] { flying->wait(); })) _exit(5);
    if (!refuses([&] { (void)flying->done(); })) _exit(6);
    if (!refuses([&] { (void)flying->wait_for(1ms); })) _exit(7);
    if (!refuses([&] { (void)ring.statistics(); })) _exit(8);
    if (!refuses([&] { ring.set_ring_size(2); })) _exit(9);
    if (!refuses([&] { (void)ring.sequence(); })) _exit(10);
    if (!refuses([&] { (void)sequence.acquire(); })) _exit(11);
    if (!refuses([&] { flying->on_complete([](const Ticket&) {}); })) _exit(12);
    if (!refuses([&] { ring.reset_statistics(); })) _exit(13);
    if (!ended.done()) _exit(14);
    lease.reset();
    other->discard();
    flying.reset();
    destroy_ring();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  // The parent has noticed nothing.
  harness_->release();
  flying->wait();
  std::move(*lease).submit().wait();
  other->discard();
  expect_equations();
}

}  // namespace
}  // namespace cbr::test
