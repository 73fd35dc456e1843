#include "decode/file_stand_in.h"

#include <string>

#include <gmock/gmock.h>

#include "decode/mapped_file.h"
#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using testing::HasSubstr;

TEST(FileStandIn, KnowsWhatToolsLeaveInPlaceOfFiles) {
  for (const char* version : {"https://git-lfs.github.com/spec/v1",
                              "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"}) {
    const std::string text = std::string("version ") + version + "\r\noid sha256:0\r\nsize 1\r\n";
    EXPECT_THAT(describe_stand_in(text).value_or(""), HasSubstr("is a Git LFS pointer"));
  }
  EXPECT_THAT(describe_stand_in("/annex/objects/SHA256E-s1--0.safetensors\n").value_or(""),
              HasSubstr("git annex get"));
  EXPECT_THAT(describe_stand_in("# xet version 0\nfilesize = 1\n").value_or(""), HasSubstr("Xet"));
}

TEST(FileStandIn, TakesNothingElseForOne) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\n";
  for (const std::string& text : {std::string(), std::string("{}"), std::string("version: 1\n"),
                                  " " + pointer, pointer + std::string(40'000, ' ')}) {
    EXPECT_EQ(describe_stand_in(text), std::nullopt);
  }
}

TEST(FileStandIn, IsRefusedWhereAFileIsRead) {
  const test::TemporaryDirectory directory;
  const auto path =
      directory.write("prompts.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  EXPECT_EQ(test::input_error_of([&] { const MappedFile file(path); }),
            path.string() +
                ": is a Git LFS pointer, not the file itself; `git lfs pull` fetches the file");
}

}  // namespace
}  // namespace cbr::decode
