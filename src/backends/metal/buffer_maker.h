// A thread that makes command buffers ahead.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace cbr::metal {

class BufferSource;

/// Not done in the completed handler itself: there, making a buffer could wait for one to complete
/// whose handler waits for this one to return. Any thread may call; none of the functions but
/// stop() blocks.
class BufferMaker {
 public:
  BufferMaker();
  BufferMaker(const BufferMaker&) = delete;
  BufferMaker& operator=(const BufferMaker&) = delete;
  ~BufferMaker() = default;

  /// Asks for a buffer ahead. Does nothing after stop().
  void request(std::shared_ptr<BufferSource> source);
  /// Ends the thread and waits for it. To be called once, before the last reference goes: a handler
  /// may hold it, whose thread must not wait.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<BufferSource>> requests_;
  bool stopped_ = false;
  /// Last: it uses the others.
  std::thread thread_;
};

}  // namespace cbr::metal
