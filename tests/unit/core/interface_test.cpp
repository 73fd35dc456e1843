// What the compiler can tell of the public types: what converts, moves and may throw.
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;

template <typename T>
constexpr bool moves_without_throwing =
    std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
    std::is_nothrow_destructible_v<T> && std::is_nothrow_swappable_v<T>;
template <typename T>
constexpr bool copies = std::is_copy_constructible_v<T> || std::is_copy_assignable_v<T>;

// Values that can be kept in containers and handed from thread to thread.
static_assert(moves_without_throwing<CommandBufferRing>);
static_assert(moves_without_throwing<Lease>);
static_assert(moves_without_throwing<Ticket>);
static_assert(moves_without_throwing<Sequence>);
static_assert(moves_without_throwing<CallbackHandle>);

// There is one of each.
static_assert(!copies<CommandBufferRing>);
static_assert(!copies<Lease>);
static_assert(!copies<CallbackHandle>);
// A receipt can be copied, and so can the right to add to a sequence.
static_assert(std::is_nothrow_copy_constructible_v<Ticket>);
static_assert(std::is_nothrow_copy_assignable_v<Ticket>);
static_assert(std::is_copy_constructible_v<Sequence>);

static_assert(std::is_nothrow_default_constructible_v<Lease>);
static_assert(std::is_nothrow_default_constructible_v<Ticket>);
static_assert(std::is_nothrow_default_constructible_v<Sequence>);
static_assert(std::is_nothrow_default_constructible_v<CallbackHandle>);
static_assert(!std::is_default_constructible_v<CommandBufferRing>, "a ring needs a backend");

// Small, and without a table of functions: nothing is meant to be derived from or deleted through.
static_assert(!std::is_polymorphic_v<CommandBufferRing>);
static_assert(!std::is_polymorphic_v<Lease>);
static_assert(!std::is_polymorphic_v<Ticket>);
static_assert(!std::is_polymorphic_v<Sequence>);
static_assert(!std::is_polymorphic_v<CallbackHandle>);
static_assert(sizeof(Ticket) == sizeof(void*));
static_assert(sizeof(CallbackHandle) == sizeof(void*));

// Only a ring makes leases, tickets and sequences, and nothing turns into another by accident.
static_assert(!std::is_constructible_v<Lease, std::nullptr_t, void*>);
static_assert(!std::is_constructible_v<Ticket, std::nullptr_t>);
static_assert(!std::is_constructible_v<Ticket, void*>);
static_assert(!std::is_constructible_v<Ticket, Lease>);
static_assert(!std::is_constructible_v<CallbackHandle, std::nullptr_t>);
static_assert(!std::is_constructible_v<bool, Lease>, "valid() says it");
static_assert(!std::is_constructible_v<bool, Ticket>, "valid() or done()?");
static_assert(!std::is_constructible_v<bool, CommandBufferRing>);
static_assert(!std::is_convertible_v<std::shared_ptr<Backend>, CommandBufferRing>);
static_assert(std::is_constructible_v<CommandBufferRing, std::shared_ptr<Backend>, RingOptions>);

template <typename L>
concept SubmitsFromLvalue = requires(L lease) { lease.submit(); };
template <typename L>
concept SubmitsFromRvalue = requires(L lease) { std::move(lease).submit(); };
static_assert(!SubmitsFromLvalue<Lease>, "submit() ends the lease, and the call shows it");
static_assert(SubmitsFromRvalue<Lease>);
static_assert(noexcept(std::declval<Lease&>().discard()));
static_assert(noexcept(std::declval<CallbackHandle&>().cancel()));
static_assert(noexcept(std::declval<const Lease&>().valid()));
static_assert(noexcept(std::declval<const Ticket&>().valid()));
static_assert(noexcept(std::declval<const Sequence&>().valid()));
static_assert(noexcept(std::declval<const CommandBufferRing&>().valid()));

// A limit is a duration, an optional one, or none; a number is none of these.
template <typename T>
concept IsALimit = requires(CommandBufferRing ring, Ticket ticket, T limit) {
  ring.try_acquire_for(limit);
  ticket.wait_for(limit);
};
static_assert(IsALimit<std::chrono::milliseconds>);
static_assert(IsALimit<std::chrono::duration<double>>);
static_assert(IsALimit<std::optional<std::chrono::microseconds>>);
static_assert(IsALimit<std::nullopt_t>);
static_assert(IsALimit<Timeout>);
static_assert(!IsALimit<int>);
static_assert(!IsALimit<double>);

TEST(Interface, AnAcquireTakesBracesAndDurations) {
  CommandBufferRing ring(simulated::make_gpu(),
                         {.ring_size = 1, .log_sink = [](const LogMessage& /*message*/) {}});
  ring.acquire().discard();
  ring.acquire({}).discard();
  ring.acquire({.label = "x"}).discard();
  ring.acquire({.timeout = 1ms}).discard();
  ring.acquire({.timeout = std::chrono::hours::max()}).discard();
  ring.acquire({.timeout = Timeout()}).discard();
  ring.acquire({.timeout = std::nullopt}).discard();
  ring.acquire(1ms).discard();
  ring.acquire(std::chrono::duration<double>(0.5)).discard();
  EXPECT_TRUE(ring.try_acquire());
  EXPECT_TRUE(ring.try_acquire({}));
  EXPECT_TRUE(ring.try_acquire({.timeout = 1ms}));
  EXPECT_TRUE(ring.try_acquire_for({}));
  EXPECT_TRUE(ring.try_acquire_for(std::nullopt));
  EXPECT_TRUE(ring.try_acquire_for(1ms));
  EXPECT_EQ(ring.leaked().size(), 6U) << "each was dropped";
}

TEST(Interface, AnAbsentTimeoutOfARequestIsTheRings) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 1, .timeout = 7ms});
  gpu->pause();
  const Ticket in_the_way = ring.acquire().submit();
  const TimePoint start = ring.now();
  EXPECT_THROW((void)ring.acquire({.timeout = std::nullopt}), AcquireTimeout);
  EXPECT_EQ(ring.now(), start + 7ms);
  EXPECT_THROW((void)ring.acquire({.timeout = 2ms}), AcquireTimeout);
  EXPECT_EQ(ring.now(), start + 9ms);
  EXPECT_THROW((void)ring.acquire({.timeout = 0ms}), AcquireTimeout);
  EXPECT_THROW((void)ring.acquire(-1ms), AcquireTimeout);
  EXPECT_EQ(ring.now(), start + 9ms) << "zero doesn't wait";
  gpu->release();
}

TEST(Interface, WhatWasMovedFromIsEmpty) {
  CommandBufferRing first(simulated::make_gpu(), {.ring_size = 2});
  CommandBufferRing ring(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(ring.valid());
  EXPECT_THROW((void)first.acquire(), InvalidUsage);
  EXPECT_THROW((void)first.statistics(), InvalidUsage);

  Sequence first_sequence = ring.sequence();
  Sequence sequence = std::move(first_sequence);
  EXPECT_FALSE(first_sequence.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(sequence.valid());
  EXPECT_THROW((void)first_sequence.acquire(), InvalidUsage);
  EXPECT_THROW((void)first_sequence.queue(), InvalidUsage);

  Lease first_lease = ring.acquire();
  Lease lease = std::move(first_lease);
  EXPECT_FALSE(first_lease.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(lease.valid());
  EXPECT_THROW((void)first_lease.slot(), InvalidUsage);
  EXPECT_THROW((void)std::move(first_lease).submit(), InvalidUsage);
  first_lease.discard();  // NOLINT(bugprone-use-after-move)

  Ticket first_ticket = std::move(lease).submit();
  EXPECT_FALSE(lease.valid());  // NOLINT(bugprone-use-after-move)
  const Ticket copy = first_ticket;
  Ticket ticket = std::move(first_ticket);
  EXPECT_FALSE(first_ticket.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(ticket.valid());
  EXPECT_TRUE(copy.valid());
  EXPECT_THROW((void)first_ticket.done(), InvalidUsage);

  CallbackHandle first_handle = ticket.on_complete([](const Ticket& /*ticket*/) {});
  CallbackHandle handle = std::move(first_handle);
  EXPECT_FALSE(first_handle.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(first_handle.cancel());
  ring.drain();
}

TEST(Interface, MovingToItselfChangesNothing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 2});
  CommandBufferRing& same_ring = ring;
  ring = std::move(same_ring);
  ASSERT_TRUE(ring.valid());
  Lease lease = ring.acquire();
  Lease& same_lease = lease;
  lease = std::move(same_lease);
  ASSERT_TRUE(lease.valid());
  Ticket ticket = std::move(lease).submit();
  Ticket& same_ticket = ticket;
  ticket = std::move(same_ticket);
  ASSERT_TRUE(ticket.valid());
  ticket = same_ticket;  // NOLINT(bugprone-use-after-move): the ticket itself
  ASSERT_TRUE(ticket.valid());
  ticket.wait();
  EXPECT_EQ(ring.statistics().leased, 0U);
}

TEST(Interface, AssigningEndsWhatWasThere) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 2});
  Lease first = ring.acquire();
  Lease second = ring.acquire();
  const SlotIndex slot = second.slot();
  first = std::move(second);
  EXPECT_EQ(first.slot(), slot);
  EXPECT_EQ(ring.statistics().leased, 1U) << "the slot that it had is free";
  first = Lease();
  EXPECT_EQ(ring.statistics().leased, 0U);
  EXPECT_TRUE(ring.leaked().empty()) << "on purpose";
}

}  // namespace
}  // namespace cbr
