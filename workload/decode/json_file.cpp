#include "decode/json_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "decode/mapped_file.h"
#include "text/printable.h"

namespace cbr::decode {

nlohmann::json read_json_file(const std::filesystem::path& path, std::uint64_t largest) {
  const MappedFile file(path);
  if (file.bytes().size() > largest) {
    throw InputError(fmt::format("{}: has {} bytes; at most {} are allowed",
                                 text::printable_path(path), file.bytes().size(), largest));
  }
  return parse_json_object(file.text(), text::printable_path(path));
}

}  // namespace cbr::decode
