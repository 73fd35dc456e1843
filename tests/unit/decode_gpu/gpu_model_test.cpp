#include "decode/gpu_model.h"

#include <cstdint>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "compute/transfer.h"
#include "decode/model_directory.h"
#include "decode/weight_upload.h"
#include "support/model_builder.h"
#include "support/model_fixture.h"
#include "support/vulkan_fixture.h"

namespace cbr::decode {
namespace {

using test::validated_device;

TEST(WeightUploadTest, PacksItemsIntoBlocks) {
  std::vector<std::vector<std::byte>> data;
  for (const std::size_t size : {1U, 300U, 700U, 5000U, 256U}) {
    data.emplace_back(size, static_cast<std::byte>(size));
  }
  std::vector<GpuAddress> addresses(data.size());
  WeightUpload upload(1024);
  for (std::size_t i = 0; i < data.size(); ++i) upload.add(data[i], addresses[i]);
  const std::vector<compute::Buffer> blocks = upload.run(validated_device());
  // 256 + 512; 768; the large one alone; 256.
  ASSERT_EQ(blocks.size(), 4U);
  const std::vector<std::size_t> block_of = {0, 0, 1, 2, 3};
  for (std::size_t i = 0; i < data.size(); ++i) {
    EXPECT_EQ(addresses[i] % 16, 0U);
    const compute::Buffer& block = blocks[block_of[i]];
    const std::uint64_t offset = addresses[i] - block.address();
    ASSERT_LE(offset + data[i].size(), block.size());
    EXPECT_EQ(compute::download(validated_device(), block, offset, data[i].size()), data[i]);
  }
}

TEST(WeightUploadTest, WhatTheCheckThrowsEndsIt) {
  const std::vector<std::byte> data(100);
  std::vector<GpuAddress> addresses(3);
  WeightUpload upload(1024);
  for (GpuAddress& address : addresses) upload.add(data, address);
  int calls = 0;
  EXPECT_THROW((void)upload.run(validated_device(),
                                [&] {
                                  if (++calls == 2) throw std::runtime_error("enough");
                                }),
               std::runtime_error);
  EXPECT_EQ(calls, 2);
}

TEST(GpuModelTest, TiedWeightsLieInMemoryOnce) {
  for (const bool tied : {true, false}) {
    const test::TemporaryDirectory directory;
    test::ModelSpec spec;
    spec.tie_word_embeddings = tied;
    test::build_model(directory.path(), spec);
    const ModelDirectory files = ModelDirectory::open(directory.path());
    const GpuModel model(validated_device(), files.config(), files.weights());
    EXPECT_EQ(model.weights().head.weights == model.weights().embedding.weights, tied);
    EXPECT_EQ(model.weights().layers.size(), spec.num_hidden_layers);
    EXPECT_GT(model.byte_size(), files.weights().embedding.weight.size());
  }
}

}  // namespace
}  // namespace cbr::decode
