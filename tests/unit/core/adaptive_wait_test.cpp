// WaitStrategy::adaptive on a backend whose waits spin and whose forecasts are wrong: whatever a
// sleeping thread waits for, it notices it. Each of these would sleep for an hour if not.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "backends/decorators/backend_decorator.h"
#include "core/ring_context.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;

/// Says of each step that it took an hour.
class SlowSayingBackend final : public detail::BackendDecorator<Backend> {
 public:
  explicit SlowSayingBackend(std::shared_ptr<Backend> inner) : BackendDecorator(std::move(inner)) {}

  [[nodiscard]] bool waits_spin() const noexcept override { return true; }
  [[nodiscard]] bool has_virtual_clock() const noexcept override { return false; }
  [[nodiscard]] TimePoint now() const noexcept override { return Clock::now(); }
  Completion finish(SlotIndex slot) override {
    Completion completion = inner().finish(slot);
    const auto end = Clock::now().time_since_epoch();
    completion.interval = GpuInterval{end - 1h, end};
    completion.end = end;
    return completion;
  }
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    if (deadline > Clock::now()) ++waits;
    if (deadline == no_wait) {
      // The simulated clock moves only where someone waits: by more than any step takes.
      deadline = inner().now() + 10us;
    } else if (deadline != no_deadline) {
      deadline = inner().now() + (deadline - Clock::now());
    }
    return inner().wait(points, wake_number, deadline);
  }

  /// Those that were not just a look.
  std::atomic<int> waits = 0;
};

class AdaptiveWait : public testing::Test {
 public:
  ~AdaptiveWait() override { gpu_->release(); }

 protected:
  AdaptiveWait() { make({}); }

  void make(RingOptions options, std::uint32_t queues = 1) {
    ring_.reset();
    gpu_ = simulated::make_gpu(queues);
    backend_ = std::make_shared<SlowSayingBackend>(gpu_);
    options.ring_size = 2 * queues;
    options.hang_warning_ms = 0;
    options.wait_strategy = WaitStrategy::adaptive;
    ring_.emplace(backend_, options);
    // So many that it believes in its forecast.
    for (std::uint32_t i = 0; i < 20; ++i) submit(QueueIndex{0}).wait();
    gpu_->pause();
    waits_before_ = backend_->waits;
  }
  Ticket submit(QueueIndex queue, Fault fault = Fault::none) {
    Lease lease = ring_->acquire({.queue = queue});
    simulated::record(lease, {.execute = 1us, .fault = fault});
    return std::move(lease).submit();
  }
  /// Runs `call` on a thread, and waits until it waits for a slot.
  template <typename Call>
  std::future<void> start_waiting(Call call) {
    const auto before = ring_->statistics().wait_events;
    auto result = std::async(std::launch::async, std::move(call));
    while (ring_->statistics().wait_events == before) std::this_thread::yield();
    return result;
  }
  static void expect_ends(std::future<void>& waiting) {
    ASSERT_EQ(waiting.wait_for(60s), std::future_status::ready) << "it sleeps on";
    waiting.get();
  }

  std::shared_ptr<simulated::Gpu> gpu_;
  std::shared_ptr<SlowSayingBackend> backend_;
  std::optional<CommandBufferRing> ring_;
  int waits_before_ = 0;
};

TEST_F(AdaptiveWait, SleepsOutsideTheBackend) {
  const Ticket ticket = submit(QueueIndex{0});
  EXPECT_FALSE(ticket.wait_for(5ms));
  const Lease lease = ring_->acquire();
  EXPECT_FALSE(ring_->try_acquire_for(5ms));
  EXPECT_EQ(backend_->waits, waits_before_);
}

TEST_F(AdaptiveWait, NeverAsksForWorkThatTheDriverHasNotGot) {
  ring_.reset();
  detail::gathers_regardless = true;
  std::vector<std::string> broken;
  gpu_ = simulated::make_gpu();
  const auto backend =
      validate(std::make_shared<SlowSayingBackend>(gpu_),
               [&](std::string_view violation) { broken.emplace_back(violation); });
  ring_.emplace(backend, RingOptions{.ring_size = 3,
                                     .coalescing = true,
                                     .wait_strategy = WaitStrategy::adaptive,
                                     .hang_warning_ms = 0});
  for (int i = 0; i < 100; ++i) {
    const Ticket ticket = submit(QueueIndex{0});
    // By turns it waits for a slot, and for a ticket.
    if (i % 10 == 9) ticket.wait();
  }
  ring_.reset();
  detail::gathers_regardless = false;
  EXPECT_THAT(broken, testing::IsEmpty());
}

TEST_F(AdaptiveWait, NoticesWorkThatEndsEarly) {
  const Ticket ticket = submit(QueueIndex{0});
  const Ticket other = submit(QueueIndex{0});
  auto acquiring = start_waiting([&] { ring_->acquire().discard(); });
  auto waiting = std::async(std::launch::async, [&] { other.wait(); });
  gpu_->release();
  expect_ends(acquiring);
  expect_ends(waiting);
}

TEST_F(AdaptiveWait, ATicketAloneNoticesItToo) {
  const Ticket ticket = submit(QueueIndex{0});
  auto waiting = std::async(std::launch::async, [&] { ticket.wait(); });
  gpu_->release();
  expect_ends(waiting);
}

TEST_F(AdaptiveWait, TakesASlotThatIsGivenBack) {
  const Ticket ticket = submit(QueueIndex{0});
  Lease lease = ring_->acquire();
  auto acquiring = start_waiting([&] { ring_->acquire().discard(); });
  lease.discard();
  expect_ends(acquiring);
  EXPECT_FALSE(ticket.done());
}

TEST_F(AdaptiveWait, NoticesWhatWasSubmittedToAnotherQueueMeanwhile) {
  make({}, 2);
  gpu_->release();
  // Slots belong to queues: this one's stay busy.
  for (int i = 0; i < 2; ++i) submit(QueueIndex{0}, Fault::hang);
  Lease first = ring_->acquire({.queue = QueueIndex{1}});
  Lease second = ring_->acquire({.queue = QueueIndex{1}});
  auto acquiring = start_waiting([&] { ring_->acquire({.queue = QueueIndex{1}}).discard(); });
  std::move(first).submit();
  expect_ends(acquiring);
  second.discard();
}

TEST_F(AdaptiveWait, LimitsAreKept) {
  const Ticket ticket = submit(QueueIndex{0});
  const Ticket other = submit(QueueIndex{0});
  EXPECT_THROW((void)ring_->acquire(3ms), AcquireTimeout);
  EXPECT_FALSE(ticket.wait_for(3ms));
}

TEST_F(AdaptiveWait, ALossEndsTheNap) {
  const Ticket ticket = submit(QueueIndex{0});
  const Ticket other = submit(QueueIndex{0});
  auto acquiring = start_waiting([&] { EXPECT_THROW((void)ring_->acquire(), DeviceLost); });
  auto waiting = std::async(std::launch::async, [&] { EXPECT_THROW(ticket.wait(), DeviceLost); });
  gpu_->lose_device();
  expect_ends(acquiring);
  expect_ends(waiting);
}

TEST_F(AdaptiveWait, TheRingsEndEndsTheNap) {
  const Ticket ticket = submit(QueueIndex{0});
  Lease lease = ring_->acquire();
  // A sequence may be used while the ring ends; the ring's own functions may not.
  Sequence sequence = ring_->sequence();
  auto acquiring = start_waiting([&] { EXPECT_THROW((void)sequence.acquire(), InvalidUsage); });
  auto ending = std::async(std::launch::async, [&] { ring_.reset(); });
  expect_ends(acquiring);
  gpu_->release();
  expect_ends(ending);
}

TEST_F(AdaptiveWait, InterruptsAreChecked) {
  std::atomic<bool> interrupt = false;
  make({.interrupt_check = [&] {
    if (interrupt) throw std::runtime_error("interrupted");
  }});
  const Ticket ticket = submit(QueueIndex{0});
  auto waiting =
      std::async(std::launch::async, [&] { EXPECT_THROW(ticket.wait(), std::runtime_error); });
  interrupt = true;
  expect_ends(waiting);
}

}  // namespace
}  // namespace cbr
