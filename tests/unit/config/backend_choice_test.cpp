#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/config.h>
#include <cbr/errors.h>

namespace cbr {
namespace {

using testing::ElementsAre;

/// Candidates of which some work, and a record of what was tried.
struct World {
  std::vector<std::string> tried = {};

  BackendCandidate works(const std::string& name) {
    return {.name = name, .open = [this, name] { tried.push_back(name); }};
  }
  BackendCandidate fails(const std::string& name) {
    return {.name = name, .open = [this, name] {
              tried.push_back(name);
              throw BackendError("no " + name + " library");
            }};
  }
};

Config config_of(std::string_view yaml, ConfigTexts flags = {}) {
  return parse_config(yaml, "f", {.environment = {}, .flags = std::move(flags)});
}

TEST(ChooseBackend, TakesTheConfiguredOne) {
  World world;
  const BackendChoice choice =
      choose_backend(config_of("backend: vulkan"), {world.works("metal"), world.works("vulkan")});
  EXPECT_EQ(choice.name, "vulkan");
  EXPECT_EQ(choice.warning, "");
  EXPECT_THAT(world.tried, ElementsAre("vulkan"));
}

TEST(ChooseBackend, AutoGoesByTheOrderOfFallback) {
  World world;
  const BackendChoice choice = choose_backend(
      config_of("{}"), {world.works("simulated"), world.fails("vulkan"), world.fails("metal")});
  EXPECT_EQ(choice.name, "simulated");
  EXPECT_EQ(choice.warning,
            "metal: no metal library; vulkan: no vulkan library; using backend simulated instead");
  EXPECT_THAT(world.tried, ElementsAre("metal", "vulkan", "simulated"));
}

TEST(ChooseBackend, FallsBackFromOneThatFailsOrIsUnknownHere) {
  World world;
  EXPECT_EQ(
      choose_backend(config_of("backend: vulkan"), {world.works("metal"), world.fails("vulkan")})
          .name,
      "metal");
  EXPECT_THAT(world.tried, ElementsAre("vulkan", "metal"));
  const BackendChoice choice = choose_backend(config_of("backend: metal"), {world.works("vulkan")});
  EXPECT_EQ(choice.name, "vulkan");
  EXPECT_EQ(choice.warning,
            "metal: backend metal can't be used here, usable are: vulkan; using backend vulkan "
            "instead");
}

TEST(ChooseBackend, NothingStandsInWhereThatWasNotWanted) {
  for (const Config& config :
       {config_of("{graceful_fallback: false, backend: vulkan}"),
        config_of("{device: H200, backend: vulkan}"), config_of("{}", {{"backend", "vulkan"}}),
        config_of("graceful_fallback: false")}) {
    World world;
    try {
      (void)choose_backend(config, {world.fails("vulkan"), world.works("simulated")});
      FAIL() << "it fell back";
    } catch (const BackendError& error) {
      EXPECT_STREQ(error.what(), "no vulkan library");
    }
    EXPECT_THAT(world.tried, ElementsAre("vulkan"));
  }
  World world;
  EXPECT_THROW((void)choose_backend(config_of("{graceful_fallback: false, backend: metal}"),
                                    {world.works("vulkan")}),
               BackendError);
}

TEST(ChooseBackend, TellsAllCausesIfNothingWorks) {
  World world;
  try {
    (void)choose_backend(config_of("{}"), {world.fails("vulkan"), world.fails("metal")});
    FAIL() << "it found one";
  } catch (const BackendError& error) {
    EXPECT_STREQ(error.what(),
                 "no backend works (metal: no metal library; vulkan: no vulkan library)");
  }
  EXPECT_THROW((void)choose_backend(config_of("{}"), {}), BackendError);
}

TEST(ChooseBackend, OtherErrorsAreNoReasonToFallBack) {
  World world;
  const BackendCandidate broken = {.name = "metal",
                                   .open = [] { throw std::logic_error("a mistake"); }};
  EXPECT_THROW((void)choose_backend(config_of("{}"), {broken, world.works("vulkan")}),
               std::logic_error);
}

}  // namespace
}  // namespace cbr
