#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>
#include <cbr/report.h>

#include "observe/idle_parts.h"

namespace cbr {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

TimePoint at(std::int64_t ns) {
  return TimePoint(std::chrono::nanoseconds(ns));
}

/// Work of two queues, with stories that come to all causes, and times that are missing here and
/// there.
Recording random_recording(unsigned seed) {
  std::mt19937 random(seed);
  const auto up_to = [&](std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(0, most)(random);
  };
  Recording recording;
  recording.ring_size = 3;
  recording.queue_count = 2;
  std::array<std::int64_t, 2> free = {0, 0};
  std::array<std::uint64_t, 2> serials = {0, 0};
  std::int64_t now = 1'000'000;
  for (int i = 0; i < 200; ++i) {
    const auto queue = static_cast<std::size_t>(up_to(1));
    RecordedSubmission each;
    each.queue = QueueIndex{static_cast<std::uint32_t>(queue)};
    each.serial = Serial(serials[queue] += up_to(20) == 0 ? 2 : 1);
    SubmissionTimes& times = each.times;
    times.waited = up_to(1) == 1;
    times.held_for_dependency = up_to(3) == 0;
    times.has_foreign_waits = up_to(3) == 0;
    times.acquire_begin = at(now += up_to(20'000));
    times.acquire_end = at(now += times.waited ? up_to(30'000) : 0);
    if (times.waited && up_to(2) > 0)
      times.slot_free = times.acquire_end - std::chrono::nanoseconds(up_to(9'000));
    if (times.held_for_dependency) times.held_from = at(now += up_to(9'000));
    times.submit_begin = at(now += up_to(20'000));
    times.submit_end = at(now += up_to(5'000));
    const std::int64_t start = std::max(free[queue], now + up_to(4'000));
    free[queue] = start + up_to(60'000);
    if (up_to(15) > 0) {
      each.interval = GpuInterval{std::chrono::nanoseconds(start - 777),
                                  std::chrono::nanoseconds(free[queue] - 777)};
      times.gpu = HostInterval{at(start), at(free[queue]), std::chrono::nanoseconds(up_to(400))};
    }
    recording.submissions.push_back(each);
  }
  return recording;
}

TEST(IdleParts, AddUpToWhatTheStatisticsSay) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Recording recording = random_recording(seed);
    IdleByCause sums;
    for (const observe::IdlePart& part : observe::idle_parts(recording)) {
      ASSERT_LT(part.begin, part.end);
      sums[part.cause] += part.end - part.begin;
    }
    EXPECT_EQ(sums, statistics_of(recording).gpu->idle_by_cause) << "seed " << seed;
  }
}

TEST(IdleParts, FillTheGapBeforeTheirSubmission) {
  const Recording recording = random_recording(7);
  const std::vector<observe::IdlePart> parts = observe::idle_parts(recording);
  ASSERT_FALSE(parts.empty());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool is_last = i + 1 == parts.size() || parts[i + 1].submission != parts[i].submission;
    EXPECT_EQ(parts[i].end, is_last ? recording.submissions[parts[i].submission].times.gpu->start
                                    : parts[i + 1].begin);
  }
}

std::string page_of(const Recording& recording) {
  std::ostringstream page;
  write_report(page, {&recording, 1}, {.tool = "x", .host = "", .device = "a device"});
  return page.str();
}

nlohmann::json data_of(const std::string& page) {
  const std::string begin = R"(<script type="application/json" id="report-data">)";
  const std::size_t from = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

TEST(WriteReport, HoldsTheRecording) {
  const Recording recording = random_recording(1);
  const std::string page = page_of(recording);
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  const nlohmann::json data = data_of(page)["recordings"][0];
  EXPECT_EQ(data["device"], "a device");
  EXPECT_EQ(data["submissions"]["serial"].size(), 200U);
  const TimePoint start = recording.submissions.front().times.acquire_begin;
  EXPECT_EQ(data["submissions"]["submitEnd"][5].get<std::int64_t>(),
            (recording.submissions[5].times.submit_end - start).count());
  EXPECT_EQ(data["gpu"]["idle"].get<std::int64_t>(), statistics_of(recording).gpu->idle.count());
}

TEST(WriteReport, NoTextBecomesMarkup) {
  Recording recording = random_recording(2);
  recording.ring_name = "</script><script>alert(1)</script>";
  recording.submissions[3].label = "<!--<script>\"\xff";
  const std::string page = page_of(recording);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(data_of(page)["recordings"][0]["ringName"], recording.ring_name);
  EXPECT_THAT(data_of(page)["recordings"][0]["labels"][1].get<std::string>(),
              testing::StartsWith("<!--<script>"));
}

TEST(WriteReport, LeavesOutWhatCantBeTrue) {
  Recording recording = random_recording(3);
  recording.submissions[4].times.acquire_end = at(std::int64_t{1} << 61U);
  recording.submissions[5].times.noticed = at(-(std::int64_t{1} << 61U));
  const nlohmann::json data = data_of(page_of(recording))["recordings"][0];
  EXPECT_EQ(data["submissions"]["serial"].size(), 199U);
  EXPECT_EQ(data["dropped"], 1);
  EXPECT_TRUE(data["submissions"]["noticed"][4].is_null());
}

TEST(WriteReport, ToAFile) {
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / "cbr_report_test.html";
  write_report(random_recording(4), file);
  std::ifstream written(file);
  std::stringstream text;
  text << written.rdbuf();
  EXPECT_TRUE(text.str().ends_with("-->\n"));
  std::filesystem::remove(file);
  EXPECT_THAT([] { write_report(random_recording(4), "/nowhere/report.html"); },
              ThrowsMessage<Error>(HasSubstr("can't write /nowhere/report.html: No such file")));
}

}  // namespace
}  // namespace cbr
