#include "decode/tensor_shards.h"

#include <algorithm>
#include <array>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "decode/model_directory.h"
#include "support/model_builder.h"
#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using nlohmann::json;
using test::input_error_of;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* index_name = "model.safetensors.index.json";

class TensorShardsTest : public testing::Test {
 protected:
  void write_index(const json& weight_map) {
    static_cast<void>(directory.write(index_name, json{{"weight_map", weight_map}}.dump()));
  }

  std::string error_of(const json& weight_map) {
    write_index(weight_map);
    return input_error_of([&] { const TensorShards shards(directory.path()); });
  }

  void write_shard(const char* name, const std::vector<test::TensorData>& tensors) {
    test::write_safetensors(directory.path() / name, tensors);
  }

  test::TemporaryDirectory directory;
};

TEST_F(TensorShardsTest, FindsTheWholeShippedModelInShards) {
  const SafetensorsFile whole(test::shipped_model() / "model.safetensors");
  std::array<std::vector<test::TensorData>, 3> parts;
  json map;
  for (std::size_t i = 0; i < whole.tensors().size(); ++i) {
    const TensorView& tensor = whole.tensors()[i];
    parts.at(i % 3).push_back(
        {tensor.name, tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}});
    map[tensor.name] = "part" + std::to_string(i % 3) + ".safetensors";
  }
  write_shard("part0.safetensors", parts[0]);
  write_shard("part1.safetensors", parts[1]);
  write_shard("part2.safetensors", parts[2]);
  write_index(map);
  for (const char* name : {"config.json", "tokenizer.json"}) {
    std::filesystem::copy_file(test::shipped_model() / name, directory.path() / name);
  }

  const TensorShards shards(directory.path());
  for (const TensorView& tensor : whole.tensors()) {
    EXPECT_TRUE(std::ranges::equal(shards.at(tensor.name).tensor->bytes, tensor.bytes));
  }
  EXPECT_EQ(ModelDirectory::open(directory.path()).weights().layers.size(), 6);
}

TEST_F(TensorShardsTest, NamesATensorThatIsNowhere) {
  write_shard("a.safetensors", {{"t", Dtype::u8, {0}, {}}, {"hidden", Dtype::u8, {0}, {}}});
  write_index({{"t", "a.safetensors"}});
  const TensorShards shards(directory.path());
  EXPECT_EQ(shards.at("t").tensor->name, "t");
  EXPECT_EQ(input_error_of([&] { static_cast<void>(shards.at("hidden")); }),
            (directory.path() / index_name).string() + ": tensor \"hidden\": is missing");
}

TEST_F(TensorShardsTest, RefusesFilesOutsideTheDirectory) {
  for (const char* name :
       {"../a.safetensors", "/etc/a.safetensors", "sub/a.safetensors", "..\\a.safetensors",
        "C:a.safetensors", "..", "", ".safetensors", "passwd"}) {
    EXPECT_THAT(error_of({{"t", name}}),
                AllOf(HasSubstr(index_name), HasSubstr("weight_map.t: is "),
                      HasSubstr("expected the plain name of a .safetensors file")))
        << name;
  }
  EXPECT_THAT(error_of({{"t", std::string("a\0.safetensors", 14)}}), HasSubstr("a\\x00."));
}

TEST_F(TensorShardsTest, RefusesABrokenIndex) {
  EXPECT_THAT(error_of({{"t", 3}}), HasSubstr("weight_map.t: is 3; expected a string"));
  EXPECT_THAT(error_of(json::array()),
              HasSubstr("weight_map: is an array of 0; expected an object"));
  EXPECT_THAT(error_of({{"t", "gone.safetensors"}}),
              HasSubstr("gone.safetensors: cannot open the file"));
  write_shard("a.safetensors", {});
  EXPECT_THAT(error_of({{"t", "a.safetensors"}}),
              HasSubstr("weight_map.t: is \"a.safetensors\", but that file has no such tensor"));
}

}  // namespace
}  // namespace cbr::decode
