// After each test on the fake of Metal: no object is left over, nothing was autoreleased without a
// pool.
#include <gtest/gtest.h>

#include "metal_fake/control.h"

namespace cbr::test {
namespace {

// GoogleTest names its functions so.
// NOLINTBEGIN(readability-identifier-naming)
class MetalLeakCheck final : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo& /*info*/) override {
    metal_fake::reset();
    live_before_ = metal_fake::live_objects();
    without_pool_before_ = metal_fake::autoreleases_without_pool();
  }
  // The test and its fixture are gone by now.
  void OnTestEnd(const testing::TestInfo& /*info*/) override {
    // Waits for handlers, which may hold objects.
    metal_fake::reset();
    EXPECT_EQ(metal_fake::live_objects(), live_before_);
    EXPECT_EQ(metal_fake::autoreleases_without_pool(), without_pool_before_);
  }

 private:
  std::unordered_map<std::string, std::int64_t> live_before_;
  std::uint64_t without_pool_before_ = 0;
};
// NOLINTEND(readability-identifier-naming)

[[maybe_unused]] const bool listening = [] {
  // GoogleTest owns it.
  testing::UnitTest::GetInstance()->listeners().Append(new MetalLeakCheck);
  return true;
}();

}  // namespace
}  // namespace cbr::test
