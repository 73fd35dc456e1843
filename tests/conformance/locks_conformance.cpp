// The program's own code runs with no lock held: whatever of it the ring calls may call everything
// in turn, from another thread and wait for that thread. These tests hang where a lock is held.
#include <atomic>
#include <coroutine>
#include <latch>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"
#include "conformance/hooked_backend.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

/// Calls every function of a ring, and of leases, tickets and sequences of it, on a thread of its
/// own, and waits for that.
class Probe {
 public:
  /// Before the first call; `ring` may be null: then leases, tickets and sequences are all there
  /// is.
  void aim_at(CommandBufferRing* ring) {
    const std::lock_guard lock(turn_);
    ring_ = ring;
  }
  /// Objects that nobody else uses meanwhile.
  void use(Lease lease) { lease_ = std::move(lease); }
  void use(Ticket ticket) { ticket_ = std::move(ticket); }
  void use(Sequence sequence) { sequence_ = std::move(sequence); }
  /// Where work that is in flight ends by itself.
  void may_drain(bool may) { may_drain_ = may; }
  /// Where nobody is to be served by it.
  void may_resize(bool may) { may_resize_ = may; }
  /// Where the calls leave nothing behind.
  void may_be_called_often() { most_ = std::numeric_limits<int>::max(); }
  void drop_lease() { lease_.discard(); }

  /// What the calls cause in turn causes none again. Nor does a place that has been tried often,
  /// for each time leaves some work behind.
  void operator()(const std::string& place) {
    if (std::this_thread::get_id() == prober_.load()) return;
    const std::lock_guard turn(turn_);
    if (calls(place) >= most_) return;
    std::thread thread([this] {
      prober_ = std::this_thread::get_id();
      call_everything();
      prober_ = std::thread::id();
    });
    thread.join();
    const std::lock_guard lock(mutex_);
    ++calls_[place];
  }
  /// How often it was called at this place.
  int calls(const std::string& place) {
    const std::lock_guard lock(mutex_);
    return calls_[place];
  }

 private:
  template <typename Call>
  static void attempt(const Call& call) {
    try {
      call();
    } catch (const Error&) {
      // Whatever it says, it has come back.
      return;
    }
  }
  void call_everything() {
    attempt([&] { call_ticket(ticket_); });
    attempt([&] { lease_.set_label("probe"); });
    attempt([&] { lease_.keep_alive(std::make_shared<int>(1)); });
    attempt([&] { (void)lease_.native_handle(); });
    attempt([&] { (void)lease_.api(); });
    attempt([&] { use_up(sequence_.acquire({.timeout = Timeout(0ns)})); });
    if (ring_ == nullptr) return;
    CommandBufferRing& ring = *ring_;
    attempt([&] { use_up(ring.acquire(0ns)); });
    attempt([&] {
      if (auto lease = ring.try_acquire()) use_up(*std::move(lease));
    });
    attempt([&] {
      auto lease = ring.try_acquire_for(0ns);
      if (lease) call_ticket(std::move(*lease).submit());
    });
    attempt([&] { use_up(ring.sequence().acquire({.timeout = Timeout(0ns)})); });
    attempt([&] {
      Sequence sequence = ring.sequence(QueueIndex{0});
      Lease first = sequence.acquire({.timeout = Timeout(0ns)});
      attempt([&] {
        Lease second = sequence.acquire({.timeout = Timeout(0ns)});
        call_ticket(std::move(second).submit());
      });
      first.discard();
    });
    if (may_resize_) {
      attempt([&] { ring.set_ring_size(ring.ring_size() + 1); });
      attempt([&] { ring.set_ring_size(ring.ring_size() - 1); });
    }
    attempt([&] { (void)ring.statistics(); });
    attempt([&] { ring.reset_statistics(); });
    attempt([&] { (void)ring.leaked(); });
    attempt([&] { (void)ring.spin_limit(); });
    attempt([&] { (void)ring.now(); });
    if (may_drain_) attempt([&] { ring.drain(); });
  }
  static void use_up(Lease lease) {
    lease.set_label("probe");
    attempt([&] { lease.keep_alive(std::make_shared<int>(1)); });
    lease.discard();
  }
  static void call_ticket(const Ticket& ticket) {
    if (!ticket.valid()) return;
    (void)ticket.done();
    (void)ticket.serial();
    attempt([&] { (void)ticket.wait_for(0ns); });
    (void)ticket.error();
    (void)ticket.gpu_interval();
    attempt([&] { (void)wait_any_for({&ticket, 1}, 0ns); });
    ticket.on_complete([](const Ticket&) {}).cancel();
  }

  CommandBufferRing* ring_ = nullptr;
  Lease lease_;
  Ticket ticket_;
  Sequence sequence_;
  std::atomic<bool> may_drain_ = true;
  std::atomic<bool> may_resize_ = true;
  std::atomic<int> most_ = 20;
  std::atomic<std::thread::id> prober_{};
  /// One at a time.
  std::mutex turn_;
  std::mutex mutex_;
  std::map<std::string, int> calls_;
};

class ProbingObserver final : public Observer {
 public:
  explicit ProbingObserver(Probe& probe) : probe_(probe) {}
  void on_acquire(const AcquireEvent& /*event*/) noexcept override { probe_("on_acquire"); }
  void on_submit(const SubmitEvent& /*event*/) noexcept override { probe_("on_submit"); }
  void on_complete(const CompleteEvent& /*event*/) noexcept override { probe_("on_complete"); }
  void on_discard(SlotIndex /*slot*/) noexcept override { probe_("on_discard"); }
  void on_device_lost() noexcept override { probe_("on_device_lost"); }

 private:
  Probe& probe_;
};

/// Probes when it is destroyed.
struct ProbingObject {
  ProbingObject(Probe& its_probe, std::string its_place)
      : probe(its_probe), place(std::move(its_place)) {}
  ProbingObject(const ProbingObject&) = delete;
  ProbingObject& operator=(const ProbingObject&) = delete;
  ~ProbingObject() { probe(place); }
  Probe& probe;
  std::string place;
};

struct Task {
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

Task probe_after(Ticket ticket, Probe& probe, std::latch& ended) {
  try {
    co_await ticket;
  } catch (const Error&) {
    // How it ended is no matter here.
  }
  probe("coroutine");
  ended.count_down();
}

class NoLockHeld : public RingConformance {
 protected:
  CommandBufferRing& make_probed_ring(RingOptions options = {}) {
    return probe_at(make_ring(probed(std::move(options))));
  }
  RingOptions probed(RingOptions options) {
    options.log_sink = [this](const LogMessage& message) {
      if (probing_) probe_("log sink");
      if (probing_ && message.event == LogEvent::leased_at_end) probe_("leased_at_end");
    };
    options.executor = [this](std::coroutine_handle<> coroutine) {
      probe_("executor");
      coroutine.resume();
    };
    options.hang_warning_ms = 0;
    return options;
  }
  CommandBufferRing& probe_at(CommandBufferRing& ring) {
    probe_.use(ring.acquire());
    probe_.use(ring.sequence());
    probe_.use(submit_one());
    probe_.aim_at(&ring);
    probing_ = true;
    return ring;
  }
  /// The ring's own functions are not for those that run while it ends.
  void end_ring() {
    probe_.aim_at(nullptr);
    destroy_ring();
    probe_.drop_lease();
  }
  void give_something_to_do(Lease& lease) {
    lease.keep_alive(std::make_shared<ProbingObject>(probe_, "kept object"));
  }
  void give_something_to_do(const Ticket& ticket) {
    const auto captured = std::make_shared<ProbingObject>(probe_, "captured object");
    ticket.on_complete([this, captured](const Ticket&) { probe_("callback"); });
    probe_after(ticket, probe_, resumed_);
  }

  // Before the ring, which calls it to its end.
  Probe probe_;
  std::atomic<bool> probing_ = false;
  std::latch resumed_{1};

  void TearDown() override {
    if (ring_.has_value()) end_ring();
    held_.clear();
    RingConformance::TearDown();
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, NoLockHeld, all_backends(), backend_name);

TEST_P(NoLockHeld, WhileStepsGoWell) {
  auto& ring =
      make_probed_ring({.ring_size = 64, .observer = std::make_shared<ProbingObserver>(probe_)});
  Lease lease = record_one();
  give_something_to_do(lease);
  const Ticket ticket = std::move(lease).submit();
  give_something_to_do(ticket);
  resumed_.wait();
  ring.drain();
  Lease given_up = ring.acquire();
  give_something_to_do(given_up);
  given_up.discard();
  for (const char* place : {"on_acquire", "on_submit", "on_discard"}) {
    EXPECT_GT(probe_.calls(place), 0) << place;
  }
  // Who notices the end of work is anyone's guess, a probe's own thread included.
  EXPECT_TRUE(eventually([&] {
    submit_one().wait();
    return probe_.calls("on_complete") > 0;
  }));
}

TEST_P(NoLockHeld, InCallbacksCoroutinesAndExecutors) {
  auto& ring = make_probed_ring({.ring_size = 64});
  probe_.may_drain(false);
  harness_->pause();
  const Ticket first = submit_one();
  const Ticket second = submit_one();
  first.on_complete([this](const Ticket&) { probe_("callback"); });
  const auto captured = [this] {
    return std::make_shared<ProbingObject>(probe_, "captured object");
  };
  CallbackHandle handle = first.on_complete([object = captured()](const Ticket&) {});
  EXPECT_TRUE(handle.cancel());
  EXPECT_EQ(probe_.calls("captured object"), 1);
  second.on_complete([object = captured()](const Ticket&) {});
  probe_after(second, probe_, resumed_);
  harness_->release();
  resumed_.wait();
  ring.drain();
  EXPECT_EQ(probe_.calls("callback"), 1);
  EXPECT_EQ(probe_.calls("captured object"), 2);
  EXPECT_EQ(probe_.calls("executor"), 1);
  EXPECT_EQ(probe_.calls("coroutine"), 1);
}

TEST_P(NoLockHeld, WhenKeptObjectsGo) {
  auto& ring = make_probed_ring({.ring_size = 64});
  const auto kept = [this](const char* place) {
    return std::make_shared<ProbingObject>(probe_, place);
  };
  Lease given_up = ring.acquire();
  given_up.keep_alive(kept("discarded"));
  given_up.discard();
  EXPECT_EQ(probe_.calls("discarded"), 1);
  Lease done = record_one();
  done.keep_alive(kept("done"));
  std::move(done).submit();
  EXPECT_TRUE(eventually([&] { return probe_.calls("done") == 1; }));
  held_.push_back(record_one());
  held_[0].keep_alive(kept("refused"));
  if (!harness_->fail_submit(held_[0]).empty()) return held_.clear();
  EXPECT_THROW(std::move(held_[0]).submit(), SubmitFailed);
  EXPECT_EQ(probe_.calls("refused"), 1);
}

TEST_P(NoLockHeld, WhenPartsOfASequenceGo) {
  auto& ring =
      make_probed_ring({.ring_size = 64, .observer = std::make_shared<ProbingObserver>(probe_)});
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  Lease third = sequence.acquire();
  give_something_to_do(first);
  give_something_to_do(second);
  give_something_to_do(third);
  probe_.may_drain(false);
  const Ticket held = std::move(third).submit();
  give_something_to_do(held);
  second.discard();
  // Sends the third.
  first.discard();
  held.wait();
  resumed_.wait();
  EXPECT_GT(probe_.calls("kept object"), 0);
}

TEST_P(NoLockHeld, InTheLogSink) {
  auto& ring = make_probed_ring({.ring_size = 64, .log_wait_events = true});
  { const Lease dropped = ring.acquire(); }
  EXPECT_EQ(probe_.calls("log sink"), 1);
  const Ticket ticket = submit_one();
  ticket.wait();
  ticket.on_complete([](const Ticket&) { throw std::runtime_error("a callback's own"); });
  EXPECT_EQ(probe_.calls("log sink"), 2);
  held_.push_back(record_one());
  if (!harness_->fail_execution(held_[0]).empty()) return held_.clear();
  harness_->pause();
  std::move(held_[0]).submit();
  probe_.may_drain(false);
  harness_->release();
  EXPECT_NO_THROW(ring.drain());
  EXPECT_TRUE(eventually([&] { return probe_.calls("log sink") >= 3; }));
}

TEST_P(NoLockHeld, WhileThreadsWaitAndAreInterrupted) {
  std::atomic<bool> end = false;
  auto& ring = make_probed_ring({.ring_size = 2, .log_wait_events = true, .interrupt_check = [&] {
                                   probe_("interrupt_check");
                                   if (end) throw std::runtime_error("interrupted");
                                 }});
  probe_.may_drain(false);
  probe_.may_resize(false);
  probe_.may_be_called_often();
  probe_.drop_lease();
  ring.drain();
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  Lease second = sequence.acquire();
  const Ticket held = std::move(second).submit();
  harness_->pause();
  std::vector<std::thread> threads;
  const auto wait = [&](auto call) {
    threads.emplace_back([call] { EXPECT_THROW(call(), std::runtime_error); });
  };
  // Nothing is in flight at first; then there is a leader in the backend.
  wait([&] { (void)ring.acquire(); });
  wait([&] { (void)ring.acquire(); });
  wait([&] { held.wait(); });
  EXPECT_TRUE(eventually([&] { return probe_.calls("interrupt_check") >= 3; }));
  const Ticket flying = std::move(first).submit();
  wait([&] { flying.wait(); });
  wait([&] { ring.drain(); });
  const int before = probe_.calls("interrupt_check");
  EXPECT_TRUE(eventually([&] { return probe_.calls("interrupt_check") >= before + 5; }));
  end = true;
  for (std::thread& thread : threads) thread.join();
  harness_->release();
  ring.drain();
}

TEST_P(NoLockHeld, WhileTheRingChangesItsSize) {
  auto& ring =
      make_probed_ring({.ring_size = 6, .observer = std::make_shared<ProbingObserver>(probe_)});
  for (int i = 0; i < 3; ++i) held_.push_back(ring.acquire());
  for (Lease& lease : held_) give_something_to_do(lease);
  // They leave the ring as they end, one of them with a submission.
  ring.set_ring_size(2);
  held_[0].discard();
  std::move(held_[1]).submit().wait();
  held_[2].discard();
  ring.set_ring_size(5);
  submit_one().wait();
  EXPECT_GT(probe_.calls("kept object"), 0);
  EXPECT_GT(probe_.calls("on_discard"), 0);
}

/// Who learns of the loss first.
enum class Finder : std::uint8_t { acquire, ticket, drain, poll, completion_thread, submit };

class NoLockHeldOnLoss : public NoLockHeld {
 protected:
  void lose_and(Finder finder) {
    auto& ring =
        make_probed_ring({.ring_size = 64, .observer = std::make_shared<ProbingObserver>(probe_)});
    probe_.may_drain(false);
    ring.drain();
    Sequence sequence = ring.sequence();
    harness_->pause();
    held_.push_back(sequence.acquire());
    Lease last = sequence.acquire();
    give_something_to_do(held_[0]);
    const Ticket held = std::move(last).submit();
    Lease lease = record_one();
    if (finder == Finder::completion_thread) give_something_to_do(lease);
    const Ticket flying = std::move(lease).submit();
    if (finder == Finder::completion_thread) give_something_to_do(flying);
    if (const std::string reason = harness_->lose_device(); !reason.empty()) {
      harness_->release();
      held_.clear();
      GTEST_SKIP() << reason;
    }
    switch (finder) {
      case Finder::acquire:
        EXPECT_THROW((void)ring.acquire(), DeviceLost);
        break;
      case Finder::ticket:
        EXPECT_THROW(flying.wait(), DeviceLost);
        break;
      case Finder::drain:
        EXPECT_THROW(ring.drain(), DeviceLost);
        break;
      case Finder::poll:
        EXPECT_TRUE(eventually([&] { return flying.done(); }));
        break;
      case Finder::completion_thread:
        resumed_.wait();
        break;
      case Finder::submit:
        EXPECT_THROW(std::move(held_[0]).submit(), DeviceLost);
        break;
    }
    EXPECT_TRUE(eventually([&] { return probe_.calls("on_device_lost") == 1; }));
    EXPECT_TRUE(eventually([&] { return held.done(); }));
    held_.clear();
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, NoLockHeldOnLoss, all_backends(), backend_name);

TEST_P(NoLockHeldOnLoss, FoundByAnAcquisition) {
  lose_and(Finder::acquire);
}
TEST_P(NoLockHeldOnLoss, FoundByATicket) {
  lose_and(Finder::ticket);
}
TEST_P(NoLockHeldOnLoss, FoundByADrain) {
  lose_and(Finder::drain);
}
TEST_P(NoLockHeldOnLoss, FoundByALookAtATicket) {
  lose_and(Finder::poll);
}
TEST_P(NoLockHeldOnLoss, FoundByTheCompletionThread) {
  lose_and(Finder::completion_thread);
}
TEST_P(NoLockHeldOnLoss, FoundByASubmission) {
  lose_and(Finder::submit);
}

TEST_P(NoLockHeldOnLoss, AnObserverMayDiscardTheOtherLeasesOfASequence) {
  class Cleaner final : public Observer {
   public:
    explicit Cleaner(HeldLeases& leases) : leases_(leases) {}
    void on_device_lost() noexcept override { leases_.clear(); }

   private:
    HeldLeases& leases_;
  };
  auto& ring = make_ring({.ring_size = 3, .observer = std::make_shared<Cleaner>(held_)});
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  held_.push_back(sequence.acquire());
  if (const std::string reason = harness_->lose_device(); !reason.empty()) {
    first.discard();
    held_.clear();
    GTEST_SKIP() << reason;
  }
  EXPECT_THROW(std::move(first).submit(), DeviceLost);
  EXPECT_TRUE(held_.empty());
}

TEST_P(NoLockHeld, WhereTheBackendHasSomethingToTell) {
  const auto hooked = std::make_shared<HookedBackend>(harness_->backend());
  const auto tell = [this, backend = hooked.get()] {
    if (probing_) backend->report("something that the driver does");
  };
  std::atomic<int> in_submit = 0;
  hooked->on_begin = hooked->on_finish = [&](SlotIndex) { tell(); };
  hooked->on_submit = [&](SlotIndex) {
    ++in_submit;
    tell();
  };
  hooked->on_add_slot = [&](SlotIndex) { tell(); };
  hooked->on_completed = [&](QueueIndex) { tell(); };
  hooked->on_wait = [&](auto) { tell(); };
  auto& ring = probe_at(ring_.emplace(hooked, probed({.ring_size = 64})));
  probe_.may_be_called_often();
  submit_one().wait();
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  const Ticket held = sequence.acquire().submit();
  std::move(first).submit().wait();
  held.wait();
  probe_.may_resize(false);
  ring.set_ring_size(65);
  EXPECT_GT(probe_.calls("log sink"), 5);
  EXPECT_GT(in_submit, 0);
  end_ring();
}

TEST(NoMessageIsKept, WhileObserversRun) {
  // Each has a ring of its own that has something to tell, and is gone when the observer returns.
  class RingMaker final : public Observer {
   public:
    void on_submit(const SubmitEvent& /*event*/) noexcept override { tell_at_once(); }
    void on_complete(const CompleteEvent& /*event*/) noexcept override { tell_at_once(); }
    int rings = 0;

   private:
    void tell_at_once() {
      int messages = 0;
      CommandBufferRing ring(simulated::make_gpu(),
                             {.log_sink = [&](const LogMessage&) { ++messages; }});
      { const Lease dropped = ring.acquire(); }
      EXPECT_EQ(messages, 1);
      ++rings;
    }
  };
  const auto observer = std::make_shared<RingMaker>();
  CommandBufferRing ring(simulated::make_gpu(), {.observer = observer});
  Lease lease = ring.acquire();
  std::move(lease).submit().wait();
  EXPECT_EQ(observer->rings, 2);
}

TEST_P(NoLockHeld, WhileTheRingEnds) {
  auto& ring =
      make_probed_ring({.ring_size = 64, .observer = std::make_shared<ProbingObserver>(probe_)});
  ring.drain();
  probe_.aim_at(nullptr);
  Sequence sequence = ring.sequence();
  held_.push_back(sequence.acquire());
  Lease second = sequence.acquire();
  give_something_to_do(second);
  give_something_to_do(held_[0]);
  // Held back behind a lease, until the ring's end lets it go on.
  const Ticket held = std::move(second).submit();
  give_something_to_do(held);
  end_ring();
  EXPECT_TRUE(held.done());
  resumed_.wait();
  EXPECT_GT(probe_.calls("leased_at_end") + probe_.calls("log sink"), 0);
  const int kept = probe_.calls("kept object");
  held_.clear();
  EXPECT_EQ(probe_.calls("kept object"), kept + 1);
}

}  // namespace
}  // namespace cbr::test
