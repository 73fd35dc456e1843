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

  static test::TensorData tensor(const char* name) { return {name, Dtype::u8, {0}, {}}; }

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
  write_shard("a.safetensors", {tensor("t")});
  write_index({{"t", "a.safetensors"}, {"moved", "a.safetensors"}, {"lost", "gone.safetensors"}});
  const TensorShards shards(directory.path());
  EXPECT_EQ(shards.at("t").tensor->name, "t");
  const std::string index = (directory.path() / index_name).string();
  const auto error = [&](const char* name) {
    return input_error_of([&] { static_cast<void>(shards.at(name)); });
  };
  EXPECT_EQ(error("other"), index + ": tensor \"other\": is missing");
  EXPECT_EQ(error("moved"), index +
                                ": tensor \"moved\": is missing: the index places it in "
                                "\"a.safetensors\", which has no such tensor");
  EXPECT_EQ(error("lost"), index +
                               ": tensor \"lost\": is missing: the index places it in "
                               "\"gone.safetensors\", which is not there");
}

// The index is that of the unquantised source, say.
TEST_F(TensorShardsTest, FindsTensorsWithoutAnIndexThatIsOutOfDate) {
  write_shard("model-00001-of-00002.safetensors", {tensor("a"), tensor("b")});
  write_shard("model-00002-of-00002.safetensors", {tensor("c")});
  write_shard("other.safetensors", {tensor("d")});
  const auto file_of = [&](const char* name) {
    return TensorShards(directory.path()).at(name).file->path().filename().string();
  };
  // Without any; with one that places a tensor wrongly; with one that names files not there.
  for (const json& map : {json(), json{{"a", "model-00002-of-00002.safetensors"}},
                          json{{"a", "model-00001-of-00009.safetensors"}}, json::object()}) {
    if (!map.is_null()) write_index(map);
    EXPECT_EQ(file_of("a"), "model-00001-of-00002.safetensors");
    EXPECT_EQ(file_of("b"), "model-00001-of-00002.safetensors");
    EXPECT_EQ(file_of("c"), "model-00002-of-00002.safetensors");
    EXPECT_FALSE(TensorShards(directory.path()).contains("d"));
  }
}

TEST_F(TensorShardsTest, LetsTheIndexDecideBetweenTwoCopies) {
  write_shard("model-a.safetensors", {tensor("t"), tensor("u")});
  write_shard("model-b.safetensors", {tensor("t"), tensor("u")});
  write_index({{"t", "model-b.safetensors"}, {"gone", "model-a.safetensors"}});
  const TensorShards shards(directory.path());
  EXPECT_EQ(shards.at("t").file->path().filename(), "model-b.safetensors");
  EXPECT_THAT(input_error_of([&] { static_cast<void>(shards.at("u")); }),
              HasSubstr("tensor \"u\": is in \"model-a.safetensors\" and in "
                        "\"model-b.safetensors\", and no index says which counts"));
}

TEST_F(TensorShardsTest, DoesNotLookAtAnIndexBesideAWholeFile) {
  write_shard("model.safetensors", {tensor("t")});
  write_shard("model-00001-of-00001.safetensors", {tensor("t"), tensor("u")});
  for (const char* index : {R"({"weight_map": {"t": "gone.safetensors"}})", "no JSON", "{}"}) {
    static_cast<void>(directory.write(index_name, index));
    const TensorShards shards(directory.path());
    EXPECT_EQ(shards.at("t").file->path().filename(), "model.safetensors");
    EXPECT_FALSE(shards.contains("u"));
  }
}

// A model that needs no more than its shards have opens, whatever else the index lists.
TEST_F(TensorShardsTest, LeavesAnEntryAloneThatNobodyNeeds) {
  build_model(directory.path(), test::ModelSpec());
  std::filesystem::rename(directory.path() / "model.safetensors",
                          directory.path() / "model-00001-of-00001.safetensors");
  json map = {{"lm_head.weight", "model-00001-of-00001.safetensors"},
              {"model.old", "model-00002-of-00002.safetensors"}};
  for (const test::TensorData& data : random_tensors(test::ModelSpec())) {
    map[data.name] = "model-00001-of-00001.safetensors";
  }
  write_index(map);
  EXPECT_EQ(ModelDirectory::open(directory.path()).weights().layers.size(), 2);
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
  static_cast<void>(directory.write("a.safetensors", "short"));
  EXPECT_THAT(error_of({{"t", "a.safetensors"}}), HasSubstr("a.safetensors: has 5 bytes"));
}

}  // namespace
}  // namespace cbr::decode
