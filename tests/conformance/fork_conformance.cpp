// A forked child: the parent's ring is not its to use, and harms nothing when it goes.
#include <atomic>
#include <coroutine>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <cbr/simulated.h>

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
  std::optional<Lease> other = sequence.acquire();
  std::optional<Ticket> held = sequence.acquire().submit();
  CallbackHandle handle = flying->on_complete([](const Ticket&) {});
  auto awaiter = std::make_unique<detail::LeaseAwaiter>(ring.acquire_async());
  // Holds the ring's locks at some moment of the fork, and goes on with them in the parent only.
  std::atomic<bool> end = false;
  std::thread busy([&] {
    while (!end) {
      if (auto mine = ring.try_acquire()) mine->discard();
    }
  });
  CommandBufferRing uncounted(simulated::make_gpu(), {.track_statistics = false});
  const pid_t child = fork();
  if (child != 0) {
    end = true;
    busy.join();
  }
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Whatever hangs ends here.
    alarm(60);
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
    if (!refuses([&] { lease->set_label("child"); })) _exit(15);
    if (!refuses([&] { lease->keep_alive(std::make_shared<int>(1)); })) _exit(16);
    if (!refuses([&] { (void)wait_any({&*flying, 1}); })) _exit(17);
    if (!refuses([&] { (void)wait_any_for({&*flying, 1}, 0ms); })) _exit(18);
    if (!refuses([&] { wait_all({&*flying, 1}); })) _exit(19);
    if (!refuses([&] { (void)ring.sequence(QueueIndex{0}); })) _exit(20);
    if (!refuses([&] { (void)flying->error(); })) _exit(21);
    if (handle.cancel()) _exit(22);
    if (ended.error() != nullptr) _exit(23);
    ended.wait();
    if (wait_any({&ended, 1}) != 0) _exit(24);
    bool called = false;
    ended.on_complete([&](const Ticket&) { called = true; });
    if (!called) _exit(25);
    if (!refuses([&] { (void)wait_any({&*held, 1}); })) _exit(26);
    if (!refuses([&] { (void)ring.leaked(); })) _exit(27);
    if (!refuses([&] { ring.reset(nullptr); })) _exit(28);
    if (ring.ring_size() != 4 || ring.name().empty()) _exit(29);
    {
      // A ring of the child's own can wait for what had ended, and for nothing else of the
      // parent's.
      CommandBufferRing own(simulated::make_gpu(), {.hang_warning_ms = 0});
      const DependencyOptions by_host{.allow_host_wait = true};
      if (!refuses([&] { own.acquire().submit({.after = {{*flying, by_host}}}); })) _exit(30);
      if (!refuses([&] { own.acquire().submit({.after = {{*held, by_host}}}); })) _exit(31);
      own.acquire().submit({.after = {{ended, by_host}}}).wait();
    }
    const auto unasked = [](const AcquireResult&) { _exit(34); };
    if (!refuses([&] { (void)ring.acquire_async(); })) _exit(32);
    if (!refuses([&] { (void)awaiter->await_suspend(std::noop_coroutine()); })) _exit(33);
    if (!refuses([&] { ring.acquire_async({}, unasked); })) _exit(35);
    if (!refuses([&] { sequence.acquire_async({}, unasked); })) _exit(36);
    if (!refuses([&] { (void)ring.diagnose(); })) _exit(37);
    if (!refuses([&] { (void)uncounted.diagnose(); })) _exit(38);
    awaiter.reset();
    held.reset();
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
  held->wait();
  expect_equations();
}

TEST_P(Fork, ALabelSetInTheChildNeverHangs) {
  if (thread_sanitizer) {
    GTEST_SKIP() << "ThreadSanitizer does not follow a fork of a program with threads";
  }
  auto& ring = make_ring(4);
  Lease lease = ring.acquire();
  std::atomic<bool> end = false;
  // Has the ring's state locked at many a fork.
  std::thread busy([&] {
    while (!end) ring.acquire().submit();
  });
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      _exit(refuses([&] { lease.set_label("child"); }) ? 0 : 1);
    }
    int status = 0;
    const bool waited = child > 0 && waitpid(child, &status, 0) == child;
    EXPECT_TRUE(waited && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (HasFailure()) break;
  }
  end = true;
  busy.join();
  lease.discard();
  ring.drain();
}

TEST_P(Fork, ARequestThatWaitsIsNothingToTheChild) {
  if (thread_sanitizer) {
    GTEST_SKIP() << "ThreadSanitizer does not follow a fork of a program with threads";
  }
  auto& ring = make_ring(1);
  std::optional<Lease> lease = ring.acquire();
  std::atomic<bool> called = false;
  AcquireHandle handle = ring.acquire_async({}, [&](AcquireResult result) {
    std::move(result).lease().discard();
    called = true;
  });
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Whatever hangs ends here.
    alarm(60);
    if (handle.cancel()) _exit(1);
    lease.reset();
    destroy_ring();
    _exit(called ? 2 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  lease->discard();
  EXPECT_TRUE(eventually([&] { return called.load(); }));
}

TEST(ForkInACallback, NoOtherRunsInTheChild) {
  if (thread_sanitizer) {
    GTEST_SKIP() << "ThreadSanitizer does not follow a fork of a program with threads";
  }
  const auto gpu = simulated::make_gpu();
  std::promise<pid_t> forked;
  std::promise<void> called;
  const pid_t parent = getpid();
  {
    CommandBufferRing ring(gpu, {.ring_size = 2, .hang_warning_ms = 0});
    gpu->pause();
    const Ticket first = ring.acquire().submit();
    const Ticket second = ring.acquire().submit();
    first.on_complete([&](const Ticket&) {
      const pid_t child = fork();
      if (child != 0) {
        forked.set_value(child);
        return;
      }
      // Whatever hangs ends here. Else the thread ends, and the child, which has no other.
      alarm(20);
      (void)std::atexit([] { _exit(3); });
    });
    // Behind it, on its own submission and on the next.
    first.on_complete([&](const Ticket&) {
      if (getpid() != parent) _exit(8);
    });
    second.on_complete([&](const Ticket&) {
      if (getpid() != parent) _exit(9);
      called.set_value();
    });
    gpu->release();
    called.get_future().wait();
  }
  const pid_t child = forked.get_future().get();
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

}  // namespace
}  // namespace cbr::test
