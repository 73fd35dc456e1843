#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cbr/config.h>
#include <cbr/errors.h>

namespace cbr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConfigFile : public testing::Test {
 public:
  ~ConfigFile() override { std::filesystem::remove_all(folder_); }

 protected:
  ConfigFile() {
    std::string name = (std::filesystem::temp_directory_path() / "cbr-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }

  std::filesystem::path write(std::string_view text, const std::string& name = "ring.yaml") {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::string error_of(const std::filesystem::path& path) {
    try {
      (void)load_config(path, {.environment = {}, .flags = {}});
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path folder_;
};

// The block that users have in their files, as it stands.
constexpr const char* document = R"(metal_optimizations:
  enabled: true
  graceful_fallback: true
  command_buffer_ring:
    enabled: true
    ring_size: 3              # 2=double buffer, 3=triple buffer, 4=quad buffer
    timeout_ms: 0             # Acquisition timeout (0=infinite)
    log_wait_events: false    # Log buffer wait events (debug only)
    track_statistics: true    # Track reuse statistics
    allocation_strategy: 'priority'  # Options: 'round-robin', 'priority', 'least-busy'
    priority_levels: 3  # High/medium/low priority buffers
)";

TEST_F(ConfigFile, LoadsTheDocumentedBlock) {
  const auto path = write(document);
  const Config config = load_config(path, {.environment = {}, .flags = {}});
  EXPECT_TRUE(config.graceful_fallback);
  EXPECT_EQ(config.ring.ring_size, 3U);
  EXPECT_FALSE(config.ring.timeout.has_value());
  EXPECT_EQ(config.ring.allocation_strategy, AllocationStrategy::priority);
  EXPECT_EQ(to_string(config.option("ring_size").origin), path.string() + ":6");
  EXPECT_THAT(config.warnings, IsEmpty());
  EXPECT_THAT(check_config(path), IsEmpty());
}

TEST_F(ConfigFile, FilesThatCanNotBeRead) {
  EXPECT_THAT(error_of(folder_ / "none.yaml"),
              testing::EndsWith("none.yaml: can't open it: No such file or directory"));
  EXPECT_THAT(error_of(folder_), HasSubstr("is a folder"));
  EXPECT_EQ(error_of(""), "the name of the configuration file is empty");
  EXPECT_THAT(error_of(write(std::string((1U << 20U) + 1, '#'))),
              HasSubstr("larger than 1048576 bytes"));
  EXPECT_THAT(check_config(folder_ / "none.yaml"), ElementsAre(HasSubstr("can't open it")));
}

TEST_F(ConfigFile, TheLargestFileIsRead) {
  EXPECT_EQ(error_of(write("enabled: true\n" + std::string((1U << 20U) - 14, '#'))), "no error");
}

TEST_F(ConfigFile, EmptyFilesAreRefused) {
  EXPECT_THAT(error_of(write("")), HasSubstr("ring.yaml:1:1: the file is empty"));
}

TEST_F(ConfigFile, CheckTellsEveryMistakeAndLoadTheFirst) {
  const auto path = write("enabled: 1\nqueues: 65\n");
  EXPECT_THAT(check_config(path),
              ElementsAre(HasSubstr(":1:10: enabled"), HasSubstr(":2:9: queues")));
  EXPECT_EQ(error_of(path), check_config(path).front());
  EXPECT_THAT(check_config(write("queues: 4\n")),
              ElementsAre(HasSubstr("each queue needs a slot")));
  EXPECT_THAT(
      check_config(write("command_buffer_ring: {reserved_slots: [1]}\nqueues: 4\n")),
      ElementsAre(HasSubstr(":1:39: reserved_slots needs"), HasSubstr(":2:9: queues is 4")));
}

TEST_F(ConfigFile, OddFileNamesStayOnOneLine) {
  EXPECT_THAT(error_of(write("enabled: 1\n", "a\nb.yaml")), HasSubstr("a\\nb.yaml:1:10: enabled"));
}

TEST_F(ConfigFile, TheEnvironmentOverridesByDefault) {
  setenv("CBR_RING_SIZE", "7", 1);
  const Config loaded = load_config(write(document));
  const Config parsed = parse_config(document);
  const Config plain = default_config();
  unsetenv("CBR_RING_SIZE");
  EXPECT_EQ(loaded.ring.ring_size, 7U);
  EXPECT_EQ(parsed.ring.ring_size, 3U);
  EXPECT_EQ(plain.ring.ring_size, 7U);
  EXPECT_EQ(config_environment().count("CBR_RING_SIZE"), 0U);
}

}  // namespace
}  // namespace cbr
