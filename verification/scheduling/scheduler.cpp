#include "scheduling/scheduler.h"

#include <algorithm>

#include <cxxabi.h>

#include "core/callback_scope.h"

namespace cbr::test {
namespace {

thread_local Scheduler* current_scheduler = nullptr;

/// What the C++ runtime keeps for each thread (Itanium C++ ABI, 2.2.2).
struct ExceptionGlobals {
  void* caught;
  unsigned int uncaught;
};

ExceptionGlobals& exception_globals() {
  return *reinterpret_cast<ExceptionGlobals*>(__cxxabiv1::__cxa_get_globals());
}

/// Stacks of ended fibers, for the next schedule.
std::vector<std::unique_ptr<std::byte[]>>& spare_stacks() {
  static std::vector<std::unique_ptr<std::byte[]>> stacks;
  return stacks;
}

}  // namespace

Scheduler::Scheduler(std::uint64_t seed) : random_(seed), by_priority_(seed % 2 == 0) {
  for (int i = 0; i < 4; ++i) change_points_.push_back(random_() % 400);
}

Scheduler::~Scheduler() {
  for (Fiber& fiber : fibers_) spare_stacks().push_back(std::move(fiber.stack));
}

Scheduler* Scheduler::current() noexcept {
  return current_scheduler;
}

void Scheduler::run(std::function<void()> body) {
  current_scheduler = this;
  running_ = &spawn(std::move(body));
  swapcontext(&outside_, &running_->context);
  current_scheduler = nullptr;
  exception_globals() = {nullptr, 0};
  detail::callbacks_of = nullptr;
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

Fiber& Scheduler::spawn(std::function<void()> body) {
  Fiber& fiber = fibers_.emplace_back();
  fiber.id = fibers_.size() - 1;
  fiber.body = std::move(body);
  fiber.priority = 1'000'000 + random_() % 1'000'000'000;
  if (spare_stacks().empty()) {
    fiber.stack = std::make_unique<std::byte[]>(stack_bytes);
  } else {
    fiber.stack = std::move(spare_stacks().back());
    spare_stacks().pop_back();
  }
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = stack_bytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, &Scheduler::start_fiber, 0);
  return fiber;
}

void Scheduler::start_fiber() {
  Scheduler& self = *current_scheduler;
  try {
    self.running_->body();
  } catch (...) {
    if (self.failure_ == nullptr) self.failure_ = std::current_exception();
    // The others may wait for this one: the schedule ends here.
    setcontext(&self.outside_);
  }
  Fiber& fiber = *self.running_;
  fiber.state = Fiber::State::ended;
  self.wake_all(&fiber);
  self.leave_to_next();
}

void Scheduler::leave_to_next() {
  Fiber* next = choose();
  if (next != nullptr) {
    switch_to(*next);
    return;
  }
  const bool all_ended = std::all_of(fibers_.begin(), fibers_.end(), [](const Fiber& fiber) {
    return fiber.state == Fiber::State::ended;
  });
  if (!all_ended && failure_ == nullptr) {
    failure_ = std::make_exception_ptr(ScheduleError("deadlock:" + describe_blocked()));
  }
  setcontext(&outside_);
}

void Scheduler::switch_to(Fiber& next) {
  if (&next == running_) return;
  Fiber& previous = *running_;
  ExceptionGlobals& globals = exception_globals();
  previous.caught_exceptions = globals.caught;
  previous.uncaught_exceptions = globals.uncaught;
  previous.callbacks_of = detail::callbacks_of;
  globals = {next.caught_exceptions, next.uncaught_exceptions};
  detail::callbacks_of = next.callbacks_of;
  running_ = &next;
  swapcontext(&previous.context, &next.context);
}

Fiber* Scheduler::choose() {
  if (++steps_ > most_steps) {
    failure_ = std::make_exception_ptr(ScheduleError("no end in sight:" + describe_blocked()));
    setcontext(&outside_);
  }
  // Enough of a priority that never lets others run: the rest of the schedule is fair.
  if (steps_ > most_steps / 4) by_priority_ = false;
  std::vector<Fiber*> candidates;
  std::vector<Fiber*> with_deadline;
  std::vector<Fiber*> idle;
  for (Fiber& fiber : fibers_) {
    if (fiber.state == Fiber::State::runnable) candidates.push_back(&fiber);
    if (fiber.state == Fiber::State::blocked_until) with_deadline.push_back(&fiber);
    if (fiber.state == Fiber::State::idle) idle.push_back(&fiber);
  }
  // A deadline passes now and then, and surely if nothing else can happen.
  if (!with_deadline.empty() && (candidates.empty() || random_() % 16 == 0)) {
    Fiber* fiber = with_deadline[pick(with_deadline.size())];
    fiber->state = Fiber::State::runnable;
    fiber->timed_out = true;
    return fiber;
  }
  if (candidates.empty() && !idle.empty()) {
    Fiber* fiber = idle.front();
    fiber->state = Fiber::State::runnable;
    return fiber;
  }
  if (candidates.empty()) return nullptr;
  if (!by_priority_) return candidates[pick(candidates.size())];
  if (std::find(change_points_.begin(), change_points_.end(), steps_) != change_points_.end()) {
    running_->priority = --next_low_priority_;
  }
  return *std::max_element(
      candidates.begin(), candidates.end(),
      [](const Fiber* a, const Fiber* b) { return a->priority < b->priority; });
}

void Scheduler::preempt() {
  if (Fiber* next = choose()) switch_to(*next);
}

void Scheduler::join(const Fiber& fiber) {
  while (fiber.state != Fiber::State::ended) block(&fiber, "the end of a thread", false);
}

bool Scheduler::block(const void* object, const char* what, bool may_time_out) {
  Fiber& self = *running_;
  self.waits_for = object;
  self.what = what;
  self.timed_out = false;
  self.state = may_time_out ? Fiber::State::blocked_until : Fiber::State::blocked;
  leave_to_next();
  self.waits_for = nullptr;
  return self.timed_out;
}

void Scheduler::wake_one(const void* object) {
  std::vector<Fiber*> waiting;
  for (Fiber& fiber : fibers_) {
    const bool blocked =
        fiber.state == Fiber::State::blocked || fiber.state == Fiber::State::blocked_until;
    if (blocked && fiber.waits_for == object) waiting.push_back(&fiber);
  }
  if (!waiting.empty()) waiting[pick(waiting.size())]->state = Fiber::State::runnable;
}

void Scheduler::wake_all(const void* object) {
  for (Fiber& fiber : fibers_) {
    const bool blocked =
        fiber.state == Fiber::State::blocked || fiber.state == Fiber::State::blocked_until;
    if (blocked && fiber.waits_for == object) fiber.state = Fiber::State::runnable;
  }
}

bool Scheduler::wait_for_idle() {
  Fiber& self = *running_;
  const auto alone = [&] {
    return std::all_of(fibers_.begin(), fibers_.end(), [&](const Fiber& fiber) {
      return &fiber == &self || fiber.state == Fiber::State::ended;
    });
  };
  if (alone()) return false;
  self.state = Fiber::State::idle;
  self.what = "idleness";
  leave_to_next();
  return !alone();
}

std::size_t Scheduler::pick(std::size_t bound) {
  return bound <= 1 ? 0 : random_() % bound;
}

std::string Scheduler::describe_blocked() const {
  std::string text;
  for (const Fiber& fiber : fibers_) {
    if (fiber.state == Fiber::State::ended) continue;
    text += " [thread " + std::to_string(fiber.id) + ": " +
            (fiber.state == Fiber::State::runnable ? "runnable" : fiber.what) + "]";
  }
  return text;
}

}  // namespace cbr::test
