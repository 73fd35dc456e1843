// One text that a model is writing, on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <cbr/ring.h>

#include "decode/decoder.h"
#include "decode/model_files.h"

namespace cbr::python {

/// A model on a device, its ring, and whether a text is being written.
struct LoadedModel {
  decode::ModelFiles files;
  std::shared_ptr<vulkan::Device> device;
  decode::Decoder decoder;
  CommandBufferRing ring;
  std::atomic<bool> busy = false;
};

/// Runs decode() and hands the text to whoever asks. The text may run ahead of the reader: it is
/// small, and the GPU goes on. Knows nothing of Python. All functions may be called by any thread;
/// stop() and the destructor by one.
class TextGeneration {
 public:
  /// Starts. Throws InputError for an unusable prompt, InvalidUsage if the model is busy,
  /// InvalidOption if max_tokens is 0.
  TextGeneration(const std::shared_ptr<LoadedModel>& model, const std::string& prompt,
                 std::uint32_t max_tokens);
  TextGeneration(const TextGeneration&) = delete;
  TextGeneration& operator=(const TextGeneration&) = delete;
  /// Stops.
  ~TextGeneration();

  enum class State : std::uint8_t { text, nothing_yet, ended };
  /// The text that has come since, without waiting. Once all of it was taken: throws what decoding
  /// failed with, once; else `ended`.
  State take(std::string& text);
  /// Waits until take() has something to say, or until the deadline; false then.
  bool wait_until(TimePoint deadline);
  /// Calls `ready` once, as soon as take() has something to say: at once, or on the thread that
  /// writes. A later call replaces one that has not happened.
  void when_ready(std::function<void()> ready);
  /// Ends the text early and waits for the steps in flight.
  void stop();
  /// What became of it; empty until the end.
  [[nodiscard]] std::optional<decode::DecodeResult> result() const;
  [[nodiscard]] const std::vector<decode::TokenId>& prompt_tokens() const { return prompt_; }

 private:
  void run(LoadedModel& model);
  void add(std::string text);
  void finish(std::optional<decode::DecodeResult> result, std::exception_ptr error);
  /// Ended, or has text. The mutex is held.
  [[nodiscard]] bool is_ready() const { return ended_ || !text_.empty(); }

  std::vector<decode::TokenId> prompt_;
  std::uint32_t max_tokens_;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by the mutex.
  std::deque<std::string> text_;
  bool ended_ = false;
  std::exception_ptr error_;
  std::optional<decode::DecodeResult> result_;
  std::function<void()> ready_;
  // Last: it uses all of the above.
  std::thread thread_;
};

}  // namespace cbr::python
