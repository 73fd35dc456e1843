// cbr doctor: what can run here, and if not, why not?
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>
#include <cbr/vulkan.h>

#include "command.h"
#include "diagnosis_report.h"
#include "exit_code.h"
#include "interrupt.h"
#include "metal_report.h"
#include "progress_line.h"
#include "self_test.h"
#include "standard_output.h"
#include "text/printable.h"

namespace cbr::tool {
namespace {

// Keeps members in the order in which they are written here.
using Json = nlohmann::ordered_json;

constexpr const char* doctor_footer =
    "Examples:\n"
    "  cbr doctor\n"
    "  cbr doctor --json\n"
    "  cbr doctor && cbr bench\n"
    "  cbr bench --record steps.json && cbr doctor --from steps.json\n"
    "\n"
    "With --from it looks at no device, but says why the GPU of a recording stood\n"
    "idle and what to do about it.\n"
    "Without it, exits with 0 if at least one Vulkan device passed its self-test and\n"
    "none that is usable failed it, else with 1.\n";

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
  return fmt::format("self-test {}: {}\n", result.passed ? "passed" : "FAILED",
                     text::printable_line(result.detail));
}

Json json_of(const SelfTestResult& result) {
  return {{"passed", result.passed}, {"detail", result.detail}};
}

Json json_of(const vulkan::DeviceInfo& info) {
  Json json = {{"index", info.index},
               {"name", info.name},
               {"type", info.type},
               {"apiVersion", info.api_version},
               {"driver", info.driver},
               {"timelineSemaphores", info.timeline_semaphores},
               {"timestamps", info.timestamps},
               {"bufferDeviceAddress", info.buffer_device_address},
               {"externalMemoryHost", info.external_memory_host},
               {"computeFamilies", Json::array()}};
  for (const vulkan::ComputeFamily& family : info.compute_families) {
    json["computeFamilies"].push_back({{"family", family.family},
                                       {"queueCount", family.queue_count},
                                       {"graphics", family.graphics},
                                       {"timestamps", family.timestamps}});
  }
  const std::string why_unusable = info.why_unusable();
  json["whyUnusable"] = why_unusable.empty() ? Json(nullptr) : Json(why_unusable);
  json["selfTest"] = nullptr;
  return json;
}

/// One run of the subcommand. What it finds is printed as it is found, in case a driver brings the
/// program down; or at the end as JSON.
class Doctor {
 public:
  explicit Doctor(bool json) : prints_json_(json) {}

  int run() {
    catch_interrupts();
    say("cbr " CBR_VERSION "\n");
    json_["version"] = CBR_VERSION;
    json_["healthy"] = false;
    examine_vulkan();
    if (interrupted()) return stopped;
    const SelfTestResult simulated = self_test_simulated();
    say("simulated: compiled in, needs no library or device\n  " + self_test_line(simulated));
    json_["backends"]["simulated"]["selfTest"] = json_of(simulated);
    describe_others();
    const bool healthy = passed_ > 0 && failed_ == 0 && simulated.passed;
    json_["healthy"] = healthy;
    if (prints_json_) {
      write_output(json_.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
    }
    return healthy ? success : failure;
  }

 private:
  void say(std::string_view text) const {
    if (!prints_json_) print_text(text);
  }

  void examine_vulkan() {
    Json& vulkan = json_["backends"]["vulkan"];
    vulkan = {{"error", nullptr}, {"devices", Json::array()}};
    std::vector<vulkan::DeviceInfo> devices;
    try {
      ProgressLine progress;
      progress.show("Asking Vulkan for its devices");
      devices = vulkan::list_devices();
    } catch (const BackendError& error) {
      say(fmt::format("vulkan: compiled in, but not usable\n  {}\n",
                      text::printable_line(error.what())));
      vulkan["error"] = error.what();
      return;
    }
    say(fmt::format("vulkan: compiled in, library loaded, {} device{}\n", devices.size(),
                    devices.size() == 1 ? "" : "s"));
    if (devices.empty()) say("  no driver offers a device: is one installed?\n");
    for (const vulkan::DeviceInfo& info : devices) {
      if (interrupted()) return;
      vulkan["devices"].push_back(json_of(info));
      examine_device(info, vulkan["devices"].back());
    }
  }

  void examine_device(const vulkan::DeviceInfo& info, Json& json) {
    say(
        fmt::format("  device {}: {}\n"
                    "    type {}, Vulkan {}, driver {}\n"
                    "    timeline semaphores {}, timestamps {}, compute queues {}, buffer device "
                    "address {}\n"
                    "    external memory host {}\n",
                    info.index, text::printable_line(info.name), info.type, info.api_version,
                    text::printable_line(info.driver), yes_no(info.timeline_semaphores),
                    yes_no(info.timestamps), compute_queues(info),
                    yes_no(info.buffer_device_address), yes_no(info.external_memory_host)));
    const std::string why_unusable = info.why_unusable();
    if (!why_unusable.empty()) {
      say(fmt::format("    unusable: {}\n", text::printable_line(why_unusable)));
      return;
    }
    ProgressLine progress;
    progress.show(fmt::format("Testing device {}", info.index));
    const SelfTestResult result = self_test_vulkan(info);
    progress.clear();
    say("    " + self_test_line(result));
    json["selfTest"] = json_of(result);
    ++(result.passed ? passed_ : failed_);
  }

  void describe_others() {
    const std::string metal = describe_metal();
    say(metal);
    json_["backends"]["metal"]["detail"] = metal.substr(0, metal.find_last_not_of('\n') + 1);
    say("cuda: there is no such backend yet\n");
  }

  bool prints_json_;
  Json json_;
  int passed_ = 0;
  int failed_ = 0;
};

}  // namespace

Command add_doctor_command(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "doctor", "Show which backends and devices work here, and why others don't");
  auto json = std::make_shared<bool>(false);
  auto from = std::make_shared<std::string>();
  parser->add_flag("--json", *json, "Print JSON, at the end")->disable_flag_override();
  parser
      ->add_option("--from", *from,
                   "Say what is found in a recording of cbr bench --record; - is standard input")
      ->type_name("FILE.json");
  parser->footer(doctor_footer);
  return {.parser = parser, .run = [parser, json, from] {
            if (parser->count("--from") > 0) return report_on_recordings(*from, *json);
            return Doctor(*json).run();
          }};
}

}  // namespace cbr::tool
