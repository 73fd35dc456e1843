#include "decode/file_stand_in.h"

#include <array>
#include <cstddef>

namespace cbr::decode {
namespace {

struct StandIn {
  std::string_view beginning;
  std::string_view description;
};

constexpr std::string_view git_lfs =
    "is a Git LFS pointer, not the file itself; `git lfs pull` fetches the file";
constexpr std::array stand_ins = {
    StandIn{"version https://git-lfs.github.com/spec/", git_lfs},
    // The names that Git LFS had before; it still reads such pointers.
    StandIn{"version https://hawser.github.com/spec/", git_lfs},
    StandIn{"version http://git-media.io/v/", git_lfs},
    StandIn{"/annex/objects/",
            "is a git-annex pointer, not the file itself; `git annex get` fetches the file"},
    StandIn{"# xet version ",
            "is a Xet pointer, not the file itself; `git xet checkout` fetches the file"}};

// Git LFS allows a pointer 1024 bytes, git-annex somewhat more. A real file that begins like one is
// longer.
constexpr std::size_t longest_stand_in = 32768;

}  // namespace

std::optional<std::string_view> describe_stand_in(std::string_view text) {
  if (text.size() > longest_stand_in) return std::nullopt;
  for (const StandIn& stand_in : stand_ins) {
    if (text.starts_with(stand_in.beginning)) return stand_in.description;
  }
  return std::nullopt;
}

}  // namespace cbr::decode
