// Which slot a caller gets, and which caller a slot.
#include <atomic>
#include <thread>

#include <cbr/simulated.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"
#include "conformance/hooked_backend.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto by_priority = AllocationStrategy::priority;

class Strategy : public RingConformance {
 public:
  ~Strategy() override {
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 protected:
  /// Starts a thread that waits for a slot, notes `name` and submits. Returns once it waits.
  void start_waiter(int name, const AcquireOptions& options) {
    const auto before = ring_->statistics().wait_events;
    threads_.emplace_back([this, name, options] {
      Lease lease = ring_->acquire(options);
      // The one slot guards `order_`: only its holder writes.
      order_.push_back(name);
      harness_->record(lease);
      std::move(lease).submit();
    });
    ASSERT_TRUE(waits(before + 1));
  }
  void join_waiters() {
    for (auto& thread : threads_) thread.join();
    ring_->drain();
  }

  std::vector<std::thread> threads_;
  std::vector<int> order_;
};
INSTANTIATE_TEST_SUITE_P(Backend, Strategy, all_backends(), backend_name);

TEST_P(Strategy, AHigherLevelIsServedFirstAndEachLevelInOrderOfArrival) {
  make_ring(RingOptions{.ring_size = 1, .allocation_strategy = by_priority});
  harness_->pause();
  submit_one();
  start_waiter(0, {.priority = Priority::low});
  start_waiter(1, {});
  start_waiter(2, {.priority = Priority::high});
  start_waiter(3, {.priority = Priority::low});
  start_waiter(4, {.priority = Priority::high});
  start_waiter(5, {.priority = Priority::medium});
  harness_->release();
  join_waiters();
  // Who names no level has the middle one.
  EXPECT_THAT(order_, ElementsAre(2, 4, 1, 5, 0, 3));
}

TEST_P(Strategy, OtherStrategiesTreatAllLevelsAlike) {
  make_ring(1);
  harness_->pause();
  submit_one();
  start_waiter(0, {.priority = Priority::low});
  start_waiter(1, {.priority = Priority::high});
  start_waiter(2, {.priority = Priority{77}});
  harness_->release();
  join_waiters();
  EXPECT_THAT(order_, ElementsAre(0, 1, 2));
}

TEST_P(Strategy, ALowRequestIsOvertakenNoMoreOftenThanTheAgeingLimit) {
  make_ring(RingOptions{.ring_size = 1, .allocation_strategy = by_priority, .ageing_limit = 3});
  harness_->pause();
  submit_one();
  start_waiter(100, {.priority = Priority::low});
  for (int i = 0; i < 6; ++i) start_waiter(i, {.priority = Priority::high});
  harness_->release();
  join_waiters();
  EXPECT_THAT(order_, ElementsAre(0, 1, 2, 100, 3, 4, 5));
}

TEST_P(Strategy, WithoutPatienceTheOrderIsThatOfArrival) {
  make_ring(RingOptions{.ring_size = 1, .allocation_strategy = by_priority, .ageing_limit = 0});
  harness_->pause();
  submit_one();
  start_waiter(0, {.priority = Priority::low});
  start_waiter(1, {.priority = Priority::high});
  harness_->release();
  join_waiters();
  EXPECT_THAT(order_, ElementsAre(0, 1));
}

TEST_P(Strategy, AReservedSlotIsKeptForItsLevel) {
  auto& ring = make_ring(
      RingOptions{.ring_size = 2, .allocation_strategy = by_priority, .reserved_slots = {1, 0, 0}});
  held_.push_back(ring.acquire({.priority = Priority::low}));
  EXPECT_FALSE(ring.try_acquire({.priority = Priority::low}).has_value());
  EXPECT_FALSE(ring.try_acquire({.priority = Priority::medium}).has_value());
  EXPECT_THROW((void)ring.acquire({.priority = Priority::low, .timeout = 1ms}), AcquireTimeout);
  auto high = ring.try_acquire({.priority = Priority::high});
  ASSERT_TRUE(high.has_value());
  held_.clear();
  // High has its slot, so what is left is anyone's.
  auto low = ring.try_acquire({.priority = Priority::low});
  ASSERT_TRUE(low.has_value());
  high->discard();
  EXPECT_FALSE(ring.try_acquire({.priority = Priority::low}).has_value());
  low->discard();
}

TEST_P(Strategy, AWaiterGetsNoSlotThatIsKeptForOthers) {
  auto& ring = make_ring(
      RingOptions{.ring_size = 2, .allocation_strategy = by_priority, .reserved_slots = {1, 0, 0}});
  held_.push_back(ring.acquire({.priority = Priority::low}));
  held_.push_back(ring.acquire({.priority = Priority::high}));
  start_waiter(0, {.priority = Priority::low});
  held_[1].discard();
  start_waiter(1, {.priority = Priority::low});
  EXPECT_EQ(ring.statistics().leased, 1U) << "the free slot is kept for the highest level";
  ring.acquire({.priority = Priority::high}).discard();
  held_[0].discard();
  join_waiters();
  EXPECT_THAT(order_, ElementsAre(0, 1));
}

TEST_P(Strategy, ALevelThatIsNotThereIsAnError) {
  auto& ring = make_ring(
      RingOptions{.ring_size = 1, .allocation_strategy = by_priority, .priority_levels = 5});
  ring.acquire({.priority = Priority{4}}).discard();
  try {
    (void)ring.acquire({.priority = Priority{5}});
    FAIL();
  } catch (const InvalidOption& error) {
    EXPECT_THAT(error.what(), HasSubstr("priority 5, allowed are 0 to 4"));
  }
}

TEST_P(Strategy, OptionsThatMakeNoSenseAreErrors) {
  const auto text = [&](RingOptions options) -> std::string {
    try {
      make_ring(std::move(options));
    } catch (const InvalidOption& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(text({.priority_levels = 0}), HasSubstr("priority_levels is 0, allowed are 1 to 16"));
  EXPECT_THAT(text({.priority_levels = 17}), HasSubstr("priority_levels is 17"));
  EXPECT_THAT(text({.reserved_slots = {1, 0, 0}}),
              HasSubstr("reserved_slots needs allocation_strategy priority, which is round-robin"));
  EXPECT_THAT(text({.allocation_strategy = by_priority, .reserved_slots = {1}}),
              HasSubstr("reserved_slots has 1 values, priority_levels asks for 3"));
  EXPECT_THAT(
      text({.ring_size = 2, .allocation_strategy = by_priority, .reserved_slots = {1, 1, 0}}),
      HasSubstr("reserved_slots keeps 2 of 2 slots"));
  EXPECT_THAT(
      text({.ring_size = 2, .allocation_strategy = by_priority, .reserved_slots = {3, 0, 0}}),
      HasSubstr("reserved_slots keeps 3 of 2 slots"));
  EXPECT_EQ(text({.ring_size = 3, .allocation_strategy = by_priority, .reserved_slots = {1, 1, 1}}),
            "no error");
  EXPECT_THROW(ring_->set_ring_size(2), InvalidOption) << "a resize keeps the rules too";
}

/// Several queues of a simulated GPU, whose timings are exact.
class SimulatedQueues : public testing::Test {
 protected:
  CommandBufferRing& make_ring(std::uint32_t queue_count, const RingOptions& options) {
    backend_ = std::make_shared<HookedBackend>(simulated::make_gpu(queue_count));
    backend_->priority = priority_;
    return ring_.emplace(backend_, options);
  }
  Ticket submit(QueueIndex queue, std::chrono::nanoseconds execute) {
    Lease lease = ring_->acquire({.queue = queue});
    simulated::record(lease, {.execute = execute});
    return std::move(lease).submit();
  }
  /// The queue of the next slot, which stays leased.
  QueueIndex take(const AcquireOptions& options = {}) {
    return leases_.emplace_back(ring_->acquire(options)).queue();
  }

  std::function<float(QueueIndex)> priority_;
  std::shared_ptr<HookedBackend> backend_;
  std::optional<CommandBufferRing> ring_;
  HeldLeases leases_;
};

TEST_F(SimulatedQueues, RoundRobinTakesTurnsWhateverTheLoad) {
  make_ring(2, {.ring_size = 4});
  submit(QueueIndex{0}, 1s).wait();
  EXPECT_EQ(take(), QueueIndex{1});
  EXPECT_EQ(take(), QueueIndex{0});
  EXPECT_EQ(take(), QueueIndex{1});
  EXPECT_EQ(take(), QueueIndex{0});
}

TEST_F(SimulatedQueues, LeastBusyCountsWhereNothingIsMeasured) {
  make_ring(2, {.ring_size = 8, .allocation_strategy = AllocationStrategy::least_busy});
  for (int i = 0; i < 2; ++i) take({.queue = QueueIndex{0}});
  EXPECT_EQ(take(), QueueIndex{1});
  EXPECT_EQ(take(), QueueIndex{1});
  take({.queue = QueueIndex{1}});
  EXPECT_EQ(take(), QueueIndex{0});
  EXPECT_EQ(ring_->sequence().queue(), QueueIndex{0});
}

TEST_F(SimulatedQueues, LeastBusyGoesByMeasuredTime) {
  make_ring(2, {.ring_size = 8, .allocation_strategy = AllocationStrategy::least_busy});
  submit(QueueIndex{0}, 100us).wait();
  submit(QueueIndex{1}, 10us).wait();
  take({.queue = QueueIndex{0}});
  // One slow piece of work outweighs all that the other queue has slots for.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(take(), QueueIndex{1}) << i;
  EXPECT_EQ(take(), QueueIndex{0});
}

TEST_F(SimulatedQueues, LevelsMapOnQueuePriorities) {
  priority_ = [](QueueIndex queue) { return to_number(queue) == 1 ? 1.0F : 0.25F; };
  make_ring(2, {.ring_size = 4, .allocation_strategy = AllocationStrategy::priority});
  EXPECT_EQ(take({.priority = Priority::low}), QueueIndex{0});
  EXPECT_EQ(take({.priority = Priority::low}), QueueIndex{0});
  // Never to a queue that the device favours more than the level deserves.
  EXPECT_FALSE(ring_->try_acquire({.priority = Priority::low}).has_value());
  EXPECT_EQ(take({.priority = Priority::high}), QueueIndex{1});
  leases_.front().discard();
  EXPECT_EQ(take({.priority = Priority::high}), QueueIndex{1});
  EXPECT_EQ(take({.priority = Priority::high}), QueueIndex{0}) << "better a slower queue than none";
}

}  // namespace
}  // namespace cbr::test
