// What the tests of requests for a slot that no thread waits for have in common.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/conformance_test.h"
#include "conformance/coroutines.h"

namespace cbr::test {

/// What came of several requests, in the order of their being answered. Callbacks share it: they
/// may still be in it when the test is over.
class Answers {
 public:
  /// A callback that notes `name`, and gives the lease up at once.
  auto note(int name) {
    return [shared = shared_, name](AcquireResult result) {
      const bool failed = result.failure() != nullptr;
      // Before the next can have the slot.
      shared->add(failed ? -name : name);
      if (!failed) std::move(result).lease().discard();
    };
  }
  void add(int name) { shared_->add(name); }
  std::vector<int> names() {
    const std::lock_guard lock(shared_->mutex);
    return shared_->names;
  }
  [[nodiscard]] bool come(std::size_t count) {
    return eventually([&] { return names().size() == count; });
  }

 private:
  struct Shared {
    void add(int name) {
      const std::lock_guard lock(mutex);
      names.push_back(name);
    }
    std::mutex mutex;
    /// A request that failed with its sign turned.
    std::vector<int> names;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

class AsyncAcquire : public RingConformance {
 protected:
  /// Nothing is leased or in flight any more, and all slots can be had.
  void expect_whole() {
    expect_equations();
    EXPECT_TRUE(eventually([&] { return ring_->statistics().leased == 0; }));
    std::vector<Lease> all;
    for (std::uint32_t i = 0; i < ring_->ring_size(); ++i) {
      auto lease = ring_->try_acquire();
      ASSERT_TRUE(lease.has_value()) << "a slot is lost";
      all.push_back(*std::move(lease));
    }
    for (Lease& lease : all) lease.discard();
  }
  template <typename Failure>
  static void expect_failure(const std::exception_ptr& failure) {
    ASSERT_NE(failure, nullptr);
    EXPECT_THROW(std::rethrow_exception(failure), Failure);
  }
};

/// Keeps the acquire thread in a callback, from its next slot on until end(). Has to outlive that.
class BusyAcquireThread {
 public:
  explicit BusyAcquireThread(CommandBufferRing& ring) {
    ring.acquire_async({}, [this](AcquireResult result) {
      std::move(result).lease().discard();
      running_.count_down();
      EXPECT_TRUE(eventually([this] { return end_.load(); }));
    });
  }
  void wait_until_busy() { running_.wait(); }
  void end() { end_ = true; }

 private:
  std::latch running_{1};
  std::atomic<bool> end_ = false;
};

/// What a coroutine saw, and where.
struct Seen {
  std::latch ended{1};
  std::thread::id thread;
  std::exception_ptr error;
  std::optional<SlotIndex> slot;
};

inline Task acquire_one(CommandBufferRing& ring, Seen& seen, AcquireOptions options = {}) {
  try {
    Lease lease = co_await ring.acquire_async(options);
    seen.slot = lease.slot();
    lease.discard();
  } catch (...) {
    seen.error = std::current_exception();
  }
  seen.thread = std::this_thread::get_id();
  seen.ended.count_down();
}

inline OwnedTask count_acquired(CommandBufferRing& ring, std::atomic<int>& count) {
  Lease lease = co_await ring.acquire_async();
  ++count;
  lease.discard();
}

}  // namespace cbr::test
