#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/options.h>
#include <cbr/plan.h>
#include <cbr/recording_file.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

TimePoint at(std::int64_t ns) {
  return TimePoint(std::chrono::nanoseconds(ns));
}

/// One that has everything, by a clock that has run for hours.
RecordedSubmission full(std::uint64_t serial) {
  const std::int64_t t = 5'000'000'000'000 + static_cast<std::int64_t>(serial) * 1'000'003;
  RecordedSubmission each;
  each.slot = SlotIndex{static_cast<std::uint32_t>(serial % 3)};
  each.queue = QueueIndex{static_cast<std::uint32_t>(serial % 2)};
  each.serial = Serial(serial);
  each.thread = static_cast<std::uint32_t>(serial % 4);
  each.failed = serial % 5 == 0;
  each.label = serial % 2 == 0 ? "decode \"é\"" : "prefill";
  each.times.acquire_begin = at(t);
  each.times.slot_free = at(t - 70);
  each.times.acquire_end = at(t + 10);
  each.times.held_from = at(t + 15);
  each.times.submit_begin = at(t + 20);
  each.times.submit_end = at(t + 30);
  each.times.gathered_until = at(t + 35);
  each.times.dependency_end = at(t + 25);
  each.times.noticed = at(t + 900);
  each.times.gpu = HostInterval{at(t + 40), at(t + 800), 7ns};
  each.times.waited = serial % 3 == 0;
  each.times.held_for_dependency = serial % 7 == 0;
  each.times.has_foreign_waits = serial % 11 == 0;
  each.interval = GpuInterval{std::chrono::nanoseconds(t - 123'456'789),  // of another clock
                              std::chrono::nanoseconds(t - 123'456'789 + 760)};
  return each;
}

Recording example(std::size_t count) {
  Recording recording;
  recording.ring_name = "a \"ring\"";
  recording.ring_size = 3;
  recording.queue_count = 2;
  recording.thread_count = 4;
  recording.dropped = 17;
  for (std::size_t i = 1; i <= count; ++i) recording.submissions.push_back(full(i));
  return recording;
}

std::string written(const Recording& recording, const RecordingOrigin& origin = origin_here()) {
  std::ostringstream text;
  write_recording(text, recording, origin);
  return text.str();
}

RecordingFile read(const std::string& text) {
  return read_recordings(text, "a.json");
}

void expect_equal(const RecordedSubmission& left, const RecordedSubmission& right) {
  EXPECT_EQ(left.slot, right.slot);
  EXPECT_EQ(left.queue, right.queue);
  EXPECT_EQ(left.serial.value(), right.serial.value());
  EXPECT_EQ(left.thread, right.thread);
  EXPECT_EQ(left.failed, right.failed);
  EXPECT_EQ(left.label, right.label);
  const SubmissionTimes& a = left.times;
  const SubmissionTimes& b = right.times;
  EXPECT_EQ(a.acquire_begin, b.acquire_begin);
  EXPECT_EQ(a.slot_free, b.slot_free);
  EXPECT_EQ(a.acquire_end, b.acquire_end);
  EXPECT_EQ(a.held_from, b.held_from);
  EXPECT_EQ(a.submit_begin, b.submit_begin);
  EXPECT_EQ(a.submit_end, b.submit_end);
  EXPECT_EQ(a.gathered_until, b.gathered_until);
  EXPECT_EQ(a.dependency_end, b.dependency_end);
  EXPECT_EQ(a.noticed, b.noticed);
  EXPECT_EQ(a.waited, b.waited);
  EXPECT_EQ(a.held_for_dependency, b.held_for_dependency);
  EXPECT_EQ(a.has_foreign_waits, b.has_foreign_waits);
  ASSERT_EQ(a.gpu.has_value(), b.gpu.has_value());
  if (a.gpu) {
    EXPECT_EQ(a.gpu->start, b.gpu->start);
    EXPECT_EQ(a.gpu->end, b.gpu->end);
    EXPECT_EQ(a.gpu->deviation, b.gpu->deviation);
  }
  EXPECT_EQ(left.interval, right.interval);
}

void expect_equal(const Recording& left, const Recording& right) {
  EXPECT_EQ(left.ring_name, right.ring_name);
  EXPECT_EQ(left.ring_size, right.ring_size);
  EXPECT_EQ(left.queue_count, right.queue_count);
  EXPECT_EQ(left.thread_count, right.thread_count);
  EXPECT_EQ(left.dropped, right.dropped);
  ASSERT_EQ(left.submissions.size(), right.submissions.size());
  for (std::size_t i = 0; i < left.submissions.size(); ++i) {
    SCOPED_TRACE(i);
    expect_equal(left.submissions[i], right.submissions[i]);
  }
}

/// What a ring on the simulated GPU does.
Recording of_a_ring(std::uint32_t ring_size, int steps, RingStatistics* statistics = nullptr) {
  const auto gpu = simulated::make_gpu(2);
  const auto recorder = std::make_shared<Recorder>(RecorderOptions{.ring_name = "steps"});
  CommandBufferRing ring(gpu, {.ring_size = ring_size, .hang_warning_ms = 0, .observer = recorder});
  std::optional<Ticket> made;
  for (int i = 0; i < steps; ++i) {
    gpu->advance(std::chrono::microseconds(3 + i % 5));
    Lease lease = ring.acquire({.queue = QueueIndex{static_cast<std::uint32_t>(i % 2)}});
    simulated::record(lease, {.encode = std::chrono::microseconds(10 + i % 7),
                              .submit = 2us,
                              .execute = std::chrono::microseconds(60 + 10 * (i % 3)),
                              .completion = 15us});
    SubmitOptions options;
    if (made && i % 2 == 1) options.after = {*made};
    made = std::move(lease).submit(options);
  }
  ring.drain();
  if (statistics != nullptr) *statistics = ring.statistics();
  return recorder->recording();
}

TEST(RecordingFile, WhatIsWrittenIsReadBack) {
  // Several chunks, and a part of one.
  const Recording recording = example(2500);
  const RecordingFile file = read(written(recording, origin_here("NVIDIA H200")));
  EXPECT_EQ(file.note, "");
  EXPECT_EQ(file.origin.device, "NVIDIA H200");
  EXPECT_THAT(file.origin.tool, StartsWith("cbr "));
  ASSERT_EQ(file.recordings.size(), 1U);
  expect_equal(file.recordings[0], recording);
}

TEST(RecordingFile, WhatIsNotKnownStaysUnknown) {
  Recording recording = example(6);
  recording.submissions[0].times.gpu.reset();
  recording.submissions[1].times.gpu.reset();
  recording.submissions[1].interval.reset();
  recording.submissions[2].times.slot_free = {};
  recording.submissions[3].times.held_from = {};
  recording.submissions[4].times.dependency_end = {};
  // Held back, and then refused: it was never sent.
  recording.submissions[5].serial = Serial(0);
  recording.submissions[5].times.submit_begin = recording.submissions[5].times.submit_end = {};
  recording.submissions[5].times.gathered_until = {};
  recording.submissions[5].times.gpu.reset();
  recording.submissions[5].interval.reset();
  const RecordingFile file = read(written(recording));
  EXPECT_EQ(file.note, "");
  expect_equal(file.recordings.at(0), recording);
}

TEST(RecordingFile, KeepsThoseOfAClockThatStartsAtZero) {
  const Recording recording = of_a_ring(2, 20);
  ASSERT_LT(recording.submissions[0].times.acquire_begin, at(10'000));
  const RecordingFile file = read(written(recording));
  EXPECT_EQ(file.note, "");
  ASSERT_EQ(file.recordings.size(), 1U);
  for (std::size_t i = 0; i < 20; ++i) {
    expect_equal(file.recordings[0].submissions.at(i), recording.submissions[i]);
  }
}

TEST(RecordingFile, IsSmall) {
  const std::string text = written(of_a_ring(2, 2000));
  EXPECT_LT(text.size() / 2000, 120U);
}

TEST(RecordingFile, KeepsSeveralRings) {
  const std::vector<Recording> recordings = {of_a_ring(2, 10), Recording{}, of_a_ring(4, 10)};
  std::ostringstream text;
  write_recordings(text, recordings);
  const RecordingFile file = read(text.str());
  EXPECT_EQ(file.note, "");
  ASSERT_EQ(file.recordings.size(), 3U);
  EXPECT_EQ(file.recordings[0].ring_size, 2U);
  EXPECT_TRUE(file.recordings[1].submissions.empty());
  EXPECT_EQ(file.recordings[2].ring_size, 4U);
}

TEST(RecordingFile, OfNoRecordingAtAll) {
  std::ostringstream text;
  write_recordings(text, {});
  EXPECT_TRUE(read(text.str()).recordings.empty());
}

TEST(RecordingFile, WhereverItIsCutTheRestIsReadOrRefusedInALine) {
  // Several chunks of one submission would make the same: a chunk is what is lost at most.
  const Recording recording = example(1026);
  const std::string text = written(recording);
  const std::size_t end = text.find_last_of('}');
  std::size_t most = 0;
  // The first chunk is long: of its bytes a part, of the beginning and the end all.
  for (std::size_t size = 0; size <= end; size += size > 500 && size + 1500 < end ? 997 : 1) {
    const std::string_view part = std::string_view(text).substr(0, size);
    try {
      const RecordingFile file = read_recordings(part, "a.json");
      EXPECT_THAT(file.note, AllOf(StartsWith("a.json: left out: what came after the place"),
                                   testing::Not(HasSubstr("\n"))))
          << size;
      if (file.recordings.empty()) continue;
      const std::vector<RecordedSubmission>& read = file.recordings[0].submissions;
      ASSERT_TRUE(read.size() == 1024 || read.size() == 1026) << size;
      ASSERT_GE(read.size(), most) << size;
      most = read.size();
      expect_equal(read.front(), recording.submissions.front());
      expect_equal(read.back(), recording.submissions[read.size() - 1]);
      EXPECT_EQ(file.recordings[0].dropped, 17U);
    } catch (const InputError& error) {
      EXPECT_EQ(most, 0U) << size;
      EXPECT_THAT(error.what(), AllOf(StartsWith("a.json: "), testing::Not(HasSubstr("\n"))));
    }
  }
  EXPECT_EQ(most, 1026U);
  EXPECT_EQ(read(text.substr(0, end + 1)).note, "");
}

TEST(RecordingFile, ANumberThatMayHaveLostItsEndCountsForNothing) {
  const std::string text = written(example(3));
  const std::size_t chunks = text.find(R"(, "chunks")");
  // "dropped": 1 of 17.
  const RecordingFile file = read(text.substr(0, chunks - 1));
  EXPECT_TRUE(file.recordings.empty());
  EXPECT_THAT([] { (void)read(R"({"recordingVersion": 1)"); },
              ThrowsMessage<InputError>(HasSubstr("a.json: is cut short before all recordings")));
}

TEST(RecordingFile, LeavesOutTimesThatRunBackwards) {
  const auto count_of = [](void (*spoil)(RecordedSubmission&), const char* note) {
    Recording recording = example(4);
    spoil(recording.submissions[2]);
    const RecordingFile file = read(written(recording));
    EXPECT_THAT(file.note, HasSubstr(note));
    return file.recordings.at(0).submissions.size();
  };
  constexpr const char* backwards = "left out: 1 submission whose times run backwards";
  EXPECT_EQ(count_of([](auto& each) { each.times.acquire_end -= 11ns; }, backwards), 3U);
  EXPECT_EQ(count_of([](auto& each) { each.times.submit_begin -= 11ns; }, backwards), 3U);
  EXPECT_EQ(count_of([](auto& each) { each.times.submit_begin = {}; }, backwards), 3U);
  EXPECT_EQ(count_of([](auto& each) { each.times.submit_end -= 11ns; }, backwards), 3U);
  EXPECT_EQ(count_of([](auto& each) { each.times.gathered_until -= 16ns; }, backwards), 3U);
  EXPECT_EQ(count_of([](auto& each) { each.times.noticed -= 881ns; }, backwards), 3U);
  constexpr const char* gpu = "left out: the GPU times of 1 submission, which can't be true";
  EXPECT_EQ(count_of([](auto& each) { each.times.gpu->end -= 761ns; }, gpu), 4U);
  EXPECT_EQ(count_of([](auto& each) { each.times.gpu->deviation = -1ns; }, gpu), 4U);
  EXPECT_EQ(count_of([](auto& each) { each.interval->end -= 761ns; }, gpu), 4U);
}

TEST(RecordingFile, CountsWhatIsLeftOutAsDropped) {
  Recording recording = example(4);
  recording.submissions[1].times.acquire_end -= 11ns;
  EXPECT_EQ(read(written(recording)).recordings.at(0).dropped, 18U);
}

TEST(RecordingFile, OfAnotherVersionIsReadAsFarAsItsNamesAreKnown) {
  std::string text = written(example(3));
  text.replace(text.find("\"recordingVersion\": 1"), 21, "\"recordingVersion\": 2, \"later\": []");
  text.replace(text.find("\"acquireEnd\""), 0, "\"moon\": [1], ");
  const RecordingFile file = read(text);
  EXPECT_THAT(file.note,
              "a.json: is of version 2, and this program knows version 1; left out: \"later\", "
              "\"moon\", which this version of cbr does not know");
  expect_equal(file.recordings.at(0), example(3));
}

TEST(RecordingFile, OfAnotherMachineSaysSo) {
  const RecordingFile file = read(
      written(example(3), {.tool = "cbr 9", .host = "0123456789abcdef", .device = "NVIDIA\nH200"}));
  EXPECT_EQ(file.note, "a.json: comes from another machine, with NVIDIA\\nH200");
  expect_equal(file.recordings.at(0), example(3));
}

TEST(RecordingFile, LongLabelsLoseTheirEnds) {
  Recording recording = example(1);
  recording.submissions[0].label = std::string(300, 'x');
  std::string text = written(recording);
  EXPECT_EQ(read(text).recordings.at(0).submissions[0].label, std::string(256, 'x'));
  text.replace(text.find("xx"), 2, "xxxx");
  const RecordingFile file = read(text);
  EXPECT_EQ(file.recordings.at(0).submissions[0].label, std::string(256, 'x'));
  EXPECT_EQ(file.note, "a.json: left out: the ends of long labels");
}

TEST(RecordingFile, RefusesWhatIsNoRecording) {
  const auto says = [](const std::string& text, const char* problem) {
    EXPECT_THAT([&] { (void)read(text); },
                ThrowsMessage<InputError>(AllOf(StartsWith("a.json: "), HasSubstr(problem))))
        << text;
  };
  const auto replaced = [](const std::string& what, const std::string& with) {
    std::string text = written(example(2));
    return text.replace(text.find(what), what.size(), with);
  };
  says("", "is empty");
  says("[1]", "expected a JSON object");
  says("{} {", "byte 4: is not valid JSON");
  says("{\"recordingVersion\": x", "is not valid JSON near");
  says("{\"runs\": []}", "recordingVersion: is missing: this is a result of cbr bench --output");
  says("{\"recordingVersion\": 0, \"recordings\": []}",
       "recordingVersion: is 0; expected an integer");
  says("{\"recordingVersion\": 1}", "recordings: is missing");
  says("{\"recordingVersion\": 1, \"recordings\": [7]}", "recordings[0]: is 7; expected an object");
  const std::string chunk = "recordings[0].chunks[0].";
  says(replaced("\"slot\": [1", "\"slot\": [1024"), "slot[0]: is 1024; expected an integer from 0");
  says(replaced("\"slot\": [1", "\"slot\": [-1"), (chunk + "slot[0]: is -1").c_str());
  says(replaced("\"slot\": [1", "\"slot\": [1,1"), "slot: has 3 entries; expected 2, as many as");
  says(replaced("\"queue\": [1", "\"queue\": [1024"), "queue[0]: is 1024");
  says(replaced("\"acquireEnd\": [10", "\"acquireEnd\": [null"), "acquireEnd[0]: is null");
  says(replaced("\"acquireEnd\"", "\"acquireFoo\""), "acquireEnd: is missing");
  says(replaced("\"start\": 5", "\"start\": 99999995"), "start: is ");
  says(replaced("\"gpuEnd\": [8", "\"gpuEnd\": [0.8"), "gpuEnd[0]: is 0.8");
  says(replaced("\"label\": [0", "\"label\": [2"),
       "label[0]: is 2; expected an integer from 0 to 1");
  says(replaced("\"ringSize\": 3", "\"ringSize\": 1025"), "recordings[0].ringSize: is 1025");
}

TEST(RecordingFile, ARandomChangeIsReadOrRefusedInALine) {
  const std::string text = written(example(40));
  std::mt19937 random(7);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  constexpr std::string_view bytes = "0123456789-,:[]{}\"en.\\ x\xFF";
  int read_at_all = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string changed = text;
    for (std::size_t k = 0; k <= below(3); ++k) {
      const std::size_t place = below(changed.size());
      switch (below(3)) {
        case 0:
          changed[place] = bytes[below(bytes.size())];
          break;
        case 1:
          changed.erase(place, 1 + below(4));
          break;
        default:
          changed.insert(place, 1, bytes[below(bytes.size())]);
      }
    }
    try {
      const RecordingFile file = read(changed);
      ++read_at_all;
      EXPECT_EQ(file.note.find('\n'), std::string::npos);
      for (const Recording& recording : file.recordings) {
        const RingStatistics statistics = statistics_of(recording);
        EXPECT_EQ(statistics.completions + statistics.failures, statistics.submissions);
        if (statistics.gpu) {
          EXPECT_GE(statistics.gpu->busy, 0ns);
          EXPECT_EQ(statistics.gpu->idle_by_cause.total(), statistics.gpu->idle);
        }
        (void)step_costs(recording);
        (void)measured(recording);
      }
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), StartsWith("a.json: "));
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  // A test that only sees refusals sees nothing.
  EXPECT_GT(read_at_all, 300);
}

TEST(RecordingFile, TheFurthestTimesAddUpToNothingAbsurd) {
  Recording recording;
  constexpr std::int64_t far = std::int64_t{1} << 58;
  for (std::uint64_t i = 0; i < 100; ++i) {
    RecordedSubmission each;
    // Serials that don't follow each other, so that each begins anew.
    each.serial = Serial(1 + i + i / 2);
    each.times.acquire_begin = each.times.acquire_end = at(-far);
    each.times.submit_begin = each.times.submit_end = each.times.noticed = at(far);
    each.interval = {std::chrono::nanoseconds(i % 2 == 0 ? -far : far - 1),
                     std::chrono::nanoseconds(far)};
    each.times.gpu = HostInterval{at(-far), at(far), 0ns};
    each.times.waited = true;
    recording.submissions.push_back(each);
  }
  const RecordingFile file = read(written(recording));
  ASSERT_EQ(file.recordings.at(0).submissions.size(), 100U) << file.note;
  const RingStatistics statistics = statistics_of(file.recordings[0]);
  ASSERT_TRUE(statistics.gpu);
  EXPECT_GT(statistics.gpu->busy, 0ns);
  EXPECT_GE(statistics.gpu->idle, 0ns);
  EXPECT_GT(statistics.gpu->encode, 0ns);
  EXPECT_LT(statistics.gpu->submissions, 10U);
  EXPECT_GE(statistics.total_wait_ms, 0.0);
}

TEST(RecordingStatistics, AreThoseOfTheRing) {
  for (const std::uint32_t size : {2U, 4U}) {
    RingStatistics ring;
    const Recording recording = of_a_ring(size, 200, &ring);
    const RingStatistics read = statistics_of(recording);
    EXPECT_EQ(read.ring_size, ring.ring_size);
    EXPECT_EQ(read.total_acquisitions, ring.total_acquisitions);
    EXPECT_EQ(read.total_releases, ring.total_releases);
    EXPECT_EQ(read.submissions, ring.submissions);
    EXPECT_EQ(read.completions, ring.completions);
    EXPECT_EQ(read.failures, ring.failures);
    EXPECT_EQ(read.wait_events, ring.wait_events);
    EXPECT_GT(read.wait_events, 0U);
    EXPECT_DOUBLE_EQ(read.reuse_rate, ring.reuse_rate);
    EXPECT_NEAR(read.total_wait_ms, ring.total_wait_ms, 1e-6);
    EXPECT_NEAR(read.avg_wait_ms, ring.avg_wait_ms, 1e-6);
    EXPECT_NEAR(read.max_wait_ms, ring.max_wait_ms, 1e-6);
    ASSERT_TRUE(read.gpu);
    EXPECT_EQ(*read.gpu, *ring.gpu);
    EXPECT_GT(read.gpu->idle, 0ns);
    // And once more from a file.
    EXPECT_EQ(*statistics_of(cbr::read_recordings(written(recording), "x").recordings.at(0)).gpu,
              *ring.gpu);
  }
}

TEST(RecordingStatistics, WhereWorkIsMissingThereIsNoGap) {
  Recording recording = of_a_ring(2, 40);
  const GpuActivity whole = *statistics_of(recording).gpu;
  recording.submissions.erase(recording.submissions.begin() + 10,
                              recording.submissions.begin() + 30);
  const GpuActivity rest = *statistics_of(recording).gpu;
  EXPECT_EQ(rest.submissions, 20U);
  EXPECT_LT(rest.idle, whole.idle * 20 / 40);
  EXPECT_LE(rest.gaps, 18U);
}

TEST(RecordingStatistics, OfNothing) {
  const RingStatistics statistics = statistics_of({});
  EXPECT_EQ(statistics.submissions, 0U);
  EXPECT_EQ(statistics.reuse_rate, 1.0);
  EXPECT_FALSE(statistics.gpu);
}

TEST(Measured, IsWhatThePredictionSaysOfItself) {
  const Recording recording = of_a_ring(2, 200);
  const Prediction there = measured(recording);
  const Prediction predicted = predict(step_costs(recording), 2, device_traits(recording));
  EXPECT_EQ(there.ring_size, 2U);
  EXPECT_EQ(there.steps, 200U);
  EXPECT_NEAR(there.steps_per_second / predicted.steps_per_second, 1.0, 0.002);
  EXPECT_NEAR(there.busy_fraction, predicted.busy_fraction, 0.005);
  EXPECT_NEAR(static_cast<double>(there.latency.count()),
              static_cast<double>(predicted.latency.count()), 2000.0);
  EXPECT_EQ(measured({}).steps, 0U);
  EXPECT_EQ(measured({}).steps_per_second, 0.0);
}

TEST(Measured, CountsOverlapOnce) {
  Recording recording = example(0);
  for (std::uint64_t i = 0; i < 2; ++i) {
    RecordedSubmission each;
    each.times.submit_end = at(1);
    each.times.gpu = HostInterval{at(10 + 20 * static_cast<std::int64_t>(i)),
                                  at(60 + 40 * static_cast<std::int64_t>(i)), 0ns};
    recording.submissions.push_back(each);
  }
  const Prediction there = measured(recording);
  EXPECT_EQ(there.span, 100ns);
  EXPECT_DOUBLE_EQ(there.busy_fraction, 0.9);
}

}  // namespace
}  // namespace cbr
