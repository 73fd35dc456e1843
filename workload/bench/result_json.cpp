#include "bench/result_json.h"

#include <chrono>
#include <cstddef>

#include <nlohmann/json.hpp>

namespace cbr::bench {
namespace {

// Keeps members in the order in which they are written here.
using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const SampleSummary& summary) {
  return {{"mean", summary.mean},     {"median", summary.median}, {"p95", summary.p95},
          {"p99", summary.p99},       {"min", summary.min},       {"max", summary.max},
          {"stdDev", summary.std_dev}};
}

Json to_json(const SystemInfo& system) {
  return {{"os", system.os},
          {"kernel", system.kernel},
          {"cpu", system.cpu},
          {"cores", system.cores},
          {"memoryBytes", system.memory_bytes},
          {"cbrVersion", system.cbr_version},
          {"compiler", system.compiler},
          {"buildType", system.build_type}};
}

Json to_json(const DeviceDescription& device) {
  return {{"backend", device.backend},
          {"name", device.name},
          {"driver", device.driver},
          {"apiVersion", device.api_version},
          {"type", device.type}};
}

Json to_json(const BenchConfig& config) {
  Json json = {{"workload", config.decode ? "decode" : "synthetic"},
               {"ringSizes", config.ring_sizes},
               {"rounds", config.rounds}};
  if (config.decode) {
    json["decode"] = {{"model", config.decode->model},
                      {"prompts", config.decode->prompts},
                      {"questions", config.decode->questions},
                      {"maxTokens", config.decode->max_tokens}};
  }
  if (config.synthetic) {
    json["synthetic"] = {{"steps", config.synthetic->steps},
                         {"dispatches", config.synthetic->dispatches},
                         {"elements", config.synthetic->elements},
                         {"iterations", config.synthetic->iterations}};
    // Absent for one: files of before are the same.
    if (config.synthetic->queues > 1) json["synthetic"]["queues"] = config.synthetic->queues;
  }
  if (config.simulated) {
    json["simulated"] = {{"encodeUs", config.simulated->encode_us},
                         {"submitUs", config.simulated->submit_us},
                         {"gpuUs", config.simulated->gpu_us},
                         {"completionUs", config.simulated->completion_us}};
  }
  return json;
}

double to_seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

Json to_json(const IdleByCause& idle) {
  Json json = Json::object();
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    const auto cause = static_cast<GapCause>(i);
    json[key_of(cause)] = to_seconds(idle[cause]);
  }
  return json;
}

Json to_json(const GapHistogram& histogram) {
  Json json = Json::array();
  for (std::size_t i = 0; i < GapHistogram::size; ++i) {
    const std::chrono::duration<double, std::micro> from = GapHistogram::bound(i);
    json.push_back({{"fromUs", from.count()}, {"count", histogram[i]}});
  }
  return json;
}

Json to_json(const GpuActivity& gpu) {
  return {{"busyFraction", gpu.busy_fraction()},
          {"busySeconds", to_seconds(gpu.busy)},
          {"idleSeconds", to_seconds(gpu.idle)},
          {"idleByCause", to_json(gpu.idle_by_cause)},
          {"idleAfterWait", to_json(gpu.idle_after_wait)},
          {"gaps", gpu.gaps},
          {"gapHistogram", to_json(gpu.gap_histogram)},
          {"submissions", gpu.submissions},
          {"encodeSeconds", to_seconds(gpu.encode)},
          {"submitSeconds", to_seconds(gpu.submit)},
          {"queuedGaps", gpu.queued_gaps},
          {"queuedIdleSeconds", to_seconds(gpu.queued_idle)},
          {"lateSeconds", to_seconds(gpu.late)},
          {"peakInUse", gpu.peak_in_use}};
}

Json to_json(const RingStatistics& ring) {
  Json json = {{"totalAcquisitions", ring.total_acquisitions},
               {"totalReleases", ring.total_releases},
               {"waitEvents", ring.wait_events},
               {"timeoutEvents", ring.timeout_events},
               {"reuseRate", ring.reuse_rate},
               {"totalWaitMs", ring.total_wait_ms},
               {"avgWaitMs", ring.avg_wait_ms},
               {"maxWaitMs", ring.max_wait_ms},
               {"ringSize", ring.ring_size},
               {"currentIndex", ring.current_index},
               {"inFlight", ring.in_flight},
               {"leased", ring.leased},
               {"submissions", ring.submissions},
               {"coalesced", ring.coalesced},
               {"completions", ring.completions},
               {"failures", ring.failures},
               {"discarded", ring.discarded},
               {"gpu", ring.gpu ? to_json(*ring.gpu) : Json(nullptr)}};
  // Absent for one: files of before are the same.
  for (const GpuActivity& queue : ring.gpu_by_queue) json["gpuByQueue"].push_back(to_json(queue));
  return json;
}

Json to_json(const GpuSummary& gpu) {
  Json gaps = nullptr;
  if (gpu.idle_gaps) {
    gaps = {{"count", gpu.idle_gaps->count},
            {"median", gpu.idle_gaps->median_us},
            {"p99", gpu.idle_gaps->p99_us}};
  }
  return {{"busyFraction", or_null(gpu.busy_fraction)},
          {"idleGapUs", gaps},
          {"executeUs", or_null(gpu.execute_us)},
          {"encodeUs", gpu.encode_us}};
}

Json to_json(const RunResult& run, const std::string& rate_key) {
  Json json = {{"ringSize", run.ring_size},
               {"rounds", run.rounds},
               {"tokensSha256", run.tokens_sha256},
               {rate_key, to_json(run.units_per_sec)}};
  json["ttftMs"] = run.ttft_ms ? to_json(*run.ttft_ms) : Json(nullptr);
  json["stepMs"] = to_json(run.step_ms);
  json["ring"] = to_json(run.ring);
  json["gpu"] = to_json(run.gpu);
  json["samples"] = {
      {rate_key, run.samples.units_per_sec},  {"ttftMs", run.samples.ttft_ms},
      {"stepMs", run.samples.step_ms},        {"busyFraction", run.samples.busy_fraction},
      {"idleGapUs", run.samples.idle_gap_us}, {"encodeUs", run.samples.encode_us}};
  return json;
}

Json interval_of(const Speedup& speedup) {
  if (!speedup.ci95) return nullptr;
  return Json::array({speedup.ci95->low, speedup.ci95->high});
}

Json to_json(const Comparison& comparison) {
  return {{"ringSize", comparison.ring_size},
          {"baseline", comparison.baseline},
          {"speedup", comparison.speedup.ratio},
          {"ci95", interval_of(comparison.speedup)}};
}

Json to_json(const HandOverResult& hand_over, const std::string& rate_key) {
  Json json = {{"ringSize", hand_over.ring_size},
               {rate_key, to_json(hand_over.units_per_sec)},
               {"busyFraction", or_null(hand_over.busy_fraction)},
               {"speedup", nullptr},
               {"ci95", nullptr}};
  if (hand_over.speedup) {
    json["speedup"] = hand_over.speedup->ratio;
    json["ci95"] = interval_of(*hand_over.speedup);
  }
  return json;
}

}  // namespace

std::string key_of(GapCause cause) {
  std::string key;
  bool upper = false;
  for (const char letter : to_string(cause)) {
    if (letter == '_') {
      upper = true;
    } else {
      key += upper ? static_cast<char>(letter - 'a' + 'A') : letter;
      upper = false;
    }
  }
  return key;
}

std::string result_json(const BenchResult& result) {
  const std::string rate_key = result.config.unit() + "PerSec";
  Json json = {{"schemaVersion", schema_version},      {"timestamp", result.timestamp},
               {"complete", result.complete},          {"config", to_json(result.config)},
               {"systemInfo", to_json(result.system)}, {"device", to_json(result.device)}};
  json["runs"] = Json::array();
  for (const RunResult& run : result.runs) json["runs"].push_back(to_json(run, rate_key));
  json["comparison"] = Json::array();
  for (const Comparison& each : result.comparisons) json["comparison"].push_back(to_json(each));
  if (result.config.synthetic && result.config.synthetic->queues > 1) {
    json["hostHandOver"] = Json::array();
    for (const HandOverResult& each : result.hand_overs) {
      json["hostHandOver"].push_back(to_json(each, rate_key));
    }
  }
  json["resultsMatch"] = result.results_match;
  json["verdict"] = result.verdict;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace cbr::bench
