#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/recording.h>

#include "observe/request_order.h"

namespace cbr {
namespace {

constexpr std::size_t label_size = 32;

/// What a cell keeps: nothing that would have to be destroyed.
struct Record {
  SlotIndex slot{};
  QueueIndex queue{};
  std::uint64_t serial = 0;
  bool failed = false;
  bool has_interval = false;
  std::array<char, label_size> label{};
  std::size_t label_length = 0;
  SubmissionTimes times;
  GpuInterval interval;
};
static_assert(std::is_trivially_copyable_v<Record>);

constexpr std::size_t word_count = (sizeof(Record) + 7) / 8;

Record to_record(const CompleteEvent& event) {
  Record record;
  record.slot = event.slot;
  record.queue = event.queue;
  record.serial = event.serial.value();
  record.failed = event.failed;
  record.label_length = std::min(event.label.size(), record.label.size());
  std::copy_n(event.label.begin(), record.label_length, record.label.begin());
  record.times = event.times;
  if (event.interval) {
    record.has_interval = true;
    record.interval = *event.interval;
  }
  return record;
}

RecordedSubmission to_submission(const Record& record) {
  RecordedSubmission submission;
  submission.slot = record.slot;
  submission.queue = record.queue;
  submission.serial = Serial(record.serial);
  submission.failed = record.failed;
  submission.label.assign(record.label.data(), record.label_length);
  submission.times = record.times;
  if (record.has_interval) submission.interval = record.interval;
  return submission;
}

}  // namespace

/// Cells that are written in turn. Each has a version: odd while it is being written. Whoever finds
/// it odd, or changed after reading, leaves it alone. Its content is in atomic words, so that a
/// reader that is overtaken reads nonsense, which it drops, and not what the language forbids.
class Recorder::Cells {
 public:
  explicit Cells(std::size_t capacity) : cells_(capacity) {}

  void write(const Record& record) noexcept {
    const std::uint64_t turn = next_.fetch_add(1, std::memory_order_relaxed);
    Cell& cell = cells_[turn % cells_.size()];
    std::uint64_t version = cell.version.load(std::memory_order_relaxed);
    // Another thread has been at it since a whole round ago, or is at it a round later.
    if (version % 2 != 0 ||
        !cell.version.compare_exchange_strong(version, version + 1, std::memory_order_acquire)) {
      return;
    }
    if (cell.turn.load(std::memory_order_relaxed) > turn) {
      // A later round has been here: what this thread has is older than what there is.
      cell.version.store(version + 2, std::memory_order_release);
      return;
    }
    std::array<std::uint64_t, word_count> words{};
    std::memcpy(words.data(), &record, sizeof record);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < word_count; ++i) {
      cell.words[i].store(words[i], std::memory_order_relaxed);
    }
    cell.turn.store(turn + 1, std::memory_order_relaxed);
    cell.version.store(version + 2, std::memory_order_release);
  }

  /// Calls `take` for what is there. Returns how many there ever were since clear().
  template <typename Take>
  std::uint64_t read(const Take& take) const {
    const std::uint64_t from = from_.load(std::memory_order_acquire);
    const std::uint64_t end = next_.load(std::memory_order_acquire);
    for (const Cell& cell : cells_) {
      const std::uint64_t version = cell.version.load(std::memory_order_acquire);
      if (version % 2 != 0) continue;
      std::array<std::uint64_t, word_count> words{};
      for (std::size_t i = 0; i < word_count; ++i) {
        words[i] = cell.words[i].load(std::memory_order_relaxed);
      }
      const std::uint64_t turn = cell.turn.load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (cell.version.load(std::memory_order_relaxed) != version) continue;
      if (turn <= from || turn > end) continue;
      Record record;
      std::memcpy(static_cast<void*>(&record), words.data(), sizeof record);
      take(record);
    }
    return end - from;
  }

  void clear() noexcept {
    const std::uint64_t now = next_.load(std::memory_order_acquire);
    // Forwards only: another thread may have cleared more meanwhile.
    std::uint64_t from = from_.load(std::memory_order_relaxed);
    while (from < now && !from_.compare_exchange_weak(from, now, std::memory_order_acq_rel)) {
    }
  }

 private:
  struct Cell {
    std::atomic<std::uint64_t> version = 0;
    /// Which of all submissions it is, from 1.
    std::atomic<std::uint64_t> turn = 0;
    std::array<std::atomic<std::uint64_t>, word_count> words{};
  };
  static_assert(sizeof(Cell) <= 256, "as RecorderOptions::capacity says");
  std::vector<Cell> cells_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<std::uint64_t> from_ = 0;
};

Recorder::Recorder(RecorderOptions options)
    : options_(std::move(options)), cells_([&] {
        if (options_.capacity == 0) {
          throw InvalidOption("Recorder: its capacity is 0, allowed is 1 or more");
        }
        return std::make_unique<Cells>(options_.capacity);
      }()) {}

Recorder::~Recorder() = default;

void Recorder::on_acquire(const AcquireEvent& event) noexcept {
  if (options_.next != nullptr) options_.next->on_acquire(event);
}

void Recorder::on_submit(const SubmitEvent& event) noexcept {
  if (options_.next != nullptr) options_.next->on_submit(event);
}

void Recorder::on_complete(const CompleteEvent& event) noexcept {
  cells_->write(to_record(event));
  if (options_.next != nullptr) options_.next->on_complete(event);
}

void Recorder::on_discard(SlotIndex slot) noexcept {
  if (options_.next != nullptr) options_.next->on_discard(slot);
}

void Recorder::on_device_lost() noexcept {
  if (options_.next != nullptr) options_.next->on_device_lost();
}

Recording Recorder::recording() const {
  Recording recording;
  recording.ring_name = options_.ring_name;
  const std::uint64_t all = cells_->read(
      [&](const Record& record) { recording.submissions.push_back(to_submission(record)); });
  recording.dropped = all - std::min<std::uint64_t>(all, recording.submissions.size());
  observe::sort_by_request(recording.submissions);
  std::unordered_map<std::thread::id, std::uint32_t> threads;
  for (RecordedSubmission& submission : recording.submissions) {
    const auto next = static_cast<std::uint32_t>(threads.size());
    submission.thread = threads.try_emplace(submission.times.thread, next).first->second;
    recording.ring_size = std::max(recording.ring_size, to_number(submission.slot) + 1);
    recording.queue_count = std::max(recording.queue_count, to_number(submission.queue) + 1);
  }
  recording.thread_count = static_cast<std::uint32_t>(threads.size());
  return recording;
}

void Recorder::clear() noexcept {
  cells_->clear();
}

}  // namespace cbr
