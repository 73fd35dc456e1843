// cbr doctor: what can run here, and if not, why not?
#include <string>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/vulkan.h>

#include "command.h"
#include "exit_code.h"
#include "interrupt.h"
#include "metal_report.h"
#include "progress_line.h"
#include "self_test.h"
#include "standard_output.h"

namespace cbr::tool {
namespace {

constexpr const char* footer =
    "Examples:\n"
    "  cbr doctor\n"
    "  cbr doctor && cbr bench --synthetic\n"
    "\n"
    "Exits with 0 if at least one Vulkan device passed its self-test and none that is usable "
    "failed\n"
    "it, else with 1.\n";

const char* yes_no(bool value) {
  return value ? "yes" : "no";
}

/// "16 in family 0 and 8 in family 2".
std::string compute_queues(const vulkan::DeviceInfo& info) {
  std::string text;
  for (const vulkan::ComputeFamily& family : info.compute_families) {
    text += fmt::format("{}{} in family {}", text.empty() ? "" : " and ", family.queue_count,
                        family.family);
  }
  return text.empty() ? "none" : text;
}

std::string self_test_line(const SelfTestResult& result) {
  return fmt::format("self-test {}: {}\n", result.passed ? "passed" : "FAILED", result.detail);
}

/// What came of all Vulkan devices.
struct Tally {
  int passed = 0;
  int failed = 0;
};

void examine_device(const vulkan::DeviceInfo& info, Tally& tally) {
  write_output(
      fmt::format("  device {}: {}\n"
                  "    type {}, Vulkan {}, driver {}\n"
                  "    timeline semaphores {}, timestamps {}, compute queues {}, buffer device "
                  "address {}\n",
                  info.index, info.name, info.type, info.api_version, info.driver,
                  yes_no(info.timeline_semaphores), yes_no(info.timestamps), compute_queues(info),
                  yes_no(info.buffer_device_address)));
  const std::string why_unusable = info.why_unusable();
  if (!why_unusable.empty()) {
    write_output(fmt::format("    unusable: {}\n", why_unusable));
    return;
  }
  ProgressLine progress;
  progress.show(fmt::format("Testing device {}", info.index));
  const SelfTestResult result = self_test_vulkan(info);
  progress.clear();
  write_output("    " + self_test_line(result));
  ++(result.passed ? tally.passed : tally.failed);
}

Tally examine_vulkan() {
  Tally tally;
  std::vector<vulkan::DeviceInfo> devices;
  try {
    ProgressLine progress;
    progress.show("Asking Vulkan for its devices");
    devices = vulkan::list_devices();
  } catch (const BackendError& error) {
    write_output(fmt::format("vulkan: compiled in, but not usable\n  {}\n", error.what()));
    return tally;
  }
  write_output(fmt::format("vulkan: compiled in, library loaded, {} device{}\n", devices.size(),
                           devices.size() == 1 ? "" : "s"));
  if (devices.empty()) write_output("  no driver offers a device: is one installed?\n");
  for (const vulkan::DeviceInfo& info : devices) {
    if (interrupted()) return tally;
    examine_device(info, tally);
  }
  return tally;
}

int run_doctor() {
  catch_interrupts();
  write_output("cbr " CBR_VERSION "\n");
  const Tally tally = examine_vulkan();
  if (interrupted()) return stopped;
  const SelfTestResult simulated = self_test_simulated();
  write_output("simulated: compiled in, needs no library or device\n  " +
               self_test_line(simulated));
  write_output(describe_metal());
  write_output("cuda: not compiled in\n");
  return tally.passed > 0 && tally.failed == 0 && simulated.passed ? success : failure;
}

}  // namespace

Command add_doctor_command(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "doctor", "Show which backends and devices work here, and why others don't");
  parser->footer(footer);
  return {.parser = parser, .run = run_doctor};
}

}  // namespace cbr::tool
