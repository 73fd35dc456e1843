#include "unit/core/starved_operations.h"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace cbr::test {
namespace {

void await_with(Bench& bench, Attempt& attempt, const std::optional<Executor>& executor) {
  const Ticket ticket = bench.submit();
  std::atomic<int> ended = 0;
  std::atomic<bool> refused = false;
  const bool started = attempt([&] { await(ticket, executor, ended, refused); });
  expect_count(ticket, ended, started ? 1 : 0);
  EXPECT_TRUE(attempt.failed() || !refused);
}

}  // namespace

std::vector<StarvedOperation> starved_operations() {
  return {
      {"acquire and discard",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] { bench.ring().acquire({.label = "a label"}).discard(); });
       }},
      {"acquire with a limit",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] { bench.ring().acquire({.timeout = 1h}).discard(); });
       }},
      {"try_acquire",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] {
           if (auto lease = bench.ring().try_acquire()) lease->discard();
           if (auto lease = bench.ring().try_acquire_for(1ms)) lease->discard();
         });
       }},
      {"a whole step",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] {
           Lease lease = bench.ring().acquire();
           simulated::record(lease, {.execute = 10us});
           std::move(lease).submit().wait();
         });
       }},
      {"submit",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         Ticket ticket;
         const bool submitted = attempt([&] { ticket = std::move(lease).submit(); });
         EXPECT_FALSE(lease.valid());  // NOLINT(bugprone-use-after-move)
         EXPECT_EQ(ticket.valid(), submitted);
         if (submitted) ticket.wait();
       }},
      {"a submission that the driver refuses",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         simulated::record(lease, {.fault = Fault::fail_submit});
         bool refused = false;
         const bool told = attempt([&] {
           try {
             (void)std::move(lease).submit();
           } catch (const SubmitFailed&) {
             refused = true;
           }
         });
         EXPECT_EQ(refused, told);
       }},
      {"work that fails",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit({.execute = 10us, .fault = Fault::fail_execution});
         bool failed = false;
         attempt([&] {
           try {
             ticket.wait();
           } catch (const ExecutionFailed&) {
             failed = true;
           }
         });
         expect_ends(ticket);
         EXPECT_NE(ticket.error(), nullptr) << "it did not end well, whatever memory there is";
       }},
      {"work whose failure nobody asks about",
       [](Bench& bench, Attempt& attempt) {
         (void)bench.submit({.execute = 10us, .fault = Fault::fail_execution});
         attempt([&] { bench.ring().drain(); });
       }},
      {"a lease that is dropped",
       [](Bench& bench, Attempt& attempt) {
         std::optional<Lease> lease = bench.ring().acquire();
         EXPECT_TRUE(attempt([&] { lease.reset(); }));
       }},
      {"a lease that is assigned to",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         EXPECT_TRUE(attempt([&] { lease = Lease(); }));
       }},
      {"the functions of a lease",
       [](Bench& bench, Attempt& attempt) {
         Lease lease = bench.ring().acquire();
         attempt([&] {
           lease.set_label("a label that is longer than what a string has room for");
           (void)lease.slot();
           (void)lease.queue();
           (void)lease.api();
           (void)lease.native_handle();
         });
         EXPECT_TRUE(attempt([&] { lease.discard(); }) || attempt.failed());
       }},
      {"keep_alive",
       [](Bench& bench, Attempt& attempt) {
         const auto object = std::make_shared<int>(0);
         Lease lease = bench.ring().acquire();
         const bool kept = attempt([&] { lease.keep_alive(object); });
         EXPECT_EQ(object.use_count(), kept ? 2 : 1);
         std::move(lease).submit().wait();
         while (object.use_count() > 1) std::this_thread::yield();
       }},
      {"keep_alive and discard",
       [](Bench& bench, Attempt& attempt) {
         const auto object = std::make_shared<int>(0);
         attempt([&] {
           Lease lease = bench.ring().acquire();
           lease.keep_alive(object);
           lease.discard();
         });
         EXPECT_EQ(object.use_count(), 1);
       }},
      {"a sequence",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] { bench.ring().sequence(QueueIndex{0}).acquire().discard(); });
       }},
      {"a submission that waits for others",
       [](Bench& bench, Attempt& attempt) {
         const auto beside = bench.gpu->another();
         CommandBufferRing other(beside, with_sink({.ring_size = 1}));
         std::vector<Ticket> before;
         for (int i = 0; i < 6; ++i) before.push_back(bench.submit());
         Ticket ticket;
         bool submitted = false;
         {
           Lease lease = other.acquire();
           submitted =
               attempt([&] { ticket = std::move(lease).submit({.after = Dependencies(before)}); });
           // Else the list was not even made.
           if (lease.valid()) lease.discard();  // NOLINT(bugprone-use-after-move)
         }
         EXPECT_EQ(ticket.valid(), submitted);
         if (submitted) ticket.wait();
         // The slot is free either way.
         other.acquire().submit({.after = {before[0]}}).wait();
       }},
      {"what waits for a held submission",
       [](Bench& bench, Attempt& attempt) {
         const auto beside = bench.gpu->another();
         CommandBufferRing other(beside, with_sink({.ring_size = 1}));
         Sequence sequence = bench.ring().sequence();
         Lease first = sequence.acquire();
         const Ticket held = sequence.acquire().submit();
         Ticket ticket;
         {
           Lease lease = other.acquire();
           attempt([&] {
             ticket = std::move(lease).submit({.after = {held}});
             std::move(first).submit();
           });
           if (lease.valid()) lease.discard();  // NOLINT(bugprone-use-after-move)
         }
         if (first.valid()) first.discard();  // NOLINT(bugprone-use-after-move)
         expect_ends(held);
         if (ticket.valid()) expect_ends(ticket);
         other.acquire().submit().wait();
       }},
      {"acquire of a sequence",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         attempt([&] { sequence.acquire().discard(); });
         Lease lease = sequence.acquire();
         const Ticket ticket = std::move(lease).submit();
         EXPECT_TRUE(ticket.wait_for(long_enough)) << "nothing stands before it";
       }},
      {"a submission that is held back",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         Lease first = sequence.acquire();
         Lease second = sequence.acquire();
         Ticket held;
         attempt([&] { held = std::move(second).submit(); });
         std::move(first).submit().wait();
         if (held.valid()) expect_ends(held);
       }},
      {"a submission that another waits for",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         Lease first = sequence.acquire();
         Lease second = sequence.acquire();
         const Ticket held = std::move(second).submit();
         Ticket ticket;
         attempt([&] { ticket = std::move(first).submit(); });
         if (ticket.valid()) expect_ends(ticket);
         expect_ends(held);
       }},
      {"discard of what another waits for",
       [](Bench& bench, Attempt& attempt) {
         Sequence sequence = bench.ring().sequence();
         Lease first = sequence.acquire();
         Lease second = sequence.acquire();
         const Ticket held = std::move(second).submit();
         EXPECT_TRUE(attempt([&] { first.discard(); }));
         expect_ends(held);
       }},
      {"Ticket::wait",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] { ticket.wait(); });
         expect_ends(ticket);
         EXPECT_EQ(ticket.error(), nullptr);
       }},
      {"Ticket::wait with limits",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] {
           (void)ticket.wait_for(0ms);
           (void)ticket.wait_for(1ns);
           (void)ticket.wait_until(no_deadline);
         });
         expect_ends(ticket);
         EXPECT_EQ(ticket.error(), nullptr);
       }},
      {"looks at a ticket",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] {
           (void)ticket.done();
           (void)ticket.error();
           (void)ticket.gpu_interval();
           (void)ticket.gpu_end();
           (void)ticket.sync_point();
         });
         expect_ends(ticket);
       }},
      {"on_complete",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         const bool taken = attempt([&] { ticket.on_complete(counting(calls)); });
         expect_count(ticket, calls, taken ? 1 : 0);
       }},
      {"on_complete of what has ended",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         ticket.wait();
         const bool taken = attempt([&] { ticket.on_complete(counting(calls)); });
         EXPECT_EQ(calls, taken ? 1 : 0);
       }},
      {"a callback that throws",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         ticket.wait();
         attempt([&] {
           ticket.on_complete(
               [](const Ticket& /*ticket*/) { throw std::runtime_error("on purpose"); });
         });
       }},
      {"cancel",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         CallbackHandle handle = ticket.on_complete(counting(calls));
         bool canceled = false;
         EXPECT_TRUE(attempt([&] { canceled = handle.cancel(); }));
         expect_count(ticket, calls, canceled ? 0 : 1);
       }},
      {"handles that are moved and dropped",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const Ticket ticket = bench.submit();
         CallbackHandle first = ticket.on_complete(counting(calls));
         CallbackHandle second = ticket.on_complete(counting(calls));
         EXPECT_TRUE(attempt([&] {
           first = std::move(second);
           const CallbackHandle dropped = std::move(first);
         }));
         expect_count(ticket, calls, 2);
       }},
      {"co_await", [](Bench& bench, Attempt& attempt) { await_with(bench, attempt, {}); }},
      {"co_await with an executor",
       [](Bench& bench, Attempt& attempt) {
         const std::array<char, 64> ballast{};
         await_with(bench, attempt, [ballast](std::coroutine_handle<> coroutine) {
           if (!ballast.empty()) coroutine.resume();
         });
       }},
      {"acquire_async where a slot is free",
       [](Bench& bench, Attempt& attempt) {
         std::atomic<int> calls = 0;
         const bool taken = attempt([&] {
           bench.ring().acquire_async({.label = "a label"}, [&](AcquireResult result) {
             if (result.failure() == nullptr) std::move(result).lease().discard();
             ++calls;
           });
         });
         // Other threads may have had all slots at that moment.
         while (taken && calls == 0) std::this_thread::yield();
         EXPECT_EQ(calls, taken ? 1 : 0);
       }},
      {"acquire_async that waits",
       [](Bench& bench, Attempt& attempt) {
         std::vector<Lease> leases;
         while (auto lease = bench.ring().try_acquire()) leases.push_back(*std::move(lease));
         std::atomic<int> calls = 0;
         AcquireHandle handle;
         const bool taken = attempt([&] {
           handle = bench.ring().acquire_async({}, [&](AcquireResult result) {
             if (result.failure() == nullptr) std::move(result).lease().discard();
             ++calls;
           });
         });
         for (Lease& lease : leases) lease.discard();
         while (taken && calls == 0) std::this_thread::yield();
         EXPECT_FALSE(handle.cancel());
         EXPECT_EQ(calls, taken ? 1 : 0);
       }},
      {"wait_any",
       [](Bench& bench, Attempt& attempt) {
         const std::array<Ticket, 2> tickets{bench.submit(), bench.submit()};
         attempt([&] {
           EXPECT_FALSE(wait_any_for(tickets, 0ms) == 2U);
           (void)wait_any(tickets);
         });
         for (const Ticket& ticket : tickets) expect_ends(ticket);
       }},
      {"wait_all",
       [](Bench& bench, Attempt& attempt) {
         const std::array<Ticket, 2> tickets{bench.submit(), bench.submit()};
         attempt([&] {
           (void)wait_all_for(tickets, 1ns);
           wait_all(tickets);
         });
         for (const Ticket& ticket : tickets) expect_ends(ticket);
       }},
      {"waiting for empty tickets",
       [](Bench& /*bench*/, Attempt& attempt) {
         const std::array<Ticket, 2> tickets;
         attempt([&] {
           expect_refused<InvalidUsage>([&] { (void)wait_any(tickets); });
           expect_refused<InvalidUsage>([&] { wait_all(tickets); });
         });
       }},
      {"drain",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         if (attempt([&] { bench.ring().drain(); })) {
           EXPECT_TRUE(ticket.done());
         }
         expect_ends(ticket);
       }},
      {"statistics",
       [](Bench& bench, Attempt& attempt) {
         const Ticket ticket = bench.submit();
         attempt([&] { expect_equations(bench.ring().statistics()); });
       }},
      {"looks at the ring",
       [](Bench& bench, Attempt& attempt) {
         attempt([&] {
           (void)bench.ring().leaked();
           (void)bench.ring().name();
           (void)bench.ring().ring_size();
           (void)bench.ring().spin_limit();
         });
       }},
      {"set_ring_size to more, and back",
       [](Bench& bench, Attempt& attempt) {
         const std::uint32_t size = bench.ring().ring_size();
         attempt([&] { bench.ring().set_ring_size(size + 3); });
         EXPECT_GE(bench.ring().ring_size(), size);
         EXPECT_TRUE(attempt.failed() || bench.ring().ring_size() == size + 3);
         bench.ring().set_ring_size(size);
       }},
      {"set_ring_size to less, and back",
       [](Bench& bench, Attempt& attempt) {
         const std::uint32_t size = bench.ring().ring_size();
         const std::uint32_t least = bench.ring().queue_count();
         if (attempt([&] { bench.ring().set_ring_size(least); })) {
           EXPECT_EQ(bench.ring().ring_size(), least);
         }
         bench.ring().set_ring_size(size);
       }},
      {"what is not allowed",
       [](Bench& bench, Attempt& attempt) {
         Lease lease;
         const Ticket ticket;
         attempt([&] {
           expect_refused<InvalidOption>(
               [&] { (void)bench.ring().acquire({.queue = QueueIndex{9}}); });
           expect_refused<InvalidOption>([&] { (void)bench.ring().sequence(QueueIndex{9}); });
           expect_refused<InvalidOption>([&] { bench.ring().set_ring_size(0); });
           expect_refused<InvalidUsage>([&] { (void)lease.slot(); });
           expect_refused<InvalidUsage>([&] { (void)ticket.done(); });
         });
       }},
  };
}

}  // namespace cbr::test
