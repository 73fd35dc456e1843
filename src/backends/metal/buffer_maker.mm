#include "backends/metal/buffer_maker.h"

#include <utility>

#include "backends/metal/metal3_slot.h"

namespace cbr::metal {

BufferMaker::BufferMaker() : thread_([this] { run(); }) {}

void BufferMaker::request(std::shared_ptr<BufferSource> source) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  requests_.push_back(std::move(source));
  changed_.notify_one();
}

void BufferMaker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    requests_.clear();
  }
  changed_.notify_one();
  thread_.join();
}

void BufferMaker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !requests_.empty(); });
    if (stopped_) return;
    const std::shared_ptr<BufferSource> source = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    source->make_ahead();
    lock.lock();
  }
}

}  // namespace cbr::metal
