// What outlives its ring, and what races its end.
#include <array>
#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"
#include "conformance/hooked_backend.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class Outlive : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Outlive, all_backends(), backend_name);

TEST_P(Outlive, ALeaseCanBeRecordedIntoAfterTheRingsEnd) {
  auto& ring = make_ring(2);
  held_.push_back(ring.acquire());
  void* const handle = held_[0].native_handle();
  destroy_ring();
  EXPECT_EQ(held_[0].native_handle(), handle);
  harness_->record(held_[0]);
  EXPECT_EQ(held_[0].backend().api(), held_[0].api());
  held_[0].set_label("late");
  EXPECT_THROW(std::move(held_[0]).submit(), InvalidUsage);
}

TEST_P(Outlive, ManyLeasesAreRecordedIntoWhileTheRingEnds) {
  for (int round = 0; round < 20; ++round) {
    auto& ring = make_ring(4);
    std::vector<std::thread> threads;
    std::latch started(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, lease = ring.acquire()]() mutable {
        harness_->record(lease);
        started.count_down();
        for (int j = 0; j < 50; ++j) {
          lease.set_label("on");
          lease.keep_alive(std::make_shared<int>(j));
        }
        lease.discard();
      });
    }
    started.wait();
    destroy_ring();
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_P(Outlive, AnObjectGivenAfterTheRingsEndGoesWithTheLease) {
  auto& ring = make_ring(2);
  const Ticket ticket = submit_one();
  Lease lease = ring.acquire();
  destroy_ring();
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = object;
  lease.keep_alive(std::move(object));
  EXPECT_FALSE(watch.expired());
  lease.discard();
  // The ticket keeps what is left of the ring.
  EXPECT_TRUE(watch.expired());
  EXPECT_TRUE(ticket.done());
  EXPECT_NO_THROW(ticket.on_complete([](const Ticket&) {}));
}

TEST_P(Outlive, ASequenceRefusesAfterTheRingsEnd) {
  auto& ring = make_ring(2);
  Sequence sequence = ring.sequence();
  destroy_ring();
  EXPECT_TRUE(sequence.valid());
  EXPECT_THROW((void)sequence.acquire(), InvalidUsage);
  EXPECT_EQ(sequence.queue(), QueueIndex{0});
}

TEST_P(Outlive, ASequenceThatWaitsForASlotIsToldOfTheEnd) {
  auto& ring = make_ring(1);
  Sequence sequence = ring.sequence();
  held_.push_back(ring.acquire());
  std::thread thread([&] { EXPECT_THROW((void)sequence.acquire(), InvalidUsage); });
  EXPECT_TRUE(waits(1));
  destroy_ring();
  thread.join();
}

TEST(OutliveNative, ObjectsGoWithTheLeaseAndOnlyThoseOfLeasedSlots) {
  struct Watched final : NativeSlot {
    Watched(std::unique_ptr<NativeSlot> its_inner, int& its_count)
        : inner(std::move(its_inner)), count(its_count) {}
    ~Watched() override { ++count; }
    std::unique_ptr<NativeSlot> inner;
    int& count;
  };
  int destroyed = 0;
  std::vector<std::uint32_t> abandoned;
  std::atomic<bool> detached = false;
  const auto backend = std::make_shared<HookedBackend>(simulated::make_gpu());
  backend->on_abandon = [&](SlotIndex slot) {
    EXPECT_FALSE(detached);
    abandoned.push_back(to_number(slot));
  };
  backend->on_detach = [&] { detached = true; };
  backend->wrap_abandoned = [&](std::unique_ptr<NativeSlot> slot) {
    return std::make_unique<Watched>(std::move(slot), destroyed);
  };
  std::optional<CommandBufferRing> ring(
      std::in_place, backend, RingOptions{.ring_size = 4, .log_sink = [](const LogMessage&) {}});
  const Ticket ticket = ring->acquire().submit();
  Lease first = ring->acquire();
  Lease second = ring->acquire();
  ring.reset();
  EXPECT_THAT(abandoned, ElementsAre(1U, 2U));
  EXPECT_EQ(destroyed, 0);
  simulated::record(first, {});
  first.discard();
  // The ticket and the other lease keep what is left of the ring.
  EXPECT_EQ(destroyed, 1);
  simulated::record(second, {});
  EXPECT_THROW(std::move(second).submit(), InvalidUsage);
  EXPECT_EQ(destroyed, 2);
  EXPECT_TRUE(ticket.done());
}

class RingsEnd : public testing::Test {
 protected:
  CommandBufferRing& make_ring(std::uint32_t ring_size,
                               std::shared_ptr<Observer> observer = nullptr) {
    return ring_.emplace(backend_, RingOptions{.ring_size = ring_size,
                                               .hang_warning_ms = 0,
                                               .log_sink = [](const LogMessage&) {},
                                               .observer = std::move(observer)});
  }
  /// Ends the ring on a thread of its own while another one is in a call of the backend, which is
  /// given time to see it done wrong.
  void end_ring() {
    backend_->on_detach = [this] { detached_ = true; };
    ender_ = std::thread([this] { ring_.reset(); });
  }
  void expect_attached_for_a_while() {
    for (int i = 0; i < 20'000 && !detached_; ++i) std::this_thread::yield();
    EXPECT_FALSE(detached_);
  }

  /// Runs `call` when the ring's end has begun and waits for a submission on the first queue.
  template <typename Call>
  void while_it_begins(const Call& call) {
    // Not on the queue whose submission stands still.
    Sequence sequence = ring_->sequence(QueueIndex{1});
    Lease lease = ring_->acquire({.queue = QueueIndex{0}});
    const SlotIndex slot = lease.slot();
    std::latch submitting(1);
    std::latch go_on(1);
    backend_->on_submit = [&, slot](SlotIndex submitted) {
      if (submitted != slot) return;
      submitting.count_down();
      go_on.wait();
    };
    std::thread submitter([&] { std::move(lease).submit(); });
    submitting.wait();
    end_ring();
    EXPECT_TRUE(eventually([&] {
      try {
        sequence.acquire({.timeout = Timeout(0ns)}).discard();
      } catch (const AcquireTimeout&) {
        return false;
      } catch (const InvalidUsage&) {
        return true;
      }
      return false;
    })) << "a sequence is refused from the beginning of the end";
    call();
    go_on.count_down();
    submitter.join();
    ender_.join();
    EXPECT_TRUE(detached_);
  }

  std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu(2);
  std::shared_ptr<HookedBackend> backend_ = std::make_shared<HookedBackend>(gpu_);
  std::optional<CommandBufferRing> ring_;
  std::atomic<bool> detached_ = false;
  std::thread ender_;
};

TEST_F(RingsEnd, WaitsForASubmissionUnderWay) {
  backend_->on_submit = [&](SlotIndex) {
    end_ring();
    expect_attached_for_a_while();
  };
  make_ring(2);
  const Ticket ticket = ring_->acquire().submit();
  ender_.join();
  EXPECT_TRUE(detached_);
  EXPECT_TRUE(ticket.done());
  EXPECT_NO_THROW(ticket.wait());
}

TEST_F(RingsEnd, WaitsForADiscardUnderWay) {
  backend_->on_discard = [&](SlotIndex) {
    end_ring();
    expect_attached_for_a_while();
  };
  make_ring(2);
  ring_->acquire().discard();
  ender_.join();
  EXPECT_TRUE(detached_);
}

TEST_F(RingsEnd, SendsWhatALeaseHeldBackThatIsGivenUpAsItBegins) {
  make_ring(8);
  Sequence sequence = ring_->sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  const Ticket held = std::move(second).submit();
  while_it_begins([&] { first.discard(); });
  EXPECT_TRUE(held.wait_for(60s));
}

TEST_F(RingsEnd, RefusesALeaseAsItBegins) {
  make_ring(8);
  Lease lease = ring_->acquire({.queue = QueueIndex{1}});
  const auto object = std::make_shared<int>(1);
  while_it_begins([&] {
    // No thread is there to let go of it later.
    lease.keep_alive(object);
    EXPECT_THROW((void)std::move(lease).submit(), InvalidUsage);
    EXPECT_EQ(object.use_count(), 1);
  });
}

/// Does something when it is told.
class HookedObserver final : public Observer {
 public:
  std::function<void()> hook;
  void on_submit(const SubmitEvent& /*event*/) noexcept override { hook(); }
  void on_discard(SlotIndex /*slot*/) noexcept override { hook(); }
};

TEST_F(RingsEnd, WaitsForAnObserverThatIsToldOfASubmission) {
  for (const Fault fault : {Fault::none, Fault::fail_submit}) {
    detached_ = false;
    const auto observer = std::make_shared<HookedObserver>();
    observer->hook = [&] {
      end_ring();
      expect_attached_for_a_while();
    };
    make_ring(2, observer);
    Lease lease = ring_->acquire();
    simulated::record(lease, {.fault = fault});
    try {
      (void)std::move(lease).submit();
    } catch (const SubmitFailed&) {
      EXPECT_EQ(fault, Fault::fail_submit);
    }
    ender_.join();
    EXPECT_TRUE(detached_);
  }
}

TEST(RingsEndRaces, NothingIsBrokenByLeasesTicketsAndSequences) {
  constexpr int rounds = 150;
  std::mutex mutex;
  std::vector<std::string> violations;
  for (int round = 0; round < rounds; ++round) {
    const auto backend = validate(simulated::make_gpu(), [&](std::string_view line) {
      const std::lock_guard lock(mutex);
      violations.emplace_back(line);
    });
    std::optional<CommandBufferRing> ring(
        std::in_place, backend,
        RingOptions{.ring_size = 10, .hang_warning_ms = 0, .log_sink = [](const LogMessage&) {}});
    Sequence sequence = ring->sequence();
    std::vector<Lease> discarded;
    std::vector<Lease> submitted;
    for (int i = 0; i < 4; ++i) {
      discarded.push_back(i % 2 == 0 ? sequence.acquire() : ring->acquire());
      submitted.push_back(i % 2 == 0 ? ring->acquire() : sequence.acquire());
    }
    const Ticket ticket = ring->acquire().submit();
    auto kept = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = kept;
    for (Lease& lease : discarded) lease.keep_alive(kept);
    for (Lease& lease : submitted) lease.keep_alive(kept);
    kept.reset();
    std::atomic<int> given = 0;
    std::atomic<int> called = 0;
    std::atomic<int> cancelled = 0;
    std::latch start(5);
    std::vector<std::thread> threads;
    const auto run = [&](auto call) {
      threads.emplace_back([&start, call] {
        start.arrive_and_wait();
        call();
      });
    };
    run([&] {
      for (Lease& lease : discarded) lease.discard();
    });
    run([&] {
      for (Lease& lease : submitted) {
        try {
          const Ticket mine = std::move(lease).submit();
          ++given;
          mine.on_complete([&](const Ticket&) { ++called; });
          mine.wait();
        } catch (const InvalidUsage&) {
          // The ring was gone.
          continue;
        }
      }
    });
    run([&] {
      for (int i = 0; i < 4; ++i) {
        ++given;
        CallbackHandle handle = ticket.on_complete([&](const Ticket&) { ++called; });
        if (i % 2 == 0 && handle.cancel()) ++cancelled;
        (void)ticket.wait_for(1us);
        (void)ticket.done();
      }
      ticket.wait();
      EXPECT_EQ(wait_any({&ticket, 1}), 0U);
    });
    run([&] {
      for (int i = 0; i < 4; ++i) {
        try {
          sequence.acquire({.timeout = Timeout(1us)}).discard();
        } catch (const Error&) {
          // Too late, or no slot was free.
          continue;
        }
      }
    });
    start.arrive_and_wait();
    ring.reset();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(called + cancelled, given) << "each callback runs once, or is taken back";
    EXPECT_TRUE(watch.expired()) << "what was kept is gone";
  }
  EXPECT_THAT(violations, IsEmpty());
}

}  // namespace
}  // namespace cbr::test
