// Submissions that wait for others: of any queue and ring of the device, held or not.
#include <array>
#include <atomic>
#include <string>
#include <thread>

#include <cbr/simulated.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Two rings of one device: the ring under test, and another beside it.
class Dependency : public RingConformance {
 protected:
  void SetUp() override {
    RingConformance::SetUp();
    if (IsSkipped()) return;
    auto backend = harness_->another();
    if (backend == nullptr) {
      GTEST_SKIP() << "the GPU can't wait for work of another ring on this backend";
    }
    make_ring({.ring_size = 4, .name = "First"});
    other_.emplace(std::move(backend), RingOptions{.ring_size = 4, .name = "Other"});
  }

  Lease of_other() {
    Lease lease = other_->acquire();
    harness_->record(lease);
    return lease;
  }
  Ticket submit_to_other(SubmitOptions options = {}) {
    return of_other().submit(std::move(options));
  }
  Ticket submit_after(Dependencies after) {
    return record_one().submit({.after = std::move(after)});
  }
  /// `second` began once `first` had ended.
  static void expect_behind(const Ticket& first, const Ticket& second) {
    const auto before = first.gpu_interval();
    const auto after = second.gpu_interval();
    ASSERT_TRUE(before && after);
    EXPECT_LE(before->end, after->start);
  }
  /// What submit() says of dependencies that can't be had.
  static std::string refusal_of(Lease lease, Dependencies after) {
    try {
      std::move(lease).submit({.after = std::move(after)});
    } catch (const InvalidUsage& error) {
      EXPECT_FALSE(lease.valid());  // NOLINT(bugprone-use-after-move)
      return error.what();
    }
    return "no throw";
  }
  static std::string failure_of(const Ticket& ticket) {
    try {
      ticket.wait();
    } catch (const DependencyFailed& error) {
      EXPECT_NE(error.cause(), nullptr);
      return error.what();
    }
    return {};
  }

  std::optional<CommandBufferRing> other_;
};
INSTANTIATE_TEST_SUITE_P(Backend, Dependency, all_backends(), backend_name);

TEST_P(Dependency, WorkOfAnotherRingIsWaitedForByTheGpu) {
  harness_->pause();
  const Ticket first = submit_one();
  const Ticket second = submit_to_other({.after = {first}});
  EXPECT_EQ(second.serial().value(), 1U) << "the driver has it, and waits";
  EXPECT_FALSE(second.wait_for(1ms));
  EXPECT_FALSE(second.done());
  harness_->release();
  second.wait();
  EXPECT_TRUE(first.done());
  expect_behind(first, second);
}

TEST_P(Dependency, WorkOfTheSameQueueMayBeWaitedFor) {
  const Ticket first = submit_one();
  const Ticket second = submit_after({first});
  second.wait();
  expect_behind(first, second);
  // And what ended long ago.
  submit_after({first}).wait();
}

TEST_P(Dependency, ManyAreAllWaitedFor) {
  harness_->pause();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(submit_one());
  std::vector<Ticket> of_both = tickets;
  for (int i = 0; i < 3; ++i) of_both.push_back(submit_to_other());
  const Ticket last = of_other().submit({.after = Dependencies(of_both)});
  EXPECT_FALSE(last.wait_for(1ms));
  harness_->release();
  last.wait();
  for (const Ticket& ticket : of_both) {
    EXPECT_TRUE(ticket.done());
    expect_behind(ticket, last);
  }
}

TEST_P(Dependency, WhatIsHeldCanBeWaitedFor) {
  Sequence sequence = ring_->sequence();
  held_.push_back(sequence.acquire());
  Lease second = sequence.acquire();
  const Ticket first = std::move(second).submit();
  const Ticket after = submit_to_other({.after = {first}});
  const Ticket behind = submit_to_other({.after = {after, first}});
  EXPECT_EQ(after.serial().value(), 0U);
  EXPECT_EQ(behind.serial().value(), 0U);
  // Others are not held up.
  submit_to_other().wait();
  EXPECT_FALSE(after.done());
  EXPECT_EQ(other_->statistics().in_flight, 2U);
  std::move(held_[0]).submit();
  behind.wait();
  EXPECT_TRUE(first.done());
  EXPECT_TRUE(after.done());
  expect_behind(first, after);
  expect_behind(after, behind);
  expect_equations();
}

TEST_P(Dependency, APartOfASequenceWaitsWhenItsTurnHasCome) {
  harness_->pause();
  const Ticket first = submit_one();
  Sequence sequence = other_->sequence();
  held_.push_back(sequence.acquire());
  Lease second = sequence.acquire();
  harness_->record(second);
  const Ticket after = std::move(second).submit({.after = {first}});
  EXPECT_EQ(after.serial().value(), 0U);
  std::move(held_[0]).submit();
  EXPECT_EQ(after.serial().value(), 2U) << "the GPU waits for the rest";
  EXPECT_FALSE(after.wait_for(1ms));
  harness_->release();
  after.wait();
  expect_behind(first, after);
}

TEST_P(Dependency, WhatIsBehindInASequenceWaitsToo) {
  Sequence blocking = ring_->sequence();
  held_.push_back(blocking.acquire());
  const Ticket blocked = blocking.acquire().submit();
  Sequence sequence = other_->sequence();
  const Ticket first = sequence.acquire().submit({.after = {blocked}});
  const Ticket second = sequence.acquire().submit();
  EXPECT_EQ(first.serial().value(), 0U);
  EXPECT_EQ(second.serial().value(), 0U);
  std::move(held_[0]).submit();
  second.wait();
  EXPECT_EQ(first.serial().value(), 1U);
  EXPECT_EQ(second.serial().value(), 2U);
}

TEST_P(Dependency, AFailureReachesExactlyThoseThatDependOnIt) {
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  const Ticket failed = std::move(held_[0]).submit();
  held_.clear();
  const Ticket dependant = submit_to_other({.after = {failed}});
  const Ticket further = submit_after({dependant});
  const Ticket runs = submit_to_other({.after = {{failed, {.if_failed = IfFailed::run}}}});
  const Ticket unrelated = submit_to_other();
  const std::string text = failure_of(dependant);
  EXPECT_THAT(text,
              HasSubstr("Other: slot #0 had to wait for slot #0 of ring 'First', which failed"));
  // The first cause, and once.
  const std::string cause = text.substr(text.find("failed: "));
  EXPECT_THAT(failure_of(further), HasSubstr("of ring 'Other', which " + cause));
  EXPECT_NO_THROW(runs.wait());
  EXPECT_NO_THROW(unrelated.wait());
  EXPECT_THROW(failed.wait(), ExecutionFailed);
  EXPECT_EQ(other_->statistics().failures, 1U);
  expect_equations();
}

TEST_P(Dependency, WhatIsKnownToHaveFailedLetsNothingRun) {
  held_.push_back(record_one());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  const Ticket failed = std::move(held_[0]).submit();
  held_.clear();
  EXPECT_THROW(failed.wait(), ExecutionFailed);
  const Ticket dependant = submit_to_other({.after = {failed}});
  EXPECT_NE(failure_of(dependant), "");
  EXPECT_EQ(dependant.serial().value(), 0U) << "it never ran";
  const Ticket runs = submit_to_other({.after = {{failed, {.if_failed = IfFailed::run}}}});
  EXPECT_NO_THROW(runs.wait());
  for (int i = 0; i < 10; ++i) submit_to_other().wait();
}

TEST_P(Dependency, WhatIsHeldFailsWithWhatItWaitsFor) {
  Sequence sequence = ring_->sequence();
  held_.push_back(sequence.acquire());
  Lease second = sequence.acquire();
  harness_->record(second);
  const Ticket held = std::move(second).submit();
  const Ticket dependant = submit_to_other({.after = {held}});
  const Ticket runs = submit_to_other({.after = {{held, {.if_failed = IfFailed::run}}}});
  CBR_ARRANGE(harness_->lose_device());
  EXPECT_THROW(record_one(), DeviceLost);
  try {
    dependant.wait();
    ADD_FAILURE() << "it did not fail";
  } catch (const DependencyFailed& error) {
    EXPECT_THROW(std::rethrow_exception(error.cause()), DeviceLost);
  } catch (const DeviceLost&) {
    // Where both rings have lost the device.
  }
  // Where one ring alone has lost it, this one goes on.
  try {
    runs.wait();
  } catch (const DeviceLost&) {
    EXPECT_THROW(submit_to_other(), DeviceLost);
  }
  held_.clear();
}

TEST_P(Dependency, NothingCanWaitForItself) {
  Sequence sequence = ring_->sequence();
  Lease first = sequence.acquire();
  const Ticket second = sequence.acquire().submit();
  const Ticket by_way_of = submit_to_other({.after = {second}});
  EXPECT_THAT(refusal_of(std::move(first), {by_way_of}),
              HasSubstr("First: submit: slot #0 would wait for work that is held back behind it"));
  // The place is free, and so what was behind it goes on.
  second.wait();
  by_way_of.wait();
  for (int i = 0; i < 10; ++i) submit_one().wait();
  EXPECT_EQ(ring_->statistics().discarded, 1U);
  expect_equations();
}

TEST_P(Dependency, AnEmptyTicketIsRefused) {
  const Ticket first = submit_one();
  EXPECT_EQ(refusal_of(record_one(), {first, Ticket()}),
            "First: submit: ticket 1 of `after` is empty");
  for (int i = 0; i < 10; ++i) submit_one().wait();
  expect_equations();
}

TEST_P(Dependency, WorkOfAnotherDeviceIsWaitedForByTheHostWhereThatIsAskedFor) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing elsewhere(gpu, {.ring_size = 2, .name = "Elsewhere"});
  gpu->pause();
  Lease away = elsewhere.acquire();
  simulated::record(away, {});
  const Ticket first = std::move(away).submit();
  EXPECT_THAT(
      refusal_of(record_one(), {first}),
      HasSubstr("ticket 0 of `after`, which is slot #0 of ring 'Elsewhere' on another device; "
                "with allow_host_wait, the host waits"));
  const Ticket second = submit_after({{first, {.allow_host_wait = true}}});
  const Ticket third = submit_after({second});
  EXPECT_EQ(second.serial().value(), 0U);
  EXPECT_EQ(third.serial().value(), 0U);
  submit_one().wait();
  gpu->release();
  third.wait();
  EXPECT_TRUE(first.done());
  // Once it has ended there is nothing to wait for.
  submit_after({{first, {.allow_host_wait = true}}}).wait();
  expect_equations();
}

TEST_P(Dependency, ARingThatIsGoneHasNothingToWaitFor) {
  const Ticket first = submit_to_other();
  other_.reset();
  const Ticket second = submit_after({first});
  EXPECT_NE(second.serial().value(), 0U);
  second.wait();
}

TEST_P(Dependency, ARingMayEndWhileAnotherWaitsForItsWork) {
  harness_->pause();
  const Ticket first = submit_one();
  const Ticket second = submit_to_other({.after = {first}});
  std::thread end([&] { destroy_ring(); });
  harness_->release();
  end.join();
  second.wait();
  submit_to_other({.after = {first, second}}).wait();
}

TEST_P(Dependency, RingsThatWaitForEachOthersWorkMayEndTogether) {
  for (int i = 0; i < 20; ++i) {
    Ticket last = submit_one();
    for (int step = 0; step < 3; ++step) {
      last = submit_to_other({.after = {last}});
      last = submit_after({last});
    }
    std::thread end([&] { destroy_ring(); });
    other_.reset();
    end.join();
    EXPECT_TRUE(last.done());
    EXPECT_NO_THROW(last.wait());
    make_ring(4);
    other_.emplace(harness_->another(), RingOptions{.ring_size = 4});
  }
}

TEST_P(Dependency, ARingsEndFailsWhatWaitsForWhatMayNeverCome) {
  Sequence sequence = ring_->sequence();
  held_.push_back(sequence.acquire());
  const Ticket held = sequence.acquire().submit();
  const Ticket dependant = submit_to_other({.after = {held}});
  const Ticket runs = submit_to_other({.after = {{dependant, {.if_failed = IfFailed::run}}}});
  other_.reset();
  try {
    dependant.wait();
    ADD_FAILURE() << "it did not fail";
  } catch (const InvalidUsage& error) {
    EXPECT_THAT(error.what(), HasSubstr("Other: the ring ended while slot #0"));
  }
  EXPECT_TRUE(runs.done());
  std::move(held_[0]).submit();
  held.wait();
}

TEST_P(Dependency, ARingsEndSendsWhatWaitsForItsOwnLeases) {
  Sequence sequence = ring_->sequence();
  held_.push_back(sequence.acquire());
  const Ticket held = sequence.acquire().submit();
  const Ticket dependant = submit_after({held});
  EXPECT_EQ(dependant.serial().value(), 0U);
  destroy_ring();
  EXPECT_NO_THROW(held.wait());
  EXPECT_NO_THROW(dependant.wait());
  EXPECT_EQ(dependant.serial().value(), 2U);
}

TEST_P(Dependency, CallbacksAndKeptObjectsWaitToo) {
  harness_->pause();
  const Ticket first = submit_one();
  Lease lease = of_other();
  std::atomic<bool> gone = false;
  lease.keep_alive(std::shared_ptr<int>(new int, [&](const int* object) {
    gone = true;
    delete object;
  }));
  const Ticket second = std::move(lease).submit({.after = {first}});
  std::atomic<bool> first_was_done = false;
  second.on_complete([&](const Ticket& /*ticket*/) { first_was_done = first.done(); });
  EXPECT_FALSE(gone);
  harness_->release();
  EXPECT_TRUE(eventually([&] { return gone.load(); }));
  EXPECT_TRUE(first_was_done);
}

TEST_P(Dependency, MessagesNameWhatIsWaitedFor) {
  std::vector<std::string> lines;
  std::mutex mutex;
  other_.reset();
  other_.emplace(harness_->another(), RingOptions{.ring_size = 1,
                                                  .hang_warning_ms = 1,
                                                  .name = "Other",
                                                  .log_sink = [&](const LogMessage& message) {
                                                    const std::lock_guard lock(mutex);
                                                    lines.push_back(message.line());
                                                  }});
  Sequence sequence = ring_->sequence();
  held_.push_back(sequence.acquire());
  Lease labelled = sequence.acquire({.label = "upload"});
  const Ticket held = std::move(labelled).submit();
  const Ticket dependant = submit_to_other({.after = {held}});
  try {
    (void)other_->acquire(1ms);
    ADD_FAILURE() << "no throw";
  } catch (const AcquireTimeout& timeout) {
    EXPECT_THAT(timeout.what(),
                HasSubstr("slot #0 is held back, since it waits for slot #1 'upload' of "
                          "ring 'First', which is held back, submitted at"));
  }
  std::move(held_[0]).submit();
  dependant.wait();
  // Its watchdog may still write a line, and those go with this function.
  other_.reset();
}

class DependencyOfQueues : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, DependencyOfQueues, all_backends(), backend_name);

TEST_P(DependencyOfQueues, HoldsUpNobodyElse) {
  CBR_NEED_QUEUES(2);
  if (harness_->another() == nullptr)
    GTEST_SKIP() << "the GPU can't wait for work of another queue";
  make_ring(8);
  held_.push_back(record_one({.queue = QueueIndex{0}}));
  CBR_ARRANGE(harness_->hang(held_[0]));
  const Ticket first = std::move(held_[0]).submit();
  held_.clear();
  const Ticket second = submit_one({.queue = QueueIndex{1}});
  Lease lease = record_one({.queue = QueueIndex{1}});
  const Ticket after = std::move(lease).submit({.after = {first}});
  second.wait();
  EXPECT_FALSE(after.wait_for(1ms));
  harness_->release();
  after.wait();
  EXPECT_TRUE(first.done());
  expect_equations();
}

TEST_P(DependencyOfQueues, MayBeLeftAtTheRingsEnd) {
  CBR_NEED_QUEUES(2);
  if (harness_->another() == nullptr)
    GTEST_SKIP() << "the GPU can't wait for work of another queue";
  make_ring(8);
  // What is waited for stands on the queue that the end looks at last, and the other way round.
  Ticket last;
  for (int i = 0; i < 4; ++i) {
    for (const std::uint32_t queue : {1U, 0U}) {
      Lease lease = record_one({.queue = QueueIndex{queue}});
      last = last.valid() ? std::move(lease).submit({.after = {last}}) : std::move(lease).submit();
    }
  }
  destroy_ring();
  EXPECT_NO_THROW(last.wait());
}

TEST_P(Dependency, ManyThreadsBuildGraphsOfWork) {
  constexpr int steps = 60;
  std::atomic<int> wrong = 0;
  const auto work = [&](unsigned seed) {
    std::uint32_t random = seed;
    const auto draw = [&](std::uint32_t below) {
      random = random * 1664525U + 1013904223U;
      return (random >> 16) % below;
    };
    std::vector<Ticket> mine;
    for (int i = 0; i < steps; ++i) {
      CommandBufferRing& ring = draw(2) == 0 ? *ring_ : *other_;
      Dependencies after;
      for (std::uint32_t n = draw(6); n > 0 && !mine.empty(); --n) {
        after.add(mine[mine.size() - 1 -
                       draw(static_cast<std::uint32_t>(std::min<std::size_t>(mine.size(), 6)))]);
      }
      if (draw(4) == 0) {
        Sequence sequence = ring.sequence();
        Lease first = sequence.acquire();
        Lease second = sequence.acquire();
        harness_->record(first);
        harness_->record(second);
        mine.push_back(std::move(second).submit({.after = after}));
        // On work that is held as well.
        mine.push_back(std::move(first).submit({.after = std::move(after)}));
      } else {
        Lease lease = ring.acquire();
        harness_->record(lease);
        mine.push_back(std::move(lease).submit({.after = std::move(after)}));
      }
    }
    for (const Ticket& ticket : mine) {
      if (!ticket.wait_for(60s)) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; ++i) threads.emplace_back(work, i + 1);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  ring_->drain();
  other_->drain();
  expect_equations();
  EXPECT_EQ(ring_->statistics().in_flight, 0U);
  EXPECT_EQ(other_->statistics().in_flight, 0U);
}

}  // namespace
}  // namespace cbr::test
