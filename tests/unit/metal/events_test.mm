// Events of the program's that submissions wait for and signal, and what they signal for others.
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/sequence.h>
#include <cbr/simulated.h>

#include "support/eventually.h"
#include "unit/metal/metal_ring.h"

namespace cbr::metal {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Events : public testing::TestWithParam<Generation> {
 protected:
  Events() {
    @autoreleasepool {
      event_ = [(__bridge id<MTLDevice>)device_->handle() newSharedEvent];
      other_event_ = [(__bridge id<MTLDevice>)device_->handle() newSharedEvent];
    }
  }
  ~Events() override {
    // Whatever still waits.
    event_.signaledValue = 1000;
    other_event_.signaledValue = 1000;
  }

  [[nodiscard]] std::shared_ptr<Device> open(std::uint32_t max_command_buffers = 64) const {
    return Device::open({.generation = GetParam(), .max_command_buffers = max_command_buffers});
  }
  [[nodiscard]] CommandBufferRing ring(const RingOptions& options = {.ring_size = 2},
                                       const BackendOptions& backend = {}) const {
    return CommandBufferRing(make_backend(open(), backend), options);
  }
  static void* handle_of(const Lease& lease) { return lease.native_handle(); }
  [[nodiscard]] bool is_metal4() const { return GetParam() == Generation::metal4; }
  /// The lease's work fails, and on Metal 4 the queue's signal with it.
  void fail(const Lease& lease) const {
    metal_fake::fail(handle_of(lease), {.code = 1});
    if (is_metal4()) metal_fake::lose_next_signal();
  }
  /// The GPU has got to where all else has run.
  static void let_others_run() {
    CommandBufferRing other(make_backend(Device::open()), {.ring_size = 1});
    other.acquire().submit().wait();
  }
  [[nodiscard]] SharedEvent at(std::uint64_t value) const {
    return {(__bridge void*)event_, value};
  }
  [[nodiscard]] SharedEvent other_at(std::uint64_t value) const {
    return {(__bridge void*)other_event_, value};
  }

  const std::shared_ptr<Device> device_ = Device::open();
  id<MTLSharedEvent> event_ = nil;
  id<MTLSharedEvent> other_event_ = nil;
};
INSTANTIATE_TEST_SUITE_P(Generation, Events,
                         testing::Values(Generation::metal3, Generation::metal4),
                         [](const testing::TestParamInfo<Generation>& generation) {
                           return generation.param == Generation::metal3 ? "metal3" : "metal4";
                         });

TEST_P(Events, WorkWaitsForThem) {
  CommandBufferRing waiting = ring();
  const Ticket ticket = submit(waiting.acquire(), {.wait = {at(3), other_at(2)}});
  EXPECT_EQ(ticket.serial().value(), 1U) << "the driver has it";
  let_others_run();
  event_.signaledValue = 3;
  let_others_run();
  EXPECT_FALSE(ticket.done());
  other_event_.signaledValue = 2;
  ticket.wait();
  // The next is not held up by what that one waited for.
  waiting.acquire().submit().wait();
}

TEST_P(Events, AreSignalledOnceTheWorkHasEnded) {
  CommandBufferRing signalling = ring();
  metal_fake::hold();
  const Ticket ticket = submit(signalling.acquire(), {.signal = {at(5), other_at(1)}});
  EXPECT_EQ(event_.signaledValue, 0U);
  metal_fake::release();
  ticket.wait();
  EXPECT_TRUE(test::eventually([&] { return event_.signaledValue == 5; }));
  EXPECT_TRUE(test::eventually([&] { return other_event_.signaledValue == 1; }));
  // For that submission alone.
  signalling.acquire().submit().wait();
  EXPECT_EQ(event_.signaledValue, 5U);
}

TEST_P(Events, OneMayBeWaitedForAndSignalledHigher) {
  CommandBufferRing both = ring();
  const Ticket ticket = submit(both.acquire(), {.wait = {at(1)}, .signal = {at(2)}});
  event_.signaledValue = 1;
  ticket.wait();
  EXPECT_TRUE(test::eventually([&] { return event_.signaledValue == 2; }));
}

TEST_P(Events, MayBeTheGpusAlone) {
  CommandBufferRing first = ring();
  CommandBufferRing second = ring();
  id<MTLEvent> event = nil;
  @autoreleasepool {
    event = [(__bridge id<MTLDevice>)device_->handle() newEvent];
  }
  const Ticket waits = submit(first.acquire(), {.wait = {{(__bridge void*)event, 1}}});
  const Ticket signals = submit(second.acquire(), {.signal = {{(__bridge void*)event, 1}}});
  // Kept until the work has ended.
  event = nil;
  waits.wait();
  EXPECT_TRUE(signals.wait_for(10s));
}

TEST_P(Events, AreKeptUntilTheWorkHasEnded) {
  BackendOptions unretained;
  unretained.retained_references = false;
  CommandBufferRing both = ring({.ring_size = 2}, unretained);
  metal_fake::hold();
  Ticket ticket;
  @autoreleasepool {
    const id<MTLSharedEvent> waited = [(__bridge id<MTLDevice>)device_->handle() newSharedEvent];
    const id<MTLSharedEvent> signalled = [(__bridge id<MTLDevice>)device_->handle() newSharedEvent];
    ticket = submit(both.acquire(), {.wait = {{(__bridge void*)waited, 1}},
                                     .signal = {{(__bridge void*)signalled, 1}}});
    waited.signaledValue = 1;
  }
  // Metal ends the program if they are gone.
  metal_fake::release();
  ticket.wait();
}

TEST_P(Events, ComeWithALeaseThatIsHeldBack) {
  CommandBufferRing held = ring({.ring_size = 3});
  Sequence sequence = held.sequence();
  Lease first = sequence.acquire();
  const Ticket second = submit(sequence.acquire(), {.wait = {at(1)}, .signal = {other_at(1)}});
  // A wait that came too early would hold up the first.
  EXPECT_EQ(second.serial().value(), 0U);
  metal_fake::wait_until_idle();
  EXPECT_EQ(other_event_.signaledValue, 0U) << "signalled before the work was sent";
  std::move(first).submit().wait();
  EXPECT_FALSE(second.done());
  event_.signaledValue = 1;
  second.wait();
  EXPECT_TRUE(test::eventually([&] { return other_event_.signaledValue == 1; }));
}

TEST_P(Events, GoWithALeaseThatIsDropped) {
  CommandBufferRing held = ring({.ring_size = 2});
  EXPECT_THROW(
      submit(held.acquire(), {.after = {Ticket()}, .wait = {at(1)}, .signal = {other_at(1)}}),
      InvalidUsage);
  // The slots' next submissions know nothing of them.
  for (int i = 0; i < 4; ++i) held.acquire().submit().wait();
  metal_fake::wait_until_idle();
  EXPECT_EQ(other_event_.signaledValue, 0U);
}

TEST_P(Events, AreSignalledByWorkThatFails) {
  CommandBufferRing failing = ring();
  Lease lease = failing.acquire();
  fail(lease);
  const Ticket ticket = submit(std::move(lease), {.signal = {at(5)}});
  EXPECT_THROW(ticket.wait(), ExecutionFailed);
  EXPECT_EQ(event_.signaledValue, 5U);
}

TEST_P(Events, ThatNeverComeAreNamed) {
  std::vector<std::string> lines;
  std::mutex mutex;
  CommandBufferRing waiting = ring({.ring_size = 1,
                                    .hang_warning_ms = 1,
                                    .name = "Waiting",
                                    .log_sink = [&](const LogMessage& message) {
                                      const std::lock_guard lock(mutex);
                                      lines.push_back(message.line());
                                    }});
  CommandBufferRing signalling = ring({.ring_size = 1});
  metal_fake::lose_next_signal();
  submit(signalling.acquire(), {.signal = {at(7)}}).wait();
  const Ticket ticket = submit(waiting.acquire(), {.wait = {at(7)}});
  const std::string event = fmt::format("shared event {} at 7", (__bridge void*)event_);
  EXPECT_THAT([&] { (void)waiting.acquire(1ms); },
              ThrowsMessage<AcquireTimeout>(HasSubstr("waiting for the program's " + event)));
  EXPECT_TRUE(test::eventually([&] {
    const std::lock_guard lock(mutex);
    return !lines.empty();
  }));
  {
    const std::lock_guard lock(mutex);
    EXPECT_THAT(lines.at(0), AllOf(HasSubstr("is in flight with serial 1 on queue 0"),
                                   HasSubstr("waiting for the program's " + event)));
  }
  event_.signaledValue = 7;
  ticket.wait();
}

TEST_P(Events, MayComeLate) {
  CommandBufferRing waiting = ring();
  CommandBufferRing signalling = ring();
  metal_fake::hold_signals();
  submit(signalling.acquire(), {.signal = {at(1)}}).wait();
  const Ticket ticket = submit(waiting.acquire(), {.wait = {at(1)}});
  signalling.acquire().submit().wait();
  EXPECT_FALSE(ticket.done());
  metal_fake::release_signals();
  ticket.wait();
}

// What is refused, and how. Nothing has happened then, and the slot is free.
class BadEvents : public Events {
 protected:
  template <typename Error>
  void expect_refused(const SubmitOptions& options, const std::string& text) {
    CommandBufferRing one = ring({.ring_size = 1});
    EXPECT_THAT([&] { submit(one.acquire(), options); }, ThrowsMessage<Error>(HasSubstr(text)));
    EXPECT_EQ(metal_fake::completed_buffers(), 0U);
    EXPECT_EQ(one.statistics().discarded, 1U);
    one.acquire().submit().wait();
    metal_fake::reset();
    EXPECT_EQ(event_.signaledValue, 0U);
  }
};
INSTANTIATE_TEST_SUITE_P(Generation, BadEvents,
                         testing::Values(Generation::metal3, Generation::metal4),
                         [](const testing::TestParamInfo<Generation>& generation) {
                           return generation.param == Generation::metal3 ? "metal3" : "metal4";
                         });

TEST_P(BadEvents, NullIsNone) {
  expect_refused<InvalidUsage>({.wait = {at(1), {nullptr, 1}}},
                               "metal::submit: the event of wait[1] is null");
  expect_refused<InvalidUsage>({.signal = {{nullptr, 1}}},
                               "metal::submit: the event of signal[0] is null");
}

TEST_P(BadEvents, ZeroCantBeSignalled) {
  expect_refused<InvalidOption>({.signal = {at(1), other_at(0)}},
                                "the value of signal[1] is 0, where an event begins");
}

TEST_P(BadEvents, OneIsSignalledOnce) {
  expect_refused<InvalidUsage>({.signal = {at(1), other_at(1), at(2)}},
                               "signal[2] names the event of signal[0]");
}

TEST_P(BadEvents, WorkCantWaitForItself) {
  // Both have come, so that nothing hangs where this is not refused.
  event_.signaledValue = 4;
  other_event_.signaledValue = 1;
  CommandBufferRing one = ring({.ring_size = 1});
  EXPECT_THAT(
      [&] {
        submit(one.acquire(), {.wait = {other_at(1), at(4)}, .signal = {at(4)}});
      },
      ThrowsMessage<InvalidUsage>(HasSubstr("signal[0] signals 4 to the event that wait[1] waits "
                                            "for to have 4; an event only rises")));
  EXPECT_THAT([&] { submit(one.acquire(), {.wait = {at(4)}, .signal = {at(3)}}); },
              ThrowsMessage<InvalidUsage>(HasSubstr("signals 3 to the event")));
  submit(one.acquire(), {.wait = {at(4)}, .signal = {at(5)}}).wait();
}

TEST_P(BadEvents, ThereAreSoMany) {
  const std::vector<SharedEvent> most(max_events, at(1));
  std::vector<SharedEvent> more = most;
  more.push_back(at(1));
  expect_refused<InvalidOption>({.wait = more}, "wait names 65 events, allowed are at most 64");
  expect_refused<InvalidOption>({.signal = more}, "signal names 65 events");
  CommandBufferRing one = ring({.ring_size = 1});
  event_.signaledValue = 1;
  submit(one.acquire(), {.wait = most}).wait();
}

TEST_P(BadEvents, AnotherDevicesIsOfNoUse) {
  @autoreleasepool {
    // The system's device is one object as long as somebody has it: this makes another.
    id<MTLDevice> other = [[(Class)[(NSObject*)(__bridge id)device_->handle() class] alloc] init];
    id<MTLEvent> event = [other newEvent];
    expect_refused<InvalidUsage>({.wait = {{(__bridge void*)event, 1}}},
                                 "the event of wait[0] belongs to the device");
    // A shared one is any device's.
    id<MTLSharedEvent> shared = [other newSharedEvent];
    CommandBufferRing one = ring({.ring_size = 1});
    submit(one.acquire(), {.signal = {{(__bridge void*)shared, 1}}}).wait();
  }
}

TEST_P(BadEvents, TheLeaseIsOfMetal) {
  EXPECT_THAT([&] { submit(Lease(), {}); },
              ThrowsMessage<InvalidUsage>(HasSubstr("metal::submit on an empty lease")));
  CommandBufferRing elsewhere(simulated::make_gpu(), {.ring_size = 1});
  EXPECT_THAT([&] { submit(elsewhere.acquire(), {}); },
              ThrowsMessage<InvalidUsage>(
                  HasSubstr("metal::submit: the lease belongs to a ring of another API")));
  Lease free = elsewhere.acquire();
  free.discard();
}

/// Rings whose work others can wait for.
class Timelines : public Events {
 protected:
  [[nodiscard]] static BackendOptions on(bool retained = true) {
    BackendOptions options;
    options.timelines = true;
    options.retained_references = retained;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Generation, Timelines,
                         testing::Values(Generation::metal3, Generation::metal4),
                         [](const testing::TestParamInfo<Generation>& generation) {
                           return generation.param == Generation::metal3 ? "metal3" : "metal4";
                         });

TEST_P(Timelines, AreOffUnlessAskedFor) {
  CommandBufferRing first = ring({.ring_size = 2, .name = "First"});
  CommandBufferRing second = ring({.ring_size = 2, .name = "Second"}, on());
  const Ticket ticket = first.acquire().submit();
  EXPECT_THAT(
      [&] { second.acquire().submit({.after = {ticket}}); },
      ThrowsMessage<InvalidUsage>(HasSubstr(
          "ticket 0 of `after`, which is slot #0 of ring 'First' and not both backends have "
          "timelines; with allow_host_wait, the host waits")));
  EXPECT_THAT([&] { (void)timeline_point(ticket); },
              ThrowsMessage<InvalidUsage>(HasSubstr("BackendOptions::timelines")));
  EXPECT_TRUE(ticket.wait_for(10s));
}

TEST_P(Timelines, AnyoneMayWaitForAPoint) {
  CommandBufferRing first = ring({.ring_size = 2}, on());
  metal_fake::hold();
  const Ticket one = first.acquire().submit();
  const Ticket two = first.acquire().submit();
  const SharedEventPoint point = timeline_point(one);
  const SharedEventPoint second = timeline_point(two);
  EXPECT_NE(point.event, second.event) << "the second may end first";
  EXPECT_EQ(second.value, 2U);
  CommandBufferRing other = ring();
  const Ticket waits = submit(other.acquire(), {.wait = {{point.event, point.value}}});
  EXPECT_FALSE(waits.done());
  metal_fake::release();
  waits.wait();
  EXPECT_TRUE(one.wait_for(10s));
  // And once the slot has gone on.
  first.acquire().submit().wait();
  EXPECT_EQ(timeline_point(one).event, point.event);
  @autoreleasepool {
    EXPECT_GE(((__bridge id<MTLSharedEvent>)point.event).signaledValue, point.value);
  }
}

TEST_P(Timelines, APointOutlivesItsRing) {
  std::optional<CommandBufferRing> first = ring({.ring_size = 2}, on());
  const Ticket ticket = first->acquire().submit();
  const SharedEventPoint point = timeline_point(ticket);
  first.reset();
  CommandBufferRing other = ring();
  submit(other.acquire(), {.wait = {{point.event, point.value}}}).wait();
  EXPECT_THAT([&] { (void)timeline_point(ticket); },
              ThrowsMessage<InvalidUsage>(HasSubstr("the ticket's ring has ended")));
}

TEST_P(Timelines, ThereIsNoPointOfWhatIsNotSent) {
  EXPECT_THROW((void)timeline_point(Ticket()), InvalidUsage);
  CommandBufferRing first = ring({.ring_size = 2}, on());
  Sequence sequence = first.sequence();
  Lease lease = sequence.acquire();
  const Ticket held = sequence.acquire().submit();
  EXPECT_THAT([&] { (void)timeline_point(held); },
              ThrowsMessage<InvalidUsage>(HasSubstr("still held back, or never ran")));
  std::move(lease).submit();
  EXPECT_EQ(timeline_point(held).value, 2U);
  CommandBufferRing elsewhere(simulated::make_gpu(), {.ring_size = 1});
  const Ticket simulated = elsewhere.acquire().submit();
  EXPECT_THAT([&] { (void)timeline_point(simulated); },
              ThrowsMessage<InvalidUsage>(HasSubstr("a ring of another API")));
}

TEST_P(Timelines, FailedWorkHoldsUpNobody) {
  CommandBufferRing first = ring({.ring_size = 2}, on());
  CommandBufferRing second = ring({.ring_size = 2}, on());
  metal_fake::hold();
  Lease lease = first.acquire();
  fail(lease);
  const Ticket failing = std::move(lease).submit();
  const Ticket dependant = second.acquire().submit({.after = {failing}});
  const Ticket runs = second.acquire().submit({.after = {{failing, {.if_failed = IfFailed::run}}}});
  metal_fake::release();
  EXPECT_THROW(dependant.wait(), DependencyFailed);
  EXPECT_NO_THROW(runs.wait());
  EXPECT_THROW(failing.wait(), ExecutionFailed);
}

TEST_P(Timelines, BothGenerationsWaitForEachOther) {
  CommandBufferRing first = ring({.ring_size = 2}, on());
  CommandBufferRing other(
      make_backend(
          Device::open({.generation = is_metal4() ? Generation::metal3 : Generation::metal4}),
          on()),
      {.ring_size = 2});
  metal_fake::hold();
  const Ticket one = first.acquire().submit();
  const Ticket two = other.acquire().submit({.after = {one}});
  const Ticket three = first.acquire().submit({.after = {two}});
  EXPECT_EQ(three.serial().value(), 2U) << "the GPU waits";
  EXPECT_FALSE(three.done());
  metal_fake::release();
  three.wait();
  EXPECT_TRUE(two.done());
}

TEST_P(Timelines, WhatHasEndedIsNotWaitedFor) {
  CommandBufferRing first = ring({.ring_size = 1}, on());
  CommandBufferRing second = ring({.ring_size = 1}, on());
  const Ticket ended = first.acquire().submit();
  ended.wait();
  metal_fake::wait_until_idle();
  const std::size_t before = metal_fake::completed_buffers();
  second.acquire().submit({.after = {ended}}).wait();
  metal_fake::wait_until_idle();
  EXPECT_EQ(metal_fake::completed_buffers(), before + 1) << "a buffer of its own to wait";
}

TEST_P(Timelines, ARingThatGrowsAndShrinksKeepsItsPoints) {
  CommandBufferRing first = ring({.ring_size = 1}, on(false));
  CommandBufferRing second = ring({.ring_size = 2}, on(false));
  for (std::uint32_t size : {3U, 1U, 4U, 2U}) {
    first.set_ring_size(size);
    for (int i = 0; i < 5; ++i) {
      const Ticket ticket = first.acquire().submit();
      second.acquire().submit({.after = {ticket}}).wait();
      EXPECT_TRUE(ticket.done());
    }
    first.drain();
  }
}

// Metal 3 alone: a wait takes a command buffer of its own.

TEST(Metal3Events, AWaitNeedsAPlaceOfTheQueues) {
  @autoreleasepool {
    const auto device = Device::open({.max_command_buffers = 3});
    const id<MTLSharedEvent> event = [(__bridge id<MTLDevice>)device->handle() newSharedEvent];
    event.signaledValue = 1;
    const SubmitOptions wait{.wait = {{(__bridge void*)event, 1}}};
    {
      CommandBufferRing two(make_backend(device), {.ring_size = 2});
      EXPECT_THAT([&] { submit(two.acquire(), wait); },
                  ThrowsMessage<InvalidOption>(HasSubstr(
                      "CommandRing: ring_size is 2, which takes 4 command buffers of a Metal queue "
                      "where submissions wait for events; its max_command_buffers is 3")));
      // Events that are signalled take none.
      submit(two.acquire(), {.signal = {{(__bridge void*)event, 2}}}).wait();
    }
    // To the brim: a slot is free only once its wait has no place any more, too.
    CommandBufferRing one(make_backend(Device::open({.max_command_buffers = 2})), {.ring_size = 1});
    for (int i = 0; i < 50; ++i) submit(one.acquire(), wait);
    one.drain();
    one.set_ring_size(1);
    EXPECT_THROW(one.set_ring_size(2), InvalidOption) << "any slot may wait from now on";
    BackendOptions timelines;
    timelines.timelines = true;
    EXPECT_THROW(CommandBufferRing(make_backend(device, timelines), {.ring_size = 2}),
                 InvalidOption);
  }
}

TEST(Metal3Events, AWaitThatCantBeMadeFailsTheSubmission) {
  @autoreleasepool {
    CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 1});
    const id<MTLSharedEvent> event = [MTLCreateSystemDefaultDevice() newSharedEvent];
    Lease lease = ring.acquire();
    metal_fake::return_nil(metal_fake::Creation::command_buffer);
    EXPECT_THAT(
        [&] {
          submit(std::move(lease),
                 {.wait = {{(__bridge void*)event, 1}}, .signal = {{(__bridge void*)event, 2}}});
        },
        ThrowsMessage<BackendError>(HasSubstr("-[MTLCommandQueue commandBuffer] returned nil")));
    const Ticket next = ring.acquire().submit();
    next.wait();
    EXPECT_EQ(next.serial().value(), 1U);
    EXPECT_EQ(event.signaledValue, 0U);
  }
}

TEST(Metal3Events, AWaitThatFailsFailsTheWork) {
  @autoreleasepool {
    CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 1});
    const id<MTLSharedEvent> event = [MTLCreateSystemDefaultDevice() newSharedEvent];
    event.signaledValue = 1;
    metal_fake::fail_next({.code = MTLCommandBufferErrorTimeout});
    EXPECT_THAT(
        failure_of<ExecutionFailed>(submit(ring.acquire(), {.wait = {{(__bridge void*)event, 1}}})),
        HasSubstr("CommandRing #0: its wait for events: MTLCommandBufferErrorTimeout (2)"));
    ring.acquire().submit().wait();
  }
}

TEST(Metal3Events, WhatTheProgramCommittedIsSignalledAllTheSame) {
  Warnings warnings;
  BackendOptions options = warnings.options();
  options.timelines = true;
  CommandBufferRing first(make_backend(Device::open(), options), {.ring_size = 2});
  CommandBufferRing second(make_backend(Device::open(), options), {.ring_size = 2});
  for (const bool ended : {false, true}) {
    Lease lease = first.acquire();
    @autoreleasepool {
      if (!ended) metal_fake::hold();
      [native(lease) commit];
      if (ended) [native(lease) waitUntilCompleted];
    }
    const Ticket ticket = std::move(lease).submit();
    const Ticket dependant = second.acquire().submit({.after = {ticket}});
    metal_fake::release();
    dependant.wait();
    EXPECT_TRUE(ticket.wait_for(10s));
  }
}

}  // namespace
}  // namespace cbr::metal
