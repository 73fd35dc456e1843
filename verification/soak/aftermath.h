// What happens once work has ended: it is judged, by callbacks and coroutines among others.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <cbr/options.h>
#include <cbr/ticket.h>

#include "soak/ledger.h"
#include "soak/target.h"

namespace cbr::soak {

/// Whether the work has ended. Where looking fails, it has not.
[[nodiscard]] bool has_ended(const Ticket& ticket) noexcept;

/// Notes how work ended. To be called once for each ticket that is looked at.
void judge(Ledger& ledger, const std::exception_ptr& error, const RecordedWork& work);

/// Coroutines that were handed to an executor and lie there, until somebody goes on with one or
/// destroys it. Any thread may use it.
class Inbox {
 public:
  explicit Inbox(std::shared_ptr<CountingObserver> observer) : observer_(std::move(observer)) {}

  void add(std::coroutine_handle<> coroutine);
  /// Null if there is none.
  [[nodiscard]] std::coroutine_handle<> take();
  void resume_all();

 private:
  const std::shared_ptr<CountingObserver> observer_;
  std::mutex mutex_;
  std::vector<std::coroutine_handle<>> coroutines_;
};

/// An executor that only puts coroutines there.
[[nodiscard]] Executor executor_to(std::shared_ptr<Inbox> inbox);

/// A coroutine that starts at once and ends by itself, unless it is destroyed while it waits.
struct Task {
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<> coroutine;
};

/// Waits for the ticket and judges; on the ring's executor if there is none given. `refused` is set
/// before this returns where the wait couldn't begin: then nothing was judged.
Task judge_when_ended(Ticket ticket, RecordedWork work, Ledger& ledger,
                      std::optional<Executor> executor, bool& refused);

}  // namespace cbr::soak
