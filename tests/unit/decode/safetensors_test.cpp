#include "decode/safetensors.h"

#include <array>
#include <bit>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "support/model_builder.h"
#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using test::input_error_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class SafetensorsFileTest : public testing::Test {
 protected:
  // A file with that header and `data` zero bytes after it.
  std::filesystem::path write(const std::string& header, std::size_t data) {
    return write_raw(header.size(), header + std::string(data, '\0'));
  }

  std::filesystem::path write_raw(std::uint64_t length, const std::string& rest) {
    const auto bytes = std::bit_cast<std::array<char, 8>>(length);
    return directory.write("a.safetensors", std::string(bytes.data(), bytes.size()) + rest);
  }

  // The error for a file, without the file's name at its front.
  static std::string error_of(const std::filesystem::path& path) {
    const std::string text = input_error_of([&] { const SafetensorsFile file(path); });
    const std::string front = path.string() + ": ";
    EXPECT_THAT(text, StartsWith(front));
    return text.substr(std::min(front.size(), text.size()));
  }

  std::string error_of_entry(const std::string& entry, std::size_t data = 64) {
    return error_of(write("{\"t\":" + entry + "}", data));
  }

  test::TemporaryDirectory directory;
};

TEST_F(SafetensorsFileTest, ReadsWhatWasWritten) {
  std::vector<std::byte> bytes(12);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i);
  const auto path = directory.path() / "b.safetensors";
  test::write_safetensors(path, {{"odd", Dtype::u8, {3}, {bytes.begin(), bytes.begin() + 3}},
                                 {"empty", Dtype::f32, {0, 7}, {}},
                                 {"scalar", Dtype::u32, {}, {bytes.begin(), bytes.begin() + 4}},
                                 {"matrix", Dtype::bf16, {2, 3}, bytes}});
  SafetensorsFile first(path);
  const SafetensorsFile file = std::move(first);
  ASSERT_EQ(file.tensors().size(), 4);
  const TensorView* matrix = file.find("matrix");
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->dtype, Dtype::bf16);
  EXPECT_THAT(matrix->shape, testing::ElementsAre(2, 3));
  EXPECT_THAT(matrix->bytes, testing::ElementsAreArray(bytes));
  EXPECT_TRUE(file.find("empty")->bytes.empty());
  EXPECT_EQ(file.find("scalar")->bytes.size(), 4);
  EXPECT_EQ(file.find("nothing"), nullptr);
}

TEST_F(SafetensorsFileTest, KnowsEveryDtype) {
  for (const char* name : {"BOOL", "U8", "I8", "I16", "U16", "F16", "BF16", "I32", "U32", "F32",
                           "F64", "I64", "U64"}) {
    const Dtype dtype = dtype_from_name(name).value();
    EXPECT_EQ(name_of(dtype), name);
    const std::string size = std::to_string(size_of(dtype));
    const auto path = write(std::string(R"({"t":{"dtype":")") + name +
                                R"(","shape":[1],"data_offsets":[0,)" + size + "]}}",
                            size_of(dtype));
    EXPECT_EQ(SafetensorsFile(path).find("t")->dtype, dtype);
  }
}

TEST_F(SafetensorsFileTest, IgnoresMetadata) {
  EXPECT_TRUE(SafetensorsFile(write(R"({"__metadata__":{"format":"mlx"}} )", 0)).tensors().empty());
}

TEST_F(SafetensorsFileTest, RefusesABadHeaderLength) {
  EXPECT_EQ(error_of(directory.write("a.safetensors", "")),
            "has 0 bytes; expected at least the 8 of the header length");
  EXPECT_EQ(error_of(directory.write("a.safetensors", "1234567")),
            "has 7 bytes; expected at least the 8 of the header length");
  EXPECT_EQ(error_of(write_raw(3, "{}")), "the header length is 3, but only 2 bytes follow");
  EXPECT_EQ(error_of(write_raw(100'000'001, "{}")),
            "the header length is 100000001; at most 100000000 bytes are allowed");
  EXPECT_THAT(error_of(write_raw(~std::uint64_t{0}, "{}")),
              HasSubstr("the header length is 18446744073709551615; at most"));
}

TEST_F(SafetensorsFileTest, RefusesAMissingFileAndANamedPipe) {
  const auto missing = directory.path() / "none";
  EXPECT_EQ(error_of(missing), "cannot open the file: No such file or directory");
  const auto pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(error_of(pipe), "is not a regular file");
}

TEST_F(SafetensorsFileTest, RefusesAHeaderThatIsNotAnObject) {
  EXPECT_EQ(error_of(write("[]", 0)), "is an array of 0; expected a JSON object");
  EXPECT_THAT(error_of(write("{\"t\"", 0)), HasSubstr("is not valid JSON"));
  EXPECT_THAT(error_of(write("", 0)), HasSubstr("is not valid JSON"));
  EXPECT_THAT(error_of(write("{\"t\":" + std::string(100'000, '['), 0)), HasSubstr("64 levels"));
  EXPECT_EQ(error_of_entry("7"), "tensor \"t\": is 7; expected an object");
  EXPECT_EQ(error_of_entry(R"({"dtype":"U8","dtype":"U8"})"), "\"dtype\": the key is given twice");
}

TEST_F(SafetensorsFileTest, RefusesAnUnknownDtype) {
  EXPECT_THAT(error_of_entry(R"({"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]})"),
              AllOf(HasSubstr("tensor \"t\".dtype: is \"F8_E4M3\""), HasSubstr("BF16")));
  EXPECT_THAT(error_of_entry(R"({"dtype":3,"shape":[1],"data_offsets":[0,1]})"),
              HasSubstr("dtype: is 3; expected a string"));
  EXPECT_THAT(error_of_entry("{}"), HasSubstr("tensor \"t\".dtype: is missing"));
}

TEST_F(SafetensorsFileTest, RefusesABadShape) {
  const auto error = [&](const std::string& shape) {
    return error_of_entry(R"({"dtype":"F32","data_offsets":[0,4],"shape":)" + shape + "}");
  };
  EXPECT_THAT(error("[-1]"), HasSubstr("tensor \"t\".shape: holds -1; expected an integer"));
  EXPECT_THAT(error("[1.5]"), HasSubstr("shape: holds 1.5"));
  EXPECT_THAT(error("[99999999999999999999]"), HasSubstr("shape: holds 1e+20"));
  EXPECT_THAT(error("4"), HasSubstr("shape: is 4; expected an array"));
  EXPECT_THAT(error("[4294967296, 4294967296]"),
              HasSubstr("is [4294967296, 4294967296], whose size in bytes exceeds 2^64 - 1"));
  EXPECT_THAT(error("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"),
              HasSubstr("has 17 dimensions; at most 16 are allowed"));
}

TEST_F(SafetensorsFileTest, RefusesBadOffsets) {
  const auto error = [&](const std::string& offsets) {
    return error_of_entry(R"({"dtype":"F32","shape":[2],"data_offsets":)" + offsets + "}");
  };
  EXPECT_THAT(error("[0]"), HasSubstr("tensor \"t\".data_offsets: has 1 values; expected 2"));
  EXPECT_THAT(error("[8, 0]"), HasSubstr("is [8, 0]; expected a range within the file's 64 bytes"));
  EXPECT_THAT(error("[60, 68]"), HasSubstr("is [60, 68]; expected a range within"));
  EXPECT_THAT(error("[-8, 0]"), HasSubstr("holds -8"));
  EXPECT_THAT(error("[0, 18446744073709551616]"), HasSubstr("holds 1.8446744073709552e+19"));
  EXPECT_THAT(error("[0, 4]"), HasSubstr("is [0, 4], 4 bytes, but shape [2] of F32 takes 8"));
}

TEST_F(SafetensorsFileTest, RefusesTensorsThatOverlap) {
  const std::string header = R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[4,12]},)"
                             R"("b":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}})";
  EXPECT_EQ(error_of(write(header, 64)),
            "tensor \"a\" begins at byte 4, inside tensor \"b\", which ends at 5");
}

TEST_F(SafetensorsFileTest, KeepsAnErrorOnOneLine) {
  const auto path = write(R"({"a\nb":{"dtype":"U8","shape":[8],"data_offsets":[0,9]}})", 64);
  EXPECT_THAT(error_of(path), HasSubstr("tensor \"a\\nb\""));
}

}  // namespace
}  // namespace cbr::decode
