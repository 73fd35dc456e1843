// The backends that the conformance suite runs on.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "conformance/harness.h"

namespace cbr::test {

inline auto all_backends() {
#ifdef CBR_TEST_METAL
  return testing::Values(
      HarnessFactory{"metal3", make_metal3_harness},
      HarnessFactory{"metal3_checked",
                     [](std::uint32_t queue_count) {
                       return make_checked_harness(make_metal3_harness(queue_count));
                     }},
      HarnessFactory{"metal3_ahead", make_metal3_ahead_harness},
      HarnessFactory{"metal4", make_metal4_harness},
      HarnessFactory{"metal4_checked", [](std::uint32_t queue_count) {
                       return make_checked_harness(make_metal4_harness(queue_count));
                     }});
#else
  return testing::Values(
#ifdef CBR_TEST_VULKAN
      HarnessFactory{"vulkan", make_vulkan_harness},
      HarnessFactory{"vulkan_checked",
                     [](std::uint32_t queue_count) {
                       return make_checked_harness(make_vulkan_harness(queue_count));
                     }},
      HarnessFactory{"vulkan_gathering",
                     [](std::uint32_t queue_count) {
                       return make_gathering_harness(make_vulkan_harness(queue_count));
                     }},
#endif
      HarnessFactory{"simulated", make_simulated_harness},
      HarnessFactory{"simulated_checked",
                     [](std::uint32_t queue_count) {
                       return make_checked_harness(make_simulated_harness(queue_count));
                     }},
      HarnessFactory{"simulated_gathering", [](std::uint32_t queue_count) {
                       return make_gathering_harness(make_simulated_harness(queue_count));
                     }});
#endif
}

inline std::string backend_name(const testing::TestParamInfo<HarnessFactory>& info) {
  return info.param.name;
}

}  // namespace cbr::test
