#include "text_generation.h"

#include <utility>

#include <cbr/errors.h>

#include "decode/stream_decoder.h"

namespace cbr::python {

TextGeneration::TextGeneration(const std::shared_ptr<LoadedModel>& model, const std::string& prompt,
                               std::uint32_t max_tokens)
    : prompt_(model->files.tokens_of("the prompt", prompt)), max_tokens_(max_tokens) {
  if (max_tokens == 0) throw InvalidOption("max_tokens is 0, at least 1 is needed");
  if (prompt_.size() > model->decoder.context_capacity()) {
    throw InputError("the prompt has " + std::to_string(prompt_.size()) +
                     " tokens, context_capacity is " +
                     std::to_string(model->decoder.context_capacity()));
  }
  if (model->busy.exchange(true)) {
    throw InvalidUsage(
        "the decoder is writing another text: read that to its end or close() it first");
  }
  try {
    // The model goes with the thread: a text that has ended needs it no more.
    thread_ = std::thread([this, model] { run(*model); });
  } catch (...) {
    model->busy = false;
    throw;
  }
}

TextGeneration::~TextGeneration() {
  stop();
}

void TextGeneration::run(LoadedModel& model) {
  std::optional<decode::DecodeResult> result;
  std::exception_ptr error;
  try {
    decode::StreamDecoder stream(model.files.tokenizer);
    result = model.decoder.decode(
        model.ring, prompt_, {.max_tokens = max_tokens_, .stop_at_end_of_text = true},
        [&](decode::TokenId token) {
          add(stream.push(token));
          return true;
        },
        &stop_);
    add(stream.finish());
  } catch (...) {
    error = std::current_exception();
  }
  // Before anyone can know of the end, and start the next text.
  model.busy = false;
  finish(std::move(result), error);
}

void TextGeneration::add(std::string text) {
  if (text.empty()) return;
  std::function<void()> ready;
  {
    const std::lock_guard lock(mutex_);
    text_.push_back(std::move(text));
    std::swap(ready, ready_);
  }
  changed_.notify_all();
  if (ready) ready();
}

void TextGeneration::finish(std::optional<decode::DecodeResult> result, std::exception_ptr error) {
  std::function<void()> ready;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    result_ = std::move(result);
    error_ = std::move(error);
    std::swap(ready, ready_);
  }
  changed_.notify_all();
  if (ready) ready();
}

TextGeneration::State TextGeneration::take(std::string& text) {
  const std::lock_guard lock(mutex_);
  if (!text_.empty()) {
    text = std::move(text_.front());
    text_.pop_front();
    return State::text;
  }
  if (!ended_) return State::nothing_yet;
  if (const auto error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
  return State::ended;
}

bool TextGeneration::wait_until(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return is_ready(); });
}

void TextGeneration::when_ready(std::function<void()> ready) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_ready()) {
      ready_ = std::move(ready);
      return;
    }
  }
  ready();
}

void TextGeneration::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

std::optional<decode::DecodeResult> TextGeneration::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

}  // namespace cbr::python
