#include "compute/transfer.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "support/vulkan_fixture.h"

namespace cbr::compute {
namespace {

using test::validated_device;

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  return bytes;
}

TEST(UploaderTest, ManyChunksArriveInPlace) {
  const std::vector<std::byte> data = pattern(10007);
  const Buffer target(validated_device(), 10020, Placement::device_local);
  Uploader uploader(validated_device(), 256);
  uploader.write(target, 12, data);
  uploader.finish();
  EXPECT_EQ(download(validated_device(), target, 12, data.size()), data);
}

TEST(UploaderTest, LaterWritesWinOverEarlierOnes) {
  const Buffer target(validated_device(), 64, Placement::device_local);
  Uploader uploader(validated_device());
  uploader.write(target, 0, std::vector<std::byte>(64, std::byte{1}));
  uploader.write(target, 16, std::vector<std::byte>(16, std::byte{2}));
  uploader.finish();
  const std::vector<std::byte> result = download(validated_device(), target, 15, 18);
  EXPECT_EQ(result.front(), std::byte{1});
  EXPECT_EQ(result[1], std::byte{2});
  EXPECT_EQ(result[16], std::byte{2});
  EXPECT_EQ(result.back(), std::byte{1});
}

TEST(UploaderTest, RefusesRangesOutsideTheTarget) {
  const Buffer target(validated_device(), 64, Placement::device_local);
  Uploader uploader(validated_device(), 256);
  EXPECT_THROW(uploader.write(target, 60, std::vector<std::byte>(5)), InvalidUsage);
  EXPECT_THROW(uploader.write(target, UINT64_MAX, std::vector<std::byte>(1)), InvalidUsage);
  EXPECT_THROW((void)download(validated_device(), target, 65, 0), InvalidUsage);
}

TEST(DownloadTest, ReadsMoreThanOneChunk) {
  const std::vector<std::byte> data = pattern(Uploader::default_chunk_size + 1001);
  const Buffer target(validated_device(), data.size(), Placement::device_local);
  Uploader uploader(validated_device());
  uploader.write(target, 0, data);
  uploader.finish();
  EXPECT_EQ(download(validated_device(), target, 0, data.size()), data);
}

}  // namespace
}  // namespace cbr::compute
